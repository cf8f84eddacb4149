import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { type RowObject, Rows, rowObject, StreamDictionary, type Table, textFrame } from '../record/index.ts';
import { fileColumns, heldColumns } from './columns.ts';
import type { EncodedGroup, GroupRows } from './encode-group.ts';
import { encodeGroup } from './encode-group.ts';
import { openEngine } from './engine.ts';
import { GroupEncoder } from './group-encoder.ts';
import { GroupJoiner } from './group-joiner.ts';
import { ParquetFile } from './parquet-file.ts';
import { RowBuffer, rowsOf } from './row-buffer.ts';
import { quoted } from './sql-text.ts';
import { StreamRows } from './stream-rows.ts';
import { ROW_LIMITS } from './table-rows.ts';

const root = mkdtempSync(join(tmpdir(), 'feedtape-group-'));
after(() => rmSync(root, { recursive: true, force: true }));
const { connection } = await openEngine({
  memory: '200MB',
  threads: 1,
  temporaryDirectory: join(root, 'spill'),
});

/** Values that a page may find hard: far apart, equal, missing, at the edges of what a double holds. */
const whole = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.maxSafeInteger(),
  fc.integer({ min: -(2 ** 33), max: 2 ** 33 }),
  fc.integer({ min: 0, max: 2 ** 48 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 31, -(2 ** 31), 0),
);
const decimal = fc.oneof(
  fc.double(),
  fc.integer({ min: 1, max: 4 }),
  fc.constantFrom(Number.NaN, 1e308, 5e-324, -0),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'a\u0000b', '\u2028', 'x'.repeat(5000)),
);

const fact = fc.record({
  stream: fc.nat(3),
  whole,
  other: whole,
  decimal,
  text,
  flag: fc.boolean(),
  side: fc.constantFrom('bid' as const, 'ask' as const, null),
  repeat: fc.oneof(fc.constant(1), fc.nat(60)),
});

interface Made {
  readonly table: Table;
  readonly groups: GroupRows[];
  /** What the batches held, as `decode` would show it. */
  readonly expected: RowObject[];
}

/** Joins the rows that `make` makes into groups, as they come. */
function made(
  streams: StreamDictionary,
  isDense: boolean,
  make: (rows: Rows) => void,
  capacity = 16,
): Made[] {
  const tables = new Map<Table, Made & { joiner: GroupJoiner }>();
  const channels = new Uint8Array(256).map((_, code) => {
    const channel = streams.entries[code]?.channel ?? null;
    return channel === null ? 255 : ['trades', 'book', 'quotes'].indexOf(channel);
  });
  const rows = new Rows(
    (batch) => {
      const { table } = batch;
      let to = tables.get(table);
      if (to === undefined) {
        const joiner = new GroupJoiner("it's", isDense, ROW_LIMITS, () => new RowBuffer(table, capacity));
        to = { table, groups: [], expected: [], joiner };
        tables.set(table, to);
      }
      for (let i = 0; i < batch.count; i++) to.expected.push(rowObject(batch, i, streams, "it's"));
      for (let i = 0; i < batch.stretches; i++) {
        const { market, symbol, feed } = streams.entry(batch.columns.stream[i] as number);
        const stream = new StreamRows(table, { market, symbol, feed });
        const [start, count] = [batch.starts?.[i] ?? i, rowsOf(batch, i)];
        if (i % 2 === 1) stream.open.pick(batch, Uint32Array.of(i), 0, 1, count, channels);
        else {
          // Cut in two.
          const cut = Math.ceil(count / 2);
          stream.open.append(batch, start, cut, channels);
          stream.open.append(batch, start + cut, count - cut, channels);
        }
        to.groups.push(...to.joiner.add(stream, stream.open));
      }
    },
    100,
    streams,
  );
  make(rows);
  rows.flush();
  for (const to of tables.values()) to.groups.push(...to.joiner.end());
  return [...tables.values()];
}

let files = 0;

/** Each file has a name of its own: the engine remembers what it read of a name. */
async function file(table: Table, groups: readonly EncodedGroup[]): Promise<string> {
  const path = join(root, `${table}-${files++}.parquet`);
  const parquet = await ParquetFile.create(path, table);
  for (const group of groups) await parquet.add(group);
  await parquet.end();
  return path;
}

/** What a reader gives, in the form of a row object: whole numbers as numbers, times as µs, what is null left null. */
async function engineRows(path: string): Promise<Record<string, unknown>[]> {
  const reader = await connection.runAndReadAll(
    `SELECT * REPLACE (${await times(path)}) FROM read_parquet(${quoted(path)})`,
  );
  return reader.getRowObjectsJS().map((row) => numbers(row));
}

async function times(path: string): Promise<string> {
  const reader = await connection.runAndReadAll(`DESCRIBE FROM read_parquet(${quoted(path)})`);
  return reader
    .getRowObjectsJS()
    .filter((column) => column.column_type === 'TIMESTAMP')
    .map(({ column_name: name }) => `epoch_us("${name}") AS "${name}"`)
    .join(', ');
}

function numbers(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row))
    given[name] = typeof value === 'bigint' ? Number(value) : value instanceof Date ? null : value;
  return given;
}

/** A row as a file has it: a whole number that is none is null, and so is an empty text of a record. */
function filed({ table: _, ...row }: RowObject): Record<string, unknown> {
  const given: Record<string, unknown> = { ...row };
  for (const name of ['step', 'sequence']) if (given[name] === Number.POSITIVE_INFINITY) given[name] = null;
  for (const name of ['id', 'sample']) if (given[name] === '') given[name] = null;
  return given;
}

function bytesOf(path: string): ArrayBuffer {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

for (const isDense of [true, false])
  test(`${isDense ? 'dense' : 'quick'} groups hold what the batches held, whatever the values, as two other readers find them`, async () => {
    const streams = new StreamDictionary();
    for (const symbol of ['AB', 'CD', null]) streams.code('spot', 'trades', 'trade', symbol);
    streams.code('', null, null, null);
    const encodings = new Set<string>();
    const property = fc.asyncProperty(fc.array(fact, { minLength: 1, maxLength: 60 }), async (facts) => {
      let frame = 0;
      const tables = made(streams, isDense, (rows) => {
        for (const { stream, whole, other, decimal, text, flag, side, repeat } of facts) {
          rows.at(textFrame(1_795_341_600_000_000 + frame * 7, 3, ++frame, 'received', ''));
          for (let i = 0; i < repeat; i++) {
            rows.trade(stream, 1_795_341_600_000_000 - i, text, flag ? 'buy' : 'unknown', decimal, i);
            if (i % 9 === 0) rows.beginBook(stream, Number.NaN, flag, 'rest', whole, other, !flag);
            if (i % 9 === 0) rows.level(side, decimal, i);
          }
          const time = Number.isFinite(whole) ? whole : Number.NaN;
          if (flag) rows.beginBook(stream, time, flag, 'rest', other, whole, !flag);
          for (let i = 0; flag && i < repeat; i++) rows.level(side, decimal, i);
          rows.undecoded(stream, 'malformed', text);
        }
        rows.tradeFrom(0, Number.NaN, Buffer.from('no UTF-8: \xff', 'latin1'), 3, 11, 'sell', 1, 1);
      });
      for (const { table, groups, expected } of tables) {
        const encoded = groups.map((group) => encodeGroup(group));
        for (const { chunks } of encoded)
          for (const [i, chunk] of chunks.entries())
            encodings.add(`${fileColumns(table)[i]?.kind} ${chunk.encodings.at(-1)}`);
        const path = await file(table, encoded);
        assert.deepEqual(await engineRows(path), expected.map(filed));
        const others = (await parquetReadObjects({ file: bytesOf(path), compressors })) as Record<
          string,
          unknown
        >[];
        assert.equal(others.length, expected.length);
        for (const [i, found] of others.entries()) {
          const mine = filed(expected[i] as RowObject);
          for (const name of [
            'market',
            'symbol',
            'channel',
            'side',
            'price',
            'amount',
            'id',
            'sample',
            'valid',
          ])
            if (name in mine) assert.deepEqual(found[name] ?? null, mine[name] ?? null, name);
        }
        boundsHold(path, others);
      }
    });
    await fc.assert(property, { numRuns: 40 });
    // Plain, deltas, dictionaries and split bytes: each form of a number was met.
    const forms = [...encodings].filter((form) => /number|integer/.test(form)).sort();
    assert.deepEqual(
      forms,
      isDense
        ? ['integer 0', 'integer 5', 'integer 8', 'number 8', 'number 9']
        : ['integer 0', 'integer 5', 'number 0'],
    );
  });

/** What the footer says of a group's least and largest values and of its nulls is true. */
function boundsHold(path: string, rows: readonly Record<string, unknown>[]): void {
  const { row_groups: groups } = parquetMetadata(bytesOf(path));
  let start = 0;
  for (const { num_rows: count, columns } of groups) {
    for (const { meta_data: meta } of columns) {
      const name = meta?.path_in_schema[0] ?? '';
      const values = rows.slice(start, start + Number(count)).map((row) => row[name] ?? null);
      const there = values.filter((value) => value !== null) as (number | bigint | Date | string)[];
      const { null_count: nulls, min_value: least, max_value: most } = meta?.statistics ?? {};
      assert.equal(Number(nulls), values.length - there.length, name);
      if (least === undefined || most === undefined) continue;
      assert.ok(there.length > 0, name);
      assert.ok(!Object.is(least, 0) && !Object.is(most, -0), `${name}: a zero may have either sign`);
      for (const value of there) assert.ok(value >= least && value <= most, `${name}: ${String(value)}`);
    }
    start += Number(count);
  }
}

test('rows of a message are numbered in the file as they were, however many there are', async () => {
  const streams = new StreamDictionary();
  const code = streams.code('spot', 'book', 'depth', 'AB');
  const forms: string[] = [];
  for (const [levels, frames] of [
    [1, 240],
    [255, 240],
    [256, 240],
    [257, 240],
    [700, 240],
    [20, 6],
  ] as const) {
    const [book] = made(streams, true, (rows) => {
      for (let frame = 1; frame <= frames; frame++) {
        rows.at(textFrame(frame, 1, frame, 'received', ''));
        rows.beginBook(code, frame, false, 'feed', frame, frame, true);
        for (let level = 0; level < (frame === 3 ? levels : 20); level++) rows.level('bid', level + 1, 2);
      }
    });
    assert.ok(book !== undefined);
    const groups = book.groups.map(encodeGroup);
    const path = await file('book', groups);
    assert.deepEqual(await engineRows(path), book.expected.map(filed));
    const others = await parquetReadObjects({ file: bytesOf(path), compressors });
    assert.deepEqual(
      others.map(({ row }) => Number(row)),
      book.expected.map(({ row }) => row),
    );
    boundsHold(path, others as Record<string, unknown>[]);
    const place = fileColumns('book').findIndex(({ name }) => name === 'row');
    forms.push(groups.map(({ chunks }) => chunks[place]?.encodings.at(-1)).join());
  }
  // Places in a dictionary (8) while a byte tells them apart and there are rows enough for one, else differences (5).
  assert.deepEqual(forms, ['8', '8', '8', '5', '5', '5']);
});

test('sides are runs, bits or bytes, as they come, and are read as they were', async () => {
  const streams = new StreamDictionary();
  const code = streams.code('spot', 'trades', 'trade', 'AB');
  const count = 4096;
  const [buy, sell, unknown] = ['buy', 'sell', 'unknown'] as const;
  const forms: string[] = [];
  for (const sideOf of [
    () => sell,
    (row: number) => (row % 600 < 300 ? buy : sell),
    // Every eighth may change: one change too many, and they are no runs.
    (row: number) => (row % 16 < 8 ? buy : sell),
    (row: number) => (row % 14 < 7 ? buy : sell),
    (row: number) => (row % 2 === 0 ? buy : sell),
    (row: number) => (row === count - 1 ? unknown : row % 2 === 0 ? buy : sell),
  ]) {
    const [trades] = made(streams, true, (rows) => {
      for (let row = 0; row < count; row++) {
        rows.at(textFrame(row + 1, 1, row + 1, 'received', ''));
        rows.trade(code, row, `${row}`, sideOf(row), 1, 2);
      }
    });
    assert.ok(trades !== undefined);
    const groups = trades.groups.map(encodeGroup);
    const path = await file('trades', groups);
    const expected = trades.expected.map(({ side }) => side);
    assert.deepEqual(
      (await engineRows(path)).map(({ side }) => side),
      expected,
    );
    const others = await parquetReadObjects({ file: bytesOf(path), compressors });
    assert.deepEqual(
      others.map(({ side }) => side),
      expected,
    );
    const place = fileColumns('trades').findIndex(({ name }) => name === 'side');
    const [chunk] = groups.map(({ chunks }) => chunks[place]);
    // Besides the places: a head, a dictionary, levels.
    const places = (chunk?.plainBytes ?? 0) - 100;
    forms.push(places < count / 16 ? 'runs' : places < count / 4 ? 'bits' : 'bytes');
  }
  assert.deepEqual(forms, ['runs', 'runs', 'bits', 'bits', 'bits', 'bytes']);
});

test('readers skip row groups by their bounds', async () => {
  const streams = new StreamDictionary();
  const groups = ['AB', 'CD'].flatMap((symbol) =>
    made(streams, true, (rows) => {
      const code = streams.code('spot', 'quotes', 'bbo', symbol);
      for (let frame = 1; frame <= 50; frame++) {
        rows.at(textFrame(frame, 1, frame, 'received', ''));
        rows.quote(code, frame, frame / 8, 1, frame, 2);
      }
    }).flatMap((table) => table.groups),
  );
  const path = await file('quotes', groups.map(encodeGroup));
  const reader = await connection.runAndReadAll(
    `SELECT path_in_schema, stats_min_value, stats_max_value FROM parquet_metadata(${quoted(path)})
     WHERE row_group_id = 1 AND path_in_schema IN ('symbol', 'local_timestamp', 'bid_price') ORDER BY ALL`,
  );
  assert.deepEqual(reader.getRowsJS(), [
    ['bid_price', '0.125', '6.25'],
    ['local_timestamp', '1970-01-01 00:00:00.000001', '1970-01-01 00:00:00.00005'],
    ['symbol', 'CD', 'CD'],
  ]);
});

test('a thread makes the same groups, gives the memory back, and a failure of one job is its own', async () => {
  const encoder = new GroupEncoder();
  const streams = new StreamDictionary();
  const code = streams.code('spot', 'trades', 'trade', 'AB');
  const groups = (): GroupRows[] =>
    made(
      streams,
      true,
      (rows) => {
        for (let frame = 1; frame <= 9000; frame++) {
          rows.at(textFrame(frame * 1000, 1, frame, 'received', ''));
          rows.trade(code, frame, `${frame}`, frame % 3 === 0 ? 'buy' : 'sell', frame % 100, frame / 7);
        }
      },
      40_000,
    ).flatMap((table) => table.groups);
  const [one, other] = [groups()[0], groups()[0]];
  assert.ok(one !== undefined && other !== undefined);
  const here = encodeGroup(one);
  const there = await encoder.encode(other);
  assert.ok(Buffer.from(here.bytes).equals(there.bytes));
  assert.deepEqual(
    there.chunks.map(({ bytes, nulls }) => [bytes, nulls]),
    here.chunks.map(({ bytes, nulls }) => [bytes, nulls]),
  );
  assert.equal(encoder.spare('trades')?.rows, 0);
  assert.equal(encoder.spare('trades'), null);
  const bad = groups()[0] as GroupRows;
  await assert.rejects(
    encoder.encode({ ...bad, spans: null as unknown as GroupRows['spans'] }),
    /a row group could not be made/,
  );
  assert.ok(Buffer.from(here.bytes).equals((await encoder.encode(groups()[0] as GroupRows)).bytes));
  const late = encoder.encode(groups()[0] as GroupRows);
  await Promise.all([assert.rejects(late, /ended by itself/), encoder.close()]);
  await assert.rejects(encoder.encode(groups()[0] as GroupRows), /closed/);
});

test('the benchmark of row groups runs, and has a line for each column', async () => {
  const bench = join(import.meta.dirname, 'encode-group.bench.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [bench, '2000', '1']);
  assert.match(stdout, /^price( +\d+\.\d+){6}$/m);
  const columns = heldColumns('trades').length + heldColumns('book').length;
  assert.equal(stdout.match(/^\w+( +\d+\.\d+){6}$/gm)?.length, columns);
});
