import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Frame, Rows } from '../src/record/index.ts';
import { FileStore, type JournalKey, StoreEngine, storeFile } from '../src/store/index.ts';

/**
 * What a trade row costs from the decoder's call to its finished Parquet file, by stage, in CPU of all threads, and
 * what it weighs on disk, by column. Values as in `flood.ts`, but none repeated.
 *
 *     node bench/store.ts [rows] [rows between flushes] [symbols]
 */
const total = Number(process.argv[2] ?? 3_000_000);
const flushRows = Number(process.argv[3] ?? 500_000);
const symbols = Number(process.argv[4] ?? 1);

const key: JournalKey = { exchange: 'flood', date: '2026-11-22', name: '10-1795341600000000' };

/** The values of all rows, made before anything is timed. */
function trades(): { time: Float64Array; local: Float64Array; price: Float64Array; amount: Float64Array } {
  let seed = 7;
  const random = (): number => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const [time, local, price, amount] = [0, 0, 0, 0].map(() => new Float64Array(total)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let cents = 6_712_345;
  let now = 1_795_341_600_000_000;
  for (let i = 0; i < total; i++) {
    if (random() < 0.4) cents += Math.round(normal() * 3);
    now += Math.floor(-Math.log(1 - random()) * 900);
    time[i] = now;
    local[i] = Math.max(now + 200 + Math.floor(random() * 900), local[i - 1] ?? 0);
    price[i] = cents / 100;
    amount[i] = Number((Math.exp(normal() * 1.6 - 5.5) + 0.00001).toFixed(8));
  }
  return { time, local, price, amount };
}

const cpu: Record<string, number> = {};
let since = process.cpuUsage();

/** Books the CPU since the last call to a stage. Asking costs tens of µs here and there: never once a batch. */
function spent(stage: string): void {
  const used = process.cpuUsage(since);
  cpu[stage] = (cpu[stage] ?? 0) + used.user + used.system;
  since = process.cpuUsage();
}

const values = trades();
const data = mkdtempSync(join(tmpdir(), 'feedtape-bench-'));
try {
  const engine = new StoreEngine({
    memory: '512MB',
    threads: 2,
    temporaryDirectory: join(data, 'scratch'),
  });
  let longestMs = 0;
  const rows = new Rows(() => undefined);
  const streams = Array.from({ length: symbols }, (_, i) =>
    rows.streams.code('spot', 'trades', 'trade', `COIN${i}USDT`),
  );
  const ids = Array.from({ length: flushRows }, (_, i) => Buffer.from(String(4_812_345_678 + i)));
  const frame = new Frame();
  const nothing = Buffer.alloc(0);
  const make = (i: number): void => {
    const id = ids[i % flushRows] as Buffer;
    rows.at(frame.set(values.local[i] as number, 7, i + 3, 'received', nothing));
    rows.tradeFrom(
      streams[i % symbols] as number,
      values.time[i] as number,
      id,
      0,
      id.length,
      i & 1 ? 'buy' : 'sell',
      values.price[i] as number,
      values.amount[i] as number,
    );
  };
  // Once for nobody: what the rows alone cost.
  spent('before');
  for (let i = 0; i < total; i++) make(i);
  rows.flush();
  spent('rows');

  const store = await FileStore.open(data, key, engine, rows.streams);
  rows.redirect((batch) => {
    const before = performance.now();
    store.append(batch);
    longestMs = Math.max(longestMs, performance.now() - before);
  });
  spent('before');
  // The flush runs beside the next rows, as in the recorder; here it is waited for, so that its cost has a name.
  for (let start = 0; start < total; start += flushRows) {
    for (let i = start; i < Math.min(start + flushRows, total); i++) make(i);
    rows.flush();
    spent('append');
    await store.flush();
    spent('flush');
  }
  await store.finish(1);
  spent('finish');
  delete cpu.before;
  cpu.append = (cpu.append ?? 0) - (cpu.rows ?? 0);

  const micro = (time: number): string => (time / total).toFixed(3);
  for (const [stage, time] of Object.entries(cpu))
    process.stdout.write(`${stage.padEnd(8)}${micro(time)} µs\n`);
  process.stdout.write(
    `all     ${micro(Object.values(cpu).reduce((a, b) => a + b))} µs CPU a row, all threads; longest append ${longestMs.toFixed(1)} ms\n`,
  );
  const columns = await (await engine.connect()).runAndReadAll(
    `SELECT path_in_schema, sum(total_compressed_size) / ${total}, any_value(encodings)
     FROM parquet_metadata('${storeFile(data, 'trades', key)}') GROUP BY ALL ORDER BY min(column_id)`,
  );
  await engine.close();
  let bytes = 0;
  for (const [name, size, encodings] of columns.getRowsJS()) {
    bytes += Number(size);
    process.stdout.write(`${String(name).padEnd(16)}${Number(size).toFixed(3)}  ${encodings}\n`);
  }
  process.stdout.write(`${bytes.toFixed(2)} bytes a row\n`);
} finally {
  rmSync(data, { recursive: true, force: true });
}
