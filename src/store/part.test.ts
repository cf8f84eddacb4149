import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { type RowObject, Rows, rowObject, StreamDictionary, type Table, textFrame } from '../record/index.ts';
import { openEngine, quoted } from './engine.ts';
import { Part } from './part.ts';

const root = mkdtempSync(join(tmpdir(), 'feedtape-part-'));
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
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 31, -(2 ** 31), 0),
);
const decimal = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, 1e308, 5e-324));
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
  repeat: fc.oneof(fc.constant(1), fc.nat(40)),
});

interface Written {
  readonly table: Table;
  readonly path: string;
  /** What the batches held, as `decode` would show it. */
  readonly expected: RowObject[];
}

/** Writes parts, one a table, of all rows that `make` makes. */
async function written(streams: StreamDictionary, make: (rows: Rows) => void): Promise<Written[]> {
  const parts = new Map<Table, { part: Part; expected: RowObject[] }>();
  const rows = new Rows(
    (batch) => {
      let to = parts.get(batch.table);
      if (to === undefined) {
        to = { part: new Part(batch, "it's", streams, 0), expected: [] };
        parts.set(batch.table, to);
      }
      to.part.append(batch);
      for (let i = 0; i < batch.count; i++) to.expected.push(rowObject(batch, i, streams, "it's"));
    },
    100,
    streams,
  );
  make(rows);
  rows.flush();
  const all: Written[] = [];
  for (const [table, { part, expected }] of parts) {
    const path = join(root, `${table}.parquet`);
    await part.write(path);
    all.push({ table, path, expected });
  }
  return all;
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
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (name === 'stream' || name === 'arrival') continue;
    made[name] = typeof value === 'bigint' ? Number(value) : value instanceof Date ? null : value;
  }
  return made;
}

/** A row as a file has it: a whole number that is none is null, and so is an empty text of a record. */
function filed({ table: _, ...row }: RowObject): Record<string, unknown> {
  const made: Record<string, unknown> = { ...row };
  for (const name of ['step', 'sequence']) if (made[name] === Number.POSITIVE_INFINITY) made[name] = null;
  for (const name of ['id', 'sample']) if (made[name] === '') made[name] = null;
  return made;
}

test('a part holds what its batches held, whatever the values, as another reader finds it too', async () => {
  const streams = new StreamDictionary();
  for (const symbol of ['AB', 'CD', null]) streams.code('spot', 'trades', 'trade', symbol);
  streams.code('', null, null, null);
  const property = fc.asyncProperty(fc.array(fact, { minLength: 1, maxLength: 60 }), async (facts) => {
    let frame = 0;
    const files = await written(streams, (rows) => {
      for (const { stream, whole, other, decimal, text, flag, side, repeat } of facts) {
        rows.at(textFrame(1_795_341_600_000_000 + frame * 7, 3, ++frame, 'received', ''));
        for (let i = 0; i < repeat; i++) {
          rows.trade(stream, 1_795_341_600_000_000 - i, text, flag ? 'buy' : 'unknown', decimal, i);
          rows.book(stream, Number.NaN, flag, 'rest', whole, side, decimal, i, other, !flag);
        }
        rows.undecoded(stream, 'malformed', text);
      }
      rows.tradeFrom(0, Number.NaN, Buffer.from('no UTF-8: \xff', 'latin1'), 3, 11, 'sell', 1, 1);
    });
    for (const { path, expected } of files) {
      const found = await engineRows(path);
      assert.deepEqual(found, expected.map(filed));
      const bytes = readFileSync(path);
      const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
      const others = (await parquetReadObjects({ file })) as Record<string, unknown>[];
      assert.equal(others.length, expected.length);
      for (const [i, other] of others.entries()) {
        const mine = filed(expected[i] as RowObject);
        for (const name of ['market', 'symbol', 'side', 'price', 'amount', 'id', 'sample', 'valid'])
          if (name in mine) assert.deepEqual(other[name] ?? null, mine[name] ?? null, name);
        assert.equal(other.arrival, i);
      }
    }
  });
  await fc.assert(property, { numRuns: 40 });
});

test('many rows of many streams: pages and row groups one behind the other, places of two bytes', async () => {
  const streams = new StreamDictionary();
  const codes = Array.from({ length: 700 }, (_, i) => streams.code('spot', 'quotes', 'bbo', `S${i}`));
  const [file] = await written(streams, (rows) => {
    for (let frame = 1; frame <= 130; frame++) {
      rows.at(textFrame(frame, 1, frame, 'received', ''));
      for (let i = 0; i < 2100; i++) rows.quote(codes[(i * frame) % 700] as number, i, i / 8, 1, frame, 2);
    }
  });
  const path = quoted(file?.path ?? '');
  const reader = await connection.runAndReadAll(
    `SELECT count(*), count(DISTINCT symbol), count(DISTINCT arrival), max(arrival), bool_and(symbol = 'S' || (("row" * frame) % 700)),
       bool_and(bid_price = "row" / 8), bool_and(epoch_us(timestamp) = "row") FROM read_parquet(${path})`,
  );
  assert.deepEqual(reader.getRowsJS()[0]?.map(String), [
    '273000',
    '700',
    '273000',
    '272999',
    'true',
    'true',
    'true',
  ]);
  const groups = await connection.runAndReadAll(
    `SELECT count(DISTINCT row_group_id) FROM parquet_metadata(${path})`,
  );
  assert.equal(Number(groups.getRowsJS()[0]?.[0]), 3);
});
