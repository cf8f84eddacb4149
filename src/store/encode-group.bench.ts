import { constants, zstdCompressSync } from 'node:zlib';
import { Frame, Rows } from '../record/index.ts';
import { ByteSink } from './byte-sink.ts';
import { heldColumns } from './columns.ts';
import { encodeGroup, writeColumn } from './encode-group.ts';
import { RowBuffer } from './row-buffer.ts';
import { ROW_LIMITS } from './table-rows.ts';

/*
 * What a row costs on its way into a row group, by column: ns to write, bytes, and ns and bytes of zstd at two levels.
 *
 *     node src/store/encode-group.bench.ts [rows] [turns]
 *
 * The samples: trades of one symbol (random-walk prices, log-normal amounts, ids rising by one, several a read), and books of 20
 * levels a message.
 */
const rows = Math.min(Number(process.argv[2] ?? ROW_LIMITS.groupRows), ROW_LIMITS.groupRows);
const turns = Number(process.argv[3] ?? 30);

let seed = 7;
function random(): number {
  seed = (seed + 0x6d2b_79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const waited = (mean: number): number => Math.floor(-Math.log(1 - random()) * mean);

/** Rows of one stream, as many as fit. */
function filled(table: 'trades' | 'book', write: (to: Rows, stream: number) => void): RowBuffer {
  const buffer = new RowBuffer(table, rows);
  const to = new Rows((batch) => {
    const count = Math.min(batch.count, rows - buffer.rows);
    if (count > 0) buffer.append(batch, 0, count, new Uint8Array(1));
  });
  const stream = to.streams.code('spot', table === 'book' ? 'book' : 'trades', 'feed', 'BTCUSDT');
  while (buffer.rows < rows) {
    write(to, stream);
    to.flush();
  }
  return buffer;
}

let now = 1_795_341_600_000_000;
let cents = 6_712_345;
let number = 0;
const frame = new Frame();
const nothing = Buffer.alloc(0);

const trades = filled('trades', (to, stream) => {
  for (let i = 0; i < 1000; i++) {
    now += waited(300);
    if (random() < 0.4) cents += Math.round(normal() * 3);
    to.at(frame.set(now - (now % 700), 7, ++number, 'received', nothing));
    const amount = Number((Math.exp(normal() * 1.6 - 5.5) + 0.00001).toFixed(8));
    to.trade(
      stream,
      now,
      String(4_812_345_678 + number),
      random() < 0.5 ? 'buy' : 'sell',
      cents / 100,
      amount,
    );
  }
});
const book = filled('book', (to, stream) => {
  for (let i = 0; i < 50; i++) {
    now += waited(100_000);
    cents += Math.round(normal() * 3);
    to.at(frame.set(now, 7, ++number, 'received', nothing));
    to.beginBook(stream, now, false, 'feed', to.nextStep(stream), number * 40, true);
    for (let level = 0; level < 20; level++) {
      const away = (level < 10 ? -1 : 1) * (1 + Math.floor(Math.abs(normal()) * 60));
      const amount = random() < 0.3 ? 0 : Number(Math.exp(normal() * 1.6 - 2).toFixed(5));
      const side = level < 10 ? 'bid' : 'ask';
      to.level(side, (cents + away) / 100, amount);
    }
  }
});

/** CPU of one of many turns, ns a row. */
function nanos(act: () => void): number {
  act();
  const since = process.cpuUsage();
  for (let turn = 0; turn < turns; turn++) act();
  const { user, system } = process.cpuUsage(since);
  return ((user + system) * 1000) / turns / rows;
}

const cell = (value: number, digits: number): string => value.toFixed(digits).padStart(8);

for (const buffer of [trades, book]) {
  const spans = [{ names: { market: 'spot', symbol: 'BTCUSDT', feed: 'feed' }, rows }];
  const whole = (isDense: boolean) => encodeGroup({ exchange: 'it', rows: buffer, spans, isDense });
  process.stdout.write(`${buffer.table.padEnd(16)}     ns  bytes | zstd 1: ns, bytes | 3: ns, bytes\n`);
  for (const [i, column] of heldColumns(buffer.table).entries()) {
    const to = new ByteSink(rows * 16);
    const write = (): void => {
      to.length = 0;
      writeColumn(to, column, buffer, i, true);
    };
    const cells = [cell(nanos(write), 1), cell(to.length / rows, 3)];
    const plain = Buffer.from(to.written());
    for (const level of [1, 3]) {
      let packed = 0;
      const pack = (): void => {
        const params = { [constants.ZSTD_c_compressionLevel]: level };
        packed = zstdCompressSync(plain, { params, chunkSize: plain.length + 1024 }).length;
      };
      cells.push(cell(nanos(pack), 1), cell(packed / rows, 3));
    }
    process.stdout.write(`${column.name.padEnd(16)}${cells.join(' ')}\n`);
  }
  for (const isDense of [true, false])
    process.stdout.write(
      `${isDense ? 'all, dense' : 'all, quick'}${cell(
        nanos(() => whole(isDense)),
        1,
      )} ns a row, ${(whole(isDense).bytes.length / rows).toFixed(2)} bytes\n`,
    );
}
