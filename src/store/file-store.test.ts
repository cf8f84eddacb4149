import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { type RowObject, Rows, rowObject, sortColumns, type Table, textFrame } from '../record/index.ts';
import { StoreEngine } from './engine.ts';
import { FileStore } from './file-store.ts';
import { type JournalKey, recentDirectory, storeFile } from './layout.ts';
import { SMALL_LIMITS } from './small-limits.ts';
import { createViews } from './views.ts';

const root = mkdtempSync(join(tmpdir(), 'feedtape-file-'));
const engine = new StoreEngine({ memory: '200MB', threads: 1, temporaryDirectory: join(root, 'spill') });
const connection = await engine.connect();
after(async () => {
  connection.closeSync();
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

const key: JournalKey = { exchange: 'words', date: '2026-11-22', name: '10-1795341600000000' };
const NOW = 1_795_341_600_000_000;

const TABLES_USED = ['trades', 'book', 'undecoded'] as const;

/** Two of the streams are one but for their channel. */
const STREAMS = [
  ['spot', 'trades', 'trade', 'AB'],
  ['spot', 'trades', 'trade', 'CD'],
  ['spot', 'book', 'depth', 'AB'],
  ['spot', 'quotes', 'depth', 'AB'],
  ['usdm', 'trades', 'trade', 'é'],
  ['usdm', null, null, null],
] as const;

const fact = fc.record({
  stream: fc.oneof(fc.constant(0), fc.nat(STREAMS.length - 1), fc.integer({ min: 6, max: 40 })),
  rows: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 20, max: 60 })),
  text: fc.oneof(
    { weight: 9, arbitrary: fc.constant('12345') },
    fc.string({ unit: 'grapheme' }),
    fc.constant('x'.repeat(1000)),
  ),
  table: fc.oneof({ weight: 4, arbitrary: fc.constant('trades' as const) }, fc.constantFrom(...TABLES_USED)),
  /** How the clock goes on: seldom back. */
  wait: fc.oneof({ weight: 900, arbitrary: fc.nat(2) }, fc.constant(-5)),
});
type Fact = typeof fact extends fc.Arbitrary<infer F> ? F : never;

let runs = 0;

/** What one way of making the files met and gave. */
interface Result {
  readonly bytes: Map<Table, Buffer>;
  readonly rows: Map<Table, RowObject[]>;
  readonly met: Set<string>;
}

/** Stores the facts, flushed behind those that `flushes` names, in batches of so many rows. */
async function stored(
  facts: readonly Fact[],
  batchRows: number,
  flushes: ReadonlySet<number>,
): Promise<Result> {
  const data = join(root, `run-${runs++}`);
  const rows = new Rows(() => undefined, batchRows);
  const store = await FileStore.open(data, key, engine, rows.streams, SMALL_LIMITS);
  const made = new Map<Table, RowObject[]>();
  const met = new Set<string>();
  rows.redirect((batch, streams) => {
    const to = made.get(batch.table) ?? [];
    for (let i = 0; i < batch.count; i++) to.push(rowObject(batch, i, streams, key.exchange));
    made.set(batch.table, to);
    store.append(batch);
  });
  let time = NOW;
  const running: Promise<void>[] = [];
  for (const [frame, { stream, rows: count, text, table, wait }] of facts.entries()) {
    time += wait;
    const names = STREAMS[stream] ?? (['spot', 'trades', 'trade', `S${stream}`] as const);
    const [market, channel, feed, symbol] = names;
    const code = rows.streams.code(market, channel, feed, symbol);
    rows.at(textFrame(time, 1, frame + 1, 'received', ''));
    for (let i = 0; i < count; i++)
      if (table === 'trades') rows.trade(code, time, text, 'buy', frame / 8, i);
      else if (table === 'undecoded') rows.undecoded(code, 'unknown', text);
      else {
        // A row of another table, or of another book, ends a message's stretch: the rest is another one.
        if (i % 5 === 2)
          rows.trade(rows.streams.code(market, 'trades', 'other', symbol), time, '7', 'buy', i, i);
        if (i % 7 === 3) {
          const other = rows.streams.code(market, 'book', feed, `${symbol}2`);
          rows.beginBook(other, Number.NaN, true, 'ours', frame, Number.NaN, false);
          rows.level(null, Number.NaN, Number.NaN);
        }
        if (i % 7 === 3 || rows.bookMessage === 0)
          rows.beginBook(code, time, false, 'feed', frame, frame, true);
        rows.level('bid', i, 1);
      }
    if (store.isFull) {
      await store.relieve();
      met.add('full');
      assert.ok(store.pendingBytes <= SMALL_LIMITS.waitingBytes);
    }
    if (!flushes.has(frame)) continue;
    rows.flush();
    if (frame % 2 === 0) {
      // The next rows come while it is under way.
      running.push(store.flush());
      continue;
    }
    await store.flush();
    for (const name of readdirSync(recentDirectory(data, key))) met.add(name.replace(/-\d+/, ''));
    await createViews(connection, data);
    for (const [each, all] of made) {
      const reader = await connection.runAndReadAll(
        `SELECT count(*), count(DISTINCT (frame, "row")) FROM ${each}`,
      );
      assert.deepEqual(reader.getRowsJS()[0]?.map(Number), [all.length, all.length], 'each row is seen once');
    }
  }
  rows.flush();
  await Promise.all(running);
  const { rows: counts } = await store.finish(1);
  const bytes = new Map<Table, Buffer>();
  for (const [table, all] of made) {
    assert.equal(counts[table], all.length);
    const path = storeFile(data, table, key);
    bytes.set(table, readFileSync(path));
    await sameRows(path, table, all);
  }
  return { bytes, rows: made, met };
}

/** The file holds the rows, in their order. */
async function sameRows(path: string, table: Table, rows: readonly RowObject[]): Promise<void> {
  const columns = [...sortColumns(table).slice(0, 3), 'local_timestamp', 'frame', 'row'];
  const text = table === 'trades' ? 'id' : table === 'undecoded' ? 'sample' : 'origin';
  const reader = await connection.runAndReadAll(
    `SELECT market, symbol, feed, epoch_us(local_timestamp) AS local_timestamp, frame, "row", ${text} AS text
     FROM read_parquet('${path}', hive_partitioning = false)`,
  );
  const found = reader
    .getRowObjectsJS()
    .map((row) => [...columns.map((column) => named(row[column])), row.text ?? '']);
  const expected = rows
    .map((row) => row as unknown as Record<string, unknown>)
    .map((row) => [...columns.map((column) => named(row[column])), row[text] ?? '']);
  const key = sortColumns(table).includes('step') ? [0, 1, 2, 4, 5] : [0, 1, 2, 3, 4, 5];
  expected.sort((one, other) => {
    for (const i of key) {
      const [a, b] = [one[i], other[i]];
      if (a === b) continue;
      if (typeof a === 'number' && typeof b === 'number') return a - b;
      if (a === null || b === null) return a === null ? 1 : -1;
      return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
    }
    return 0;
  });
  assert.deepEqual(found, expected);
}

function named(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : String(value);
}

test('a file holds its rows in their order, in bytes that depend on nothing else; readers see each row once meanwhile', async () => {
  const met = new Set<string>();
  const facts = fc.array(fact, { minLength: 1, maxLength: 300, size: 'max' });
  const flushes = fc.uniqueArray(fc.nat(300), { maxLength: 8 });
  const property = fc.asyncProperty(
    facts,
    flushes,
    fc.constantFrom(1, 7, 100),
    async (all, when, batchRows) => {
      const one = await stored(all, batchRows, new Set(when));
      const other = await stored(all, 2048, new Set());
      for (const [table, bytes] of one.bytes)
        assert.ok(bytes.equals(other.bytes.get(table) as Buffer), `${table}: the same bytes`);
      for (const name of one.met) met.add(name);
    },
  );
  // Many small names and one large one: some are put aside, some become groups, whatever chance brings.
  const many = Array.from(
    { length: 240 },
    (_, i): Fact => ({
      stream: i % 4 === 0 ? 0 : 6 + (i % 35),
      rows: i % 4 === 0 && i > 120 ? 9 : 2,
      text: '12345',
      table: i % 9 === 0 ? 'book' : 'trades',
      wait: 1,
    }),
  );
  // Two names get full one behind the other, in one batch or in two: not in the order in which they came first.
  const turns = [...Array<number>(39).fill(4), ...Array<number>(38).fill(2), 2, 4, 2, 2];
  const both = (table: Fact['table']): Fact[] =>
    turns.map((stream) => ({ stream, rows: 1, text: '12345', table, wait: 1 }));
  const examples: [Fact[], number[], 1 | 7][] = [
    [many, [51, 119, 175, 238], 7],
    [both('trades'), [], 1],
    [both('book'), [], 1],
  ];
  await fc.assert(property, { numRuns: 15, endOnFailure: true, examples });
  for (const name of ['trades.parquet', 'trades.rows', 'book.parquet', 'full'])
    assert.ok(met.has(name), `${name} was met`);
});
