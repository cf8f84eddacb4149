import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, test } from 'node:test';
import type { DuckDBConnection, JS } from '@duckdb/node-api';
import { Rows, TABLE_NAMES, type Table, textFrame } from '../record/index.ts';
import {
  createViews,
  FileStore,
  finishedFile,
  finishedNames,
  type JournalKey,
  recentDirectory,
  StoreEngine,
  storeDifferences,
  storeFile,
} from './index.ts';

const key: JournalKey = { exchange: 'words', date: '2026-11-22', name: '10-1795341600000000' };
const NOW = 1_795_341_600_000_000;

/** A data directory whose name would hurt where it is not quoted, with an engine. */
class Place {
  readonly data: string;
  readonly engine: StoreEngine;
  readonly connection: DuckDBConnection;
  readonly rows = new Rows(() => undefined);
  #frame = 0;

  constructor(data: string, engine: StoreEngine, connection: DuckDBConnection) {
    this.data = data;
    this.engine = engine;
    this.connection = connection;
  }

  static async make(): Promise<Place> {
    const root = mkdtempSync(join(tmpdir(), 'feedtape-store-'));
    after(() => rmSync(root, { recursive: true, force: true }));
    const data = join(root, "it's my [1] *data?");
    const engine = new StoreEngine({
      memory: '500MB',
      threads: 2,
      temporaryDirectory: join(root, 'spill'),
    });
    after(() => engine.close());
    return new Place(data, engine, await engine.connect());
  }

  async store(): Promise<FileStore> {
    const store = await FileStore.open(this.data, key, this.engine, this.rows.streams);
    this.rows.redirect((batch) => store.append(batch));
    return store;
  }

  frame(time = NOW + this.#frame): void {
    this.rows.at(textFrame(time, 1, ++this.#frame, 'received', ''));
  }

  trades(symbol: string, count: number): void {
    for (let i = 0; i < count; i++) {
      this.frame();
      this.rows.trade(
        this.rows.streams.code('spot', 'trades', 'trade', symbol),
        NOW,
        `${i}`,
        'buy',
        i / 8,
        1,
      );
    }
    this.rows.flush();
  }

  async sql(query: string): Promise<Record<string, JS>[]> {
    await createViews(this.connection, this.data);
    return (await this.connection.runAndReadAll(query)).getRowObjectsJS();
  }

  async count(table = 'trades'): Promise<number> {
    return Number((await this.sql(`SELECT count(*) AS n FROM ${table}`))[0]?.n);
  }

  bytes(table: Table): Buffer {
    return readFileSync(storeFile(this.data, table, key));
  }
}

test('a row is seen once, from its flush on: in parts and in the finished file', async () => {
  const place = await Place.make();
  const store = await place.store();
  place.trades('AB', 3);
  assert.equal(await place.count(), 0, 'what is staged is in memory only');
  for (let flush = 1; flush <= 70; flush++) {
    await store.flush();
    if (flush % 23 === 0) assert.equal(await place.count(), 3 * flush);
    place.trades(flush % 2 === 0 ? 'AB' : 'CD', 3);
  }
  const parts = readdirSync(recentDirectory(place.data, key)).filter((name) => name.endsWith('.parquet'));
  assert.ok(parts.length <= 2, `${parts.length} parts: each flush replaces the one before`);
  const before = `${place.data}-before`;
  cpSync(join(place.data, 'recent'), before, { recursive: true });
  const { rows } = await store.finish(3);
  assert.deepEqual(rows, { trades: 213 });
  assert.equal(existsSync(recentDirectory(place.data, key)), false);
  assert.equal(await place.count(), 213);
  cpSync(before, join(place.data, 'recent'), { recursive: true });
  assert.equal(await place.count(), 213, 'parts that a crash left behind the marker are not read');
});

test('the same rows give the same bytes, whatever their parts and the codes of their streams, and however often', async () => {
  const hashes: Buffer[] = [];
  for (const parts of [1, 5, 40]) {
    const place = await Place.make();
    if (parts === 5)
      for (const symbol of ['ZZ', 'CD', 'AB']) place.rows.streams.code('spot', 'trades', 'trade', symbol);
    const make = async (): Promise<void> => {
      const store = await place.store();
      for (let part = 0; part < 40; part++) {
        place.trades(part % 3 === 0 ? 'CD' : 'AB', 60);
        if (part % Math.ceil(40 / parts) === 0) await store.flush();
      }
      await store.finish(3);
    };
    await make();
    hashes.push(place.bytes('trades'));
    const again = await Place.make();
    cpSync(place.data, again.data, { recursive: true });
    rmSync(join(again.data, 'state'), { recursive: true });
    writeFileSync(`${storeFile(again.data, 'trades', key)}.tmp`, 'cut off');
    const store = await again.store();
    for (let part = 0; part < 40; part++) again.trades(part % 3 === 0 ? 'CD' : 'AB', 60);
    await store.finish(3);
    hashes.push(again.bytes('trades'));
    assert.deepEqual(readdirSync(dirname(storeFile(again.data, 'trades', key))), [`${key.name}.parquet`]);
  }
  for (const bytes of hashes) assert.ok(bytes.equals(hashes[0] as Buffer));
  const place = await Place.make();
  const store = await place.store();
  for (const symbol of ['CD', 'AB', 'CD']) place.trades(symbol, 2);
  await store.finish(3);
  const rows = await place.sql("SELECT string_agg(symbol || frame, ' ') AS rows FROM trades");
  assert.deepEqual(rows, [{ rows: 'AB3 AB4 CD1 CD2 CD5 CD6' }], 'in the order of symbols and frames');
});

test('rows stand in their order also where they came otherwise, in the same bytes', async () => {
  const bytes: Buffer[] = [];
  for (const [isShuffled, flushed] of [
    [false, 0],
    [true, 0],
    [true, 700],
  ] as const) {
    const place = await Place.make();
    const store = await place.store();
    const { streams } = place.rows;
    const frames = Array.from({ length: 3000 }, (_, i) => i);
    if (isShuffled) frames.reverse();
    for (const [n, i] of frames.entries()) {
      if (flushed > 0 && n % flushed === 0) {
        place.rows.flush();
        await store.flush();
      }
      // Two links within a microsecond: the second one is heard first, its frames have lower numbers.
      place.rows.at(textFrame(NOW + (i >> 1), 2 - (i & 1), 5000 * (i & 1) + i, 'received', ''));
      const symbol = i % 3 === 0 ? 'AB' : 'CD';
      place.rows.trade(streams.code('spot', 'trades', 'trade', symbol), NOW, `${i}`, 'buy', i, 1);
      place.rows.undecoded(streams.code('spot', i & 1 ? 'trades' : 'book', null, 'AB'), 'unknown', `${i}`);
      place.rows.beginBook(streams.code('spot', 'book', 'depth', symbol), NOW, false, 'feed', i, i, true);
      place.rows.level('bid', 1, 1);
    }
    place.rows.flush();
    await store.finish(3);
    for (const table of ['trades', 'undecoded', 'book'] as const) {
      const found = await place.sql(
        `SELECT symbol, epoch_us(local_timestamp) AS time, link, frame, ${table === 'book' ? 'step' : '0'} AS step FROM ${table}`,
      );
      const names = found.map(({ symbol, time, link, frame, step }) =>
        [symbol, ...[step, time, link, frame].map((value) => String(value).padStart(20, '0'))].join(' '),
      );
      assert.deepEqual(names, [...names].sort(), table);
      assert.equal(names.length, 3000);
      bytes.push(place.bytes(table));
    }
  }
  for (let i = 3; i < 6; i++) assert.ok(bytes[i]?.equals(bytes[i + 3] as Buffer));
});

test('a file is a function of its rows, not of which streams, threads and parts there were', async () => {
  const bytes: Buffer[] = [];
  for (const others of [0, 300]) {
    const place = await Place.make();
    for (let i = 0; i < others; i++) place.rows.streams.code(`m${i}`, 'trades', `f${i}`, `S${i}`);
    const store = await place.store();
    for (let flush = 0; flush < 10; flush++) {
      for (let i = 0; i < 20; i++) place.trades(`X${(i * 7) % 20}`, 1500);
      if (others > 0 || flush % 4 === 0) await store.flush();
    }
    await store.finish(3);
    bytes.push(place.bytes('trades'));
    const [found] = await place.sql(
      'SELECT count(*) AS n, count(DISTINCT (symbol, frame)) AS apart, max(symbol) AS last FROM trades',
    );
    assert.deepEqual(found, { n: 300_000n, apart: 300_000n, last: 'X9' });
  }
  assert.ok(bytes[0]?.equals(bytes[1] as Buffer));
});

test('null of every kind of column is null, and no value an exchange can send ends the copy', async () => {
  const place = await Place.make();
  const store = await place.store();
  const { rows } = place;
  const odd = rows.streams.code('spot', 'book', "d'ep\u0000th", 'A"B;\ud83d');
  place.frame();
  rows.beginBook(odd, Number.NaN, true, 'ours', 1, Number.NaN, true);
  rows.level(null, Number.NaN, Number.NaN);
  rows.beginBook(odd, 1e300, false, 'feed', 2, Number.POSITIVE_INFINITY, false);
  rows.level('bid', Number.POSITIVE_INFINITY, -0);
  rows.beginBook(odd, -1e17, false, 'rest', 3, 2 ** 53 - 1, false);
  rows.level('ask', 1e308, 5e-324);
  rows.undecoded(rows.streams.code('', null, null, null), 'unknown', '');
  rows.undecoded(odd, 'malformed', "'\u0000 \ud83d \u2028");
  rows.gap({
    stream: odd,
    id: '1-1',
    event: 'opened',
    from: null,
    to: null,
    fromSequence: null,
    toSequence: null,
    cause: 'silent',
    detail: null,
  });
  rows.flush();
  assert.deepEqual((await store.finish(1)).rows, { book: 3, gap_events: 1, undecoded: 2 });
  const book = await place.sql(
    'SELECT timestamp, side, price, amount, sequence, valid FROM book ORDER BY step',
  );
  assert.deepEqual(book, [
    { timestamp: null, side: null, price: null, amount: null, sequence: null, valid: true },
    {
      timestamp: null,
      side: 'bid',
      price: Number.POSITIVE_INFINITY,
      amount: -0,
      sequence: null,
      valid: false,
    },
    { timestamp: null, side: 'ask', price: 1e308, amount: 5e-324, sequence: 9007199254740991n, valid: false },
  ]);
  const undecoded = await place.sql(
    'SELECT market, symbol, feed, channel, reason, sample FROM undecoded ORDER BY "row"',
  );
  assert.deepEqual(undecoded, [
    { market: '', symbol: null, feed: null, channel: null, reason: 'unknown', sample: null },
    {
      market: 'spot',
      symbol: 'A"B;\ufffd',
      feed: "d'ep\u0000th",
      channel: 'book',
      reason: 'malformed',
      sample: "'\u0000 \ufffd \u2028",
    },
  ]);
  const [gap] = await place.sql('SELECT * FROM gaps');
  assert.deepEqual([gap?.from_timestamp, gap?.to_sequence, gap?.detail], [null, null, null]);
});

test('a view over no files has the columns and types of one over files; a relative directory is read too', async () => {
  const place = await Place.make();
  const describe = async (): Promise<unknown[]> =>
    Promise.all(
      TABLE_NAMES.map(async (table) =>
        (await place.connection.runAndReadAll(`DESCRIBE ${table}`))
          .getRowObjectsJS()
          .map((row) => [row.column_name, row.column_type]),
      ),
    );
  assert.equal(await place.count('gaps'), 0);
  const without = await describe();
  const store = await place.store();
  place.frame();
  const stream = place.rows.streams.code('spot', 'trades', 'trade', 'AB');
  place.rows.trade(stream, NOW, '1', 'sell', 1, 2);
  place.rows.beginBook(stream, NOW, true, 'feed', 1, 3, true);
  place.rows.level('bid', 1, 2);
  place.rows.quote(stream, NOW, 1, 2, 3, 4);
  place.rows.ticker(stream, NOW, { lastPrice: 5 });
  place.rows.undecoded(stream, 'unknown', 'x');
  place.rows.gap({
    stream,
    id: '1',
    event: 'opened',
    from: 1,
    to: 2,
    fromSequence: 3,
    toSequence: 4,
    cause: 'silent',
    detail: 'd',
  });
  place.rows.flush();
  await store.flush();
  await createViews(place.connection, relative(process.cwd(), place.data));
  assert.deepEqual(await describe(), without);
  await store.finish(1);
  await createViews(place.connection, relative(process.cwd(), place.data));
  assert.deepEqual(await describe(), without);
});

test('gaps shows the last state of each gap, also where the clock was set back in between', async () => {
  const place = await Place.make();
  const store = await place.store();
  const stream = place.rows.streams.code('spot', 'trades', 'trade', 'AB');
  const gap = (id: string, event: 'opened' | 'closed', to: number | null, time: number): void => {
    place.frame(time);
    place.rows.gap({
      stream,
      id,
      event,
      from: NOW,
      to,
      fromSequence: null,
      toSequence: null,
      cause: 'silent',
      detail: null,
    });
  };
  gap('1-1', 'opened', null, NOW);
  gap('1-2', 'opened', null, NOW + 1);
  gap('1-1', 'closed', NOW + 9, NOW - 1000);
  place.rows.flush();
  await store.flush();
  const found = await place.sql(
    'SELECT gap_id, state, epoch_us(to_timestamp) AS "to" FROM gaps ORDER BY gap_id',
  );
  assert.deepEqual(found, [
    { gap_id: '1-1', state: 'closed', to: BigInt(NOW + 9) },
    { gap_id: '1-2', state: 'opened', to: null },
  ]);
});

test('a table with a missing or damaged file says so when it is asked; the others answer; garbage elsewhere hurts nobody', async () => {
  const place = await Place.make();
  const store = await place.store();
  place.trades('AB', 5);
  place.frame();
  place.rows.quote(0, NOW, 1, 2, 3, 4);
  place.rows.flush();
  await store.finish(1);
  const trades = storeFile(place.data, 'trades', key);
  const whole = place.bytes('trades');
  writeFileSync(trades, whole.subarray(0, whole.length - 7));
  await assert.rejects(place.count(), /trades.*10-1795341600000000\.parquet/s);
  rmSync(trades);
  await assert.rejects(
    place.count(),
    /trades: .*10-1795341600000000\.parquet is missing; remove .*10-1795341600000000\.json/s,
  );
  assert.equal(await place.count('quotes'), 1);
  writeFileSync(trades, whole);

  const recent = join(place.data, 'recent', 'words', '2026-11-22', '11-1');
  mkdirSync(recent, { recursive: true });
  writeFileSync(join(place.data, 'state', 'finished', 'stray.json'), '{');
  writeFileSync(join(place.data, 'recent', 'stray'), '');
  writeFileSync(join(place.data, 'store', 'stray.parquet'), '');
  writeFileSync(join(recent, 'trades-0.parquet'), 'in no list');
  assert.equal(await place.count(), 5);
  for (const list of [
    '',
    '5',
    '{"parts":5}',
    '{"parts":{"trades":"ab"}}',
    '{"parts":{"trades":["../../x"]}}',
  ]) {
    writeFileSync(join(recent, 'parts.json'), list);
    await assert.rejects(place.count(), /parts\.json cannot be read/, list);
  }
  writeFileSync(join(recent, 'parts.json'), '{"parts":{"trades":["gone.parquet"]}}');
  await assert.rejects(place.count(), /gone\.parquet is missing/);
  rmSync(recent, { recursive: true });
  for (const marker of ['', '5', '{"rows":{"trades":1}}', '{"decoderVersion":1,"rows":{"trades":"many"}}']) {
    writeFileSync(finishedFile(place.data, key), marker);
    await assert.rejects(place.count(), /marker cannot be read/, marker);
  }
});

test('a finish that would lose a row fails and marks nothing', async () => {
  const place = await Place.make();
  const store = await place.store();
  place.trades('AB', 3);
  await store.flush();
  const { encoder } = place.engine;
  const encode = encoder.encode.bind(encoder);
  encoder.encode = async (job) => {
    const group = await encode(job);
    return { ...group, rows: group.rows - 1 };
  };
  await assert.rejects(store.finish(1), /trades: 3 rows were made, 2 were written/);
  encoder.encode = encode;
  assert.deepEqual(await finishedNames(place.data, key.exchange), new Set());
  assert.equal(await place.count(), 3, 'the parts stay readable');
  store.interrupt();
  await store.discard();
  assert.equal(await place.count(), 0);
  const next = await place.store();
  place.trades('AB', 2);
  await next.finish(1);
  assert.deepEqual(await finishedNames(place.data, key.exchange), new Set([`${key.date}/${key.name}`]));
});

test('rows of a stream that nobody named are refused', async () => {
  const place = await Place.make();
  await place.store();
  place.frame();
  place.rows.trade(999, NOW, 'of a stream nobody named', 'buy', 1, 1);
  assert.throws(() => place.rows.flush(), /no stream has the code 999/);
});

test('a table that gives no rows any more leaves no file of an attempt that was ended', async () => {
  const place = await Place.make();
  const stale = storeFile(place.data, 'quotes', key);
  mkdirSync(dirname(stale), { recursive: true });
  writeFileSync(stale, 'of other decoders');
  const store = await place.store();
  place.trades('AB', 1);
  await store.finish(1);
  assert.equal(existsSync(stale), false);
});

test('storeDifferences: equal rows differ in nothing, and every other difference is told', async () => {
  const place = await Place.make();
  mkdirSync(place.data);
  const file = (name: string): string => join(place.data, name);
  const write = (name: string, select: string) =>
    place.connection.run(`COPY (${select}) TO '${file(name).replaceAll("'", "''")}' (FORMAT parquet)`);
  await write('a', 'SELECT range AS x FROM range(5)');
  await write('b', 'SELECT 4 - range AS x FROM range(5)');
  await write('c', 'SELECT range + 1 AS x FROM range(5)');
  await write('d', 'SELECT least(range, 3) AS x FROM range(5)');
  writeFileSync(file('e'), 'no parquet');
  const differ = (one: string, other: string) => storeDifferences(place.engine, file(one), file(other));
  assert.deepEqual(await differ('a', 'a'), []);
  assert.deepEqual(await differ('a', 'b'), [], 'another engine may write the same rows in other bytes');
  assert.match((await differ('a', 'c'))[0] ?? '', /^1 rows of the journal .* 1 rows of the store/);
  assert.match((await differ('a', 'd'))[0] ?? '', /^1 rows of the journal .* 1 rows of the store/);
  assert.match((await differ('a', 'e'))[0] ?? '', /cannot be read/);
  assert.match((await differ('a', 'none'))[0] ?? '', /is missing/);
  assert.match((await differ('none', 'a'))[0] ?? '', /gives no rows/);
  assert.deepEqual(await differ('none', 'none'), []);
});
