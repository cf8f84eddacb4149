import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DecoderHost, Exchange, LinkContext, LinkDecoder, Outcome } from '../exchanges/index.ts';
import { type Disk, nodeDisk } from '../host/index.ts';
import { type JournalFile, JournalWriter, readBlocks } from '../journal/index.ts';
import { type Frame, type Json, Rows, type Stream, type TapeEvent } from '../record/index.ts';
import {
  createViews,
  type FileStore,
  finishedFile,
  openEngine,
  StoreEngine,
  storeFile,
} from '../store/index.ts';
import { loadEndState, saveEndState } from './end-state.ts';
import type { RecorderWorld } from './exchange-recorder.ts';
import { Finisher } from './finisher.ts';
import { keyOf, listFiles } from './journal-files.ts';
import { type RecoveredExchange, recoverExchange } from './recover.ts';
import { Session } from './session.ts';

const START = 1_795_341_600_000_000;
const streams: Stream[] = [{ market: 'spot', channel: 'trades', feed: 'trade', symbol: 'BTC' }];

/** A made-up exchange whose every message is the id of a trade. What it numbers is the decoder's own state. */
class IdDecoder implements LinkDecoder {
  readonly #host: DecoderHost;
  #count: number;

  constructor(host: DecoderHost, state?: Json) {
    this.#host = host;
    this.#count = typeof state === 'number' ? state : 0;
  }

  sent(): void {
    // It sends nothing.
  }

  rest(): Outcome {
    return 'control';
  }

  received(frame: Frame): Outcome {
    const stream = this.#host.stream('trades', 'trade', 'BTC');
    this.#host.heard(stream);
    if (!this.#host.trades.isNew(stream, frame.text())) return 'repeat';
    this.#host.rows.trade(stream, frame.time, frame.text(), 'buy', ++this.#count, 1);
    return 'rows';
  }

  invalidate(): void {
    // It has no book.
  }

  openingSnapshots(): void {
    // It has no book.
  }

  routing(): Json {
    return null;
  }

  state(): Json {
    return this.#count;
  }
}

const ids = {
  name: 'ids',
  decoderVersion: 3,
  markets: {},
  readRequest: () => ({ kind: 'other' }),
  openDecoder: (_link: LinkContext, host: DecoderHost, state?: Json) => new IdDecoder(host, state),
} as unknown as Exchange;

/** A data directory, what a recorder wrote into it, and its starts. */
class Place {
  readonly data = mkdtempSync(join(tmpdir(), 'feedtape-recover-'));
  readonly log: string[] = [];
  /** Journal files read by the last start. */
  reads: string[] = [];
  /** A session that lives as the recorder's would: what states are made of. */
  readonly session = new Session(ids, new Rows(() => undefined));
  readonly #ordinals = new Map<number, number>();
  #time = START;

  constructor() {
    after(() => rmSync(this.data, { recursive: true, force: true }));
  }

  /**
   * Writes a journal file of one block per trade id, sealed or not. A file that took over after a disk fault has
   * neither state nor opening line.
   */
  async file(trades: readonly string[], { sealed = true, tookOver = false } = {}): Promise<JournalFile> {
    const directory = join(this.data, 'journal', 'ids');
    const writer = new JournalWriter({ disk: nodeDisk, directory, exchange: 'ids' });
    const state = tookOver ? null : Buffer.from(JSON.stringify(this.session.state()));
    this.#time += 10;
    const file = await writer.beginFile(this.#time, state);
    if (!tookOver)
      this.#event(writer, 1, { event: 'file', format: 1, exchange: 'ids', links: this.session.openLinks() });
    if (this.session.openLinks().length === 0)
      this.#event(writer, 2, { event: 'dialled', exchange: 'ids', market: 'spot', url: 'ws://x', streams });
    writer.flush();
    for (const id of trades) {
      this.#line(writer, 2, 'received', id);
      writer.flush();
    }
    if (sealed) await writer.seal({ time: this.#time, link: 1, ordinal: this.#next(1) });
    await writer.close();
    return file;
  }

  #next(link: number): number {
    const ordinal = (this.#ordinals.get(link) ?? 0) + 1;
    this.#ordinals.set(link, ordinal);
    return ordinal;
  }

  #event(writer: JournalWriter, link: number, event: TapeEvent): void {
    this.#line(writer, link, 'event', JSON.stringify(event));
  }

  #line(writer: JournalWriter, link: number, kind: Frame['kind'], text: string): void {
    const bytes = Buffer.from(text);
    const ordinal = this.#next(link);
    writer.append(this.#time, link, ordinal, kind, bytes, 0, bytes.length);
    this.session.line(frameOf(this.#time++, link, ordinal, kind, bytes));
  }

  /** Starts as a recorder would. */
  async start(disk: Disk = nodeDisk, exchange = ids): Promise<RecoveredExchange> {
    const engine = new StoreEngine(engineIn(this.data));
    this.reads = [];
    const counting: Disk = {
      ...disk,
      read: (path) => {
        if (path.endsWith('.tape.zst')) this.reads.push(path);
        return disk.read(path);
      },
    };
    const world = {
      setup: { data: this.data },
      disk: counting,
      engine,
      log: (_level: string, message: string, fields: unknown) =>
        this.log.push(`${message} ${JSON.stringify(fields)}`),
    } as unknown as RecorderWorld;
    try {
      return await recoverExchange(exchange, world);
    } finally {
      await engine.close();
    }
  }

  async sql(query: string): Promise<unknown[][]> {
    const { instance, connection } = await openEngine(engineIn(this.data));
    try {
      await createViews(connection, this.data);
      return await cells(connection, query);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  trades(): Promise<unknown[][]> {
    return this.sql('SELECT id, price FROM trades ORDER BY link, frame');
  }

  async files(): Promise<JournalFile[]> {
    return listFiles(nodeDisk, this.data, 'ids');
  }
}

function engineIn(data: string) {
  return { memory: '300MB', threads: 1, temporaryDirectory: join(data, 'state', 'scratch', 'test') };
}

async function cells(connection: DuckDBConnection, query: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(query)).getRowsJS() as unknown[][];
}

function frameOf(time: number, link: number, ordinal: number, kind: Frame['kind'], bytes: Buffer): Frame {
  return {
    time,
    link,
    ordinal,
    kind,
    bytes,
    start: 0,
    end: bytes.length,
    text: () => bytes.toString(),
  } as Frame;
}

test('a start makes the store of every file that lacks its marker, to the same bytes, and reads no finished file', async () => {
  const place = new Place();
  const first = await place.file(['a', 'b']);
  await place.file(['b', 'c'], { sealed: false });
  const { files } = await place.start();
  assert.deepEqual(
    files.map(({ rows, cutBytes }) => [rows, cutBytes]),
    [
      [2, 0],
      [1, 0],
    ],
  );
  const expected = [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ];
  assert.deepEqual(await place.trades(), expected);
  const store = storeFile(place.data, 'trades', keyOf(first));
  const bytes = readFileSync(store);

  unlinkSync(finishedFile(place.data, keyOf(first)));
  writeFileSync(`${store}.tmp`, 'cut off');
  writeFileSync(store, 'an attempt that ended before its marker');
  const again = await place.start();
  assert.deepEqual(
    again.files.map(({ rows }) => rows),
    [2],
  );
  assert.ok(readFileSync(store).equals(bytes));
  assert.equal(existsSync(`${store}.tmp`), false);
  assert.deepEqual(await place.trades(), expected);

  await place.start();
  assert.deepEqual(
    [...new Set(place.reads)],
    [(await place.files())[1]?.path],
    'the last one, for its end state',
  );
});

test('with the state of an orderly stop a start reads no journal file at all; a damaged one is not believed', async () => {
  const place = new Place();
  const file = await place.file(['a']);
  const name = `${file.date}/${file.name}`;
  await place.start();
  await saveEndState(nodeDisk, place.data, ids, name, place.session.state());
  assert.deepEqual((await place.start()).state, place.session.state());
  assert.deepEqual(place.reads, []);
  assert.equal(await loadEndState(nodeDisk, place.data, ids, 'another/file'), null);
  await saveEndState(nodeDisk, place.data, ids, name, { decoderVersion: 3, streams: 5 });
  assert.deepEqual((await place.start()).state, place.session.state());
  writeFileSync(join(place.data, 'state', 'end', 'ids.json.zst'), 'garbage');
  assert.deepEqual((await place.start()).state, place.session.state());
});

test('a file without a state goes on from the one before, also where that is finished already', async () => {
  const place = new Place();
  await place.file(['a', 'b'], { sealed: false });
  await place.file(['b', 'c'], { tookOver: true, sealed: false });
  await place.file(['c', 'd'], { tookOver: true });
  await place.start();
  const expected = [
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['d', 4],
  ];
  assert.deepEqual(await place.trades(), expected);
  const files = await place.files();
  for (const file of files.slice(1)) {
    unlinkSync(finishedFile(place.data, keyOf(file)));
    const { state } = await place.start();
    assert.deepEqual(await place.trades(), expected, file.name);
    assert.deepEqual(state, place.session.state());
  }
});

test('a state that is none, damaged or hostile is passed over: the file before is read instead', async () => {
  const place = new Place();
  await place.file(['a', 'b']);
  const second = await place.file(['b', 'c']);
  const { zstdCompressSync } = await import('node:zlib');
  const hostile = ['{}', '5', 'null', '{"decoderVersion":3}', '{"decoderVersion":3,"streams":[1],"gaps":7}'];
  for (const state of [
    Buffer.from('garbage'),
    Buffer.alloc(0),
    ...hostile.slice(3).map((text) => zstdCompressSync(text)),
  ]) {
    writeFileSync(second.statePath, state);
    rmSync(join(place.data, 'state', 'finished'), { recursive: true, force: true });
    await place.start();
    assert.deepEqual(
      await place.trades(),
      [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ],
      String(state),
    );
  }
});

test('a state of another decoder version begins anew from the file’s own opening line', async () => {
  const place = new Place();
  await place.file(['a', 'b']);
  await place.file(['b', 'c']);
  await place.start(nodeDisk, { ...ids, decoderVersion: 4 });
  assert.deepEqual(await place.trades(), [
    ['a', 1],
    ['b', 2],
    ['b', 1],
    ['c', 2],
  ]);
});

test('an empty file, left by a kill right behind its creation, is sealed and stays without rows', async () => {
  const place = new Place();
  await place.file(['a']);
  const empty = await place.file([], { sealed: false });
  truncateSync(empty.path, 0);
  const { files, state } = await place.start();
  assert.deepEqual(
    files.map(({ rows, blocks }) => [rows, blocks]),
    [
      [1, 0],
      [0, 0],
    ],
  );
  assert.notEqual(state, null);
  assert.deepEqual((await place.start()).files, []);
  assert.deepEqual(await place.trades(), [['a', 1]]);
});

test('damage before whole blocks stays, is told, and becomes a gap; also where it hides the first line', async () => {
  for (const damagedBlock of [0, 1]) {
    const place = new Place();
    await place.file(['a']);
    const second = await place.file(['b', 'c'], { sealed: false });
    const bytes = readFileSync(second.path);
    const blocks = [...readBlocks(bytes)];
    const offset = (blocks[damagedBlock]?.offset ?? 0) + 70;
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    writeFileSync(second.path, bytes);
    const { files } = await place.start();
    assert.match(files[1]?.damages.join() ?? '', new RegExp(`block ${damagedBlock + 1} `));
    const expected = damagedBlock === 0 ? ['a', 'b', 'c'] : ['a', 'c'];
    assert.deepEqual(
      (await place.trades()).map(([id]) => id),
      expected,
    );
    const gaps = await place.sql('SELECT cause, state, symbol FROM gaps');
    assert.deepEqual(gaps, [['damaged', 'closed', 'BTC']], `block ${damagedBlock}`);
  }
});

test('a torn tail is cut, kept beside the file, and told; what was whole is in the store', async () => {
  const place = new Place();
  const file = await place.file(['a', 'b'], { sealed: false });
  const torn = readFileSync(file.path).subarray(0, 90);
  appendFileSync(file.path, torn);
  const { files } = await place.start();
  assert.deepEqual([files[0]?.cutBytes, files[0]?.cutFile], [90, `${file.path}.cut`]);
  assert.ok(readFileSync(`${file.path}.cut`).equals(torn));
  assert.deepEqual(await place.trades(), [
    ['a', 1],
    ['b', 2],
  ]);
});

test('parts of a dead run go at the start, also those of files that were finished', async () => {
  const place = new Place();
  const file = await place.file(['a']);
  await place.start();
  for (const name of [file.name, '09-1']) {
    const recent = join(place.data, 'recent', 'ids', file.date, name);
    mkdirSync(recent, { recursive: true });
    writeFileSync(join(recent, 'parts.json'), '{"parts":{"trades":["trades-0.parquet"]}}');
  }
  await place.start();
  assert.equal(existsSync(join(place.data, 'recent', 'ids')), false);
});

test('what cannot be mended stays for the next start and stops nobody', async () => {
  const place = new Place();
  const first = await place.file(['a']);
  const second = await place.file(['b'], { sealed: false });
  const third = await place.file(['c']);
  const refusing: Disk = {
    ...nodeDisk,
    read: (path) => (path === second.path ? Promise.reject(new Error('EIO')) : nodeDisk.read(path)),
  };
  mkdirSync(`${storeFile(place.data, 'trades', keyOf(third))}.tmp`, { recursive: true });
  const { files, state } = await place.start(refusing);
  assert.deepEqual(
    files.map(({ rows }) => rows),
    [1],
  );
  assert.notEqual(state, null);
  assert.deepEqual(
    place.log.map((line) => /mended/.test(line)),
    [true, true],
  );
  assert.match(place.log[0] ?? '', /EIO/);
  assert.deepEqual(await place.trades(), [['a', 1]]);
  rmSync(`${storeFile(place.data, 'trades', keyOf(third))}.tmp`, { recursive: true });
  mkdirSync(join(dirname(first.path), '09-5.tape.zst'));
  assert.equal((await place.start()).files.length, 2);
  assert.deepEqual(await place.trades(), [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
});

test('the finisher goes on behind a store that fails, and leaves what it has no time for to the next start', async () => {
  const begun: string[] = [];
  const errors: string[] = [];
  const stored: string[] = [];
  const { promise: endless, reject } = Promise.withResolvers<void>();
  const finished: string[] = [];
  const finisher = new Finisher({
    decoderVersions: () => 3,
    onFinished: ({ key }) => finished.push(key.name),
    onError: (_store, error) => errors.push(error.message),
  });
  const add = (name: string, work: () => Promise<void>): void => {
    const finish = async () => {
      begun.push(name);
      await work();
      return { rows: {} };
    };
    const interrupt = (): void => reject(new Error('interrupted'));
    const store = { key: { exchange: 'ids', date: '', name }, finish, interrupt };
    finisher.add(store as unknown as FileStore, () => stored.push(name));
  };
  add('refused', () => Promise.reject(new Error('refused')));
  add('fine', () => Promise.resolve());
  add('endless', () => endless);
  add('unbegun', () => Promise.resolve());
  await finisher.settle(20);
  assert.deepEqual(begun, ['refused', 'fine', 'endless']);
  assert.deepEqual([errors, stored, finished], [['refused'], ['fine'], ['fine']]);
  assert.deepEqual(
    finisher.late.map(({ key }) => key.name),
    ['endless', 'unbegun'],
  );
});

test('a store that is finished in spite of being told to end is not left to the next start', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const finisher = new Finisher({
    decoderVersions: () => 3,
    onFinished: () => undefined,
    onError: (_store, error) => assert.fail(error.message),
  });
  const finish = async () => {
    await asked;
    return { rows: { trades: 7 } };
  };
  const store = { key: { exchange: 'ids', date: '', name: 'x' }, finish, interrupt: () => resolve() };
  const stored: unknown[] = [];
  finisher.add(store as unknown as FileStore, (rows) => stored.push(rows));
  await finisher.settle(0);
  assert.deepEqual([stored, finisher.late], [[{ trades: 7 }], []], 'its rows count once');
});
