import { connect } from 'node:net';
import WebSocket from 'ws';

/**
 * The other side of the comparison: reads `total` messages and prints, as `read <json>`, how long it took and what CPU
 * it cost.
 *
 *     node bench/reader.ts <bare|ws|ws-json> <port> <messages>
 */
const [kind, port, count] = process.argv.slice(2);
const total = Number(count);
let seen = 0;
/** Of what was read: nothing is optimised away. */
let sum = 0;
let started = 0;
let cpuAtStart = process.cpuUsage();

function begin(): void {
  started = performance.now();
  cpuAtStart = process.cpuUsage();
}

function done(): void {
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuAtStart);
  const figure = { messagesPerSecond: seen / seconds, cpuMicrosPerMessage: (user + system) / seen, sum };
  process.stdout.write(`read ${JSON.stringify(figure)}\n`, () => process.exit());
}

/** Knows just enough of RFC 6455 to find where each unmasked server frame of below 64 KiB ends. */
function bare(): void {
  const socket = connect(Number(port), '127.0.0.1', () => {
    socket.write(
      'GET /bare HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
  });
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  socket.on('data', (bytes: Buffer) => {
    let data = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    if (!upgraded) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) {
        rest = data;
        return;
      }
      upgraded = true;
      begin();
      data = data.subarray(end + 4);
    }
    let at = 0;
    while (at + 4 <= data.length) {
      let length = (data[at + 1] as number) & 127;
      let header = 2;
      if (length === 126) {
        length = ((data[at + 2] as number) << 8) | (data[at + 3] as number);
        header = 4;
      }
      if (at + header + length > data.length) break;
      sum += data[at + header] as number;
      seen++;
      at += header + length;
    }
    rest = data.subarray(at);
    if (seen >= total) done();
  });
}

function overWs(parse: boolean): void {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/bare`, {
    perMessageDeflate: false,
    skipUTF8Validation: true,
  });
  socket.on('open', begin);
  socket.on('message', (payload: Buffer) => {
    seen++;
    if (parse) sum += (JSON.parse(payload.toString()) as { stream: string }).stream.length;
    if (seen >= total) done();
  });
}

if (kind === 'bare') bare();
else overWs(kind === 'ws-json');
