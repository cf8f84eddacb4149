import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

/**
 * The flood: a WebSocket server made by hand, in a process of its own, that sends prebuilt trade frames to every
 * connection as fast as the socket takes them, then waits. Prints its port; a line per connection tells when the last
 * byte was handed over.
 *
 *     node bench/flood.ts <messages per connection>
 */
const total = Number(process.argv[2] ?? 1_000_000);
/** Distinct messages prebuilt; they repeat after that. */
const DISTINCT = 100_000;
/** Frames in one write. */
const AT_ONCE = 400;

/** A seeded generator (mulberry32), so that every run sends the same bytes. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Trades as Binance spot sends them in combined mode: random-walk price on a 0.01 grid, log-normal amounts, irregular times. */
function messages(): string[] {
  const random = generator(7);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let price = 6_712_345;
  let time = 1_780_000_000_000_000;
  let id = 4_812_345_678;
  const made: string[] = [];
  for (let i = 0; i < DISTINCT; i++) {
    if (random() < 0.4) price += Math.round(normal() * 3);
    time += Math.floor(-Math.log(1 - random()) * 900);
    const amount = (Math.exp(normal() * 1.6 - 5.5) + 0.00001).toFixed(8);
    const maker = random() < 0.5;
    const event = time + 200 + Math.floor(random() * 900);
    made.push(
      `{"stream":"btcusdt@trade","data":{"e":"trade","E":${event},"s":"BTCUSDT","t":${id++},"p":"${(price / 100).toFixed(8)}","q":"${amount}","T":${time},"m":${maker},"M":true}}`,
    );
  }
  return made;
}

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header =
    payload.length < 126
      ? Buffer.from([0x81, payload.length])
      : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([header, payload]);
}

const frames = messages().map(frame);
const writes: Buffer[] = [];
for (let i = 0; i < frames.length; i += AT_ONCE) writes.push(Buffer.concat(frames.slice(i, i + AT_ONCE)));

function flood(socket: Socket): void {
  let sent = 0;
  let next = 0;
  const more = (): void => {
    while (sent < total) {
      const left = total - sent;
      const whole = left >= AT_ONCE;
      const bytes = whole ? (writes[next] as Buffer) : Buffer.concat(frames.slice(0, left));
      sent += whole ? AT_ONCE : left;
      next = (next + 1) % writes.length;
      if (!socket.write(bytes)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.write('', () => process.stdout.write(`sent ${sent}\n`));
  };
  more();
}

const server = createServer((socket) => {
  let head = '';
  const onHead = (bytes: Buffer): void => {
    head += bytes.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', onHead);
    // A client's close frame (opcode 8) is answered, so that no orderly stop has to wait for us.
    socket.on('data', (sent: Buffer) => {
      if (((sent[0] as number) & 15) === 8) socket.end(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
    });
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    process.stdout.write('open\n');
    flood(socket);
  };
  socket.on('data', onHead);
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
