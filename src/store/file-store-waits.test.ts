import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { Rows, textFrame } from '../record/index.ts';
import type { GroupRows } from './encode-group.ts';
import { StoreEngine } from './engine.ts';
import { FileStore } from './file-store.ts';
import { type JournalKey, recentDirectory } from './layout.ts';
import { ParquetFile } from './parquet-file.ts';
import { SMALL_LIMITS } from './small-limits.ts';

const root = mkdtempSync(join(tmpdir(), 'feedtape-waits-'));
const engine = new StoreEngine({ memory: '200MB', threads: 1, temporaryDirectory: join(root, 'spill') });
after(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

const key: JournalKey = { exchange: 'words', date: '2026-11-22', name: '10-1795341600000000' };
const NOW = 1_795_341_600_000_000;
let runs = 0;

/** A store, where its files and its parts are, and what gives it rows. */
interface Begun {
  readonly store: FileStore;
  readonly data: string;
  readonly parts: string;
  /** So many rows of a table, of so many names in turn. */
  add(table: 'trades' | 'book', rows: number, names?: number): void;
  /** Rows until it is full: row groups wait, or are in a part that no flush has ended; of many names, rows are put aside. */
  fill(table?: 'trades' | 'book', names?: number): void;
}

async function begun(by = engine): Promise<Begun> {
  const data = join(root, `run-${runs++}`);
  const rows = new Rows(() => undefined, 10);
  const store = await FileStore.open(data, key, by, rows.streams, SMALL_LIMITS);
  rows.redirect((batch) => store.append(batch));
  let frame = 0;
  const add: Begun['add'] = (table, count, names = 1) => {
    for (let n = 0; n < count; n++) {
      const code = rows.streams.code('spot', table, 'feed', `N${++frame % names}`);
      rows.at(textFrame(NOW, 1, frame, 'received', ''));
      if (table === 'trades') rows.trade(code, NOW, String(frame), 'buy', 1, 1);
      else {
        rows.beginBook(code, NOW, false, 'feed', frame, frame, true);
        rows.level('bid', 1, 1);
      }
    }
    rows.flush();
  };
  const fill: Begun['fill'] = (table = 'trades', names = 1) => {
    while (!store.isFull) add(table, 1, names);
  };
  return { store, data, parts: recentDirectory(data, key), add, fill };
}

/** The event loop's next turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Which of the files that this process has open are in a directory. */
function openIn(directory: string): string[] {
  const paths = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that the listing itself had open.
      return '';
    }
  });
  return paths.filter((path) => path.startsWith(directory));
}

/** All files of a directory, those below included. */
const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

test('row groups go into the part as they are made, and whoever waits does not wait for all of them', async () => {
  const { store, fill } = await begun();
  fill();
  const before = store.pendingBytes;
  await store.relieve();
  assert.ok(!store.isFull);
  assert.ok(store.pendingBytes > before / 2, 'the others wait still');
  fill();
  await store.flush();
  assert.equal(store.pendingBytes, 0);
  await store.discard();
});

test('whoever waits does not wait for the groups of one table, made behind those of all others', async () => {
  const { encoder } = engine;
  // Groups are made one by one, as they are asked for here.
  const next: (() => void)[] = [];
  const slow = {
    spare: () => null,
    encode: async (group: GroupRows) => {
      await new Promise<void>((resolve) => {
        next.push(resolve);
      });
      return encoder.encode(group);
    },
  };
  const { store, add, fill } = await begun(Object.create(engine, { encoder: { value: slow } }));
  add('trades', 1);
  fill('book');
  add('trades', SMALL_LIMITS.groupRows);
  let hasWaited = false;
  const waited = store.relieve().then(() => {
    hasWaited = true;
  });
  while (store.isFull) {
    const before = store.pendingBytes;
    next.shift()?.();
    while (store.pendingBytes === before) await turn();
  }
  await turn();
  assert.ok(hasWaited && next.length > 0, 'the last one, of the trades, is not made yet');
  for (const make of next) make();
  await waited;
  await store.discard();
});

test('rows that were put aside are written for whoever waits, and no list with them', async () => {
  const { store, parts, fill } = await begun();
  fill('trades', 90);
  await store.relieve();
  assert.ok(!store.isFull);
  const names = readdirSync(parts);
  assert.ok(names.some((name) => name.endsWith('.rows')));
  assert.ok(!names.includes('parts.json'));
  await store.discard();
});

test('rows that cannot be written, as a group or aside, are told to whoever waits or flushes next', async () => {
  for (const [act, names] of [
    ['relieve', 1],
    ['flush', 1],
    ['relieve', 90],
  ] as const) {
    const { store, parts, fill } = await begun();
    rmSync(parts, { recursive: true });
    fill('trades', names);
    await assert.rejects(store[act](), /ENOENT/);
    await store.discard();
  }
});

const isLinux = process.platform === 'linux';

test('a store that is given up leaves no file', { skip: !isLinux && 'looks into /proc' }, async () => {
  const { store, data, fill } = await begun();
  fill();
  await store.relieve();
  assert.equal(openIn(data).length, 2, 'the part and the finished file, as far as they are');
  await store.discard();
  assert.deepEqual([...openIn(data), ...filesIn(data)], []);
});

/** What all open files have their methods from. */
async function anyHandle(): Promise<FileHandle> {
  const handle = await open(join(root, 'any'), 'w');
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

test('whichever write of a part fails is told, and no file stays open or half made', {
  skip: !isLinux && 'looks into /proc',
}, async () => {
  // The part's head, its first row group, a later one, and one after whose failure others wait.
  for (const failing of [1, 2, 5, 9]) {
    const { store, data, fill } = await begun();
    const restore = await failAt(failing);
    fill();
    await assert.rejects(store.flush(), /ENOSPC/);
    restore();
    await assert.rejects(store.flush(), /ENOSPC/, 'what failed once is not forgotten');
    await store.discard();
    assert.deepEqual([...openIn(data), ...filesIn(data)], []);
  }
});

test('where the finished file cannot be written, readers have the parts, and the end is told', {
  skip: !isLinux && 'looks into /proc',
}, async () => {
  // The finished file's head, its first row group, a later one.
  for (const failing of [3, 4, 6]) {
    const { store, data, fill } = await begun();
    const restore = await failAt(failing);
    fill();
    await store.flush();
    restore();
    fill();
    await store.flush();
    assert.deepEqual([...openIn(data), ...filesIn(join(data, 'store'))], []);
    await assert.rejects(store.finish(1), /ENOSPC/);
    assert.ok(filesIn(data).includes('parts.json'));
    await store.discard();
  }
});

/** Lets a write to any file fail, the first being 1; returns what ends that. */
async function failAt(failing: number): Promise<() => void> {
  const prototype = await anyHandle();
  const write = prototype.write as (bytes: Uint8Array, at: number) => Promise<{ bytesWritten: number }>;
  let calls = 0;
  const faulty = mock.method(prototype, 'write', function (this: FileHandle, bytes: Uint8Array, at: number) {
    return ++calls === failing ? Promise.reject(new Error('ENOSPC')) : write.call(this, bytes, at);
  });
  return () => faulty.mock.restore();
}

test('a part that cannot be ended is told, and is in no list', {
  skip: !isLinux && 'looks into /proc',
}, async () => {
  const { store, parts, fill } = await begun();
  fill();
  const ends = mock.method(ParquetFile.prototype, 'end', async function (this: ParquetFile) {
    await this.abandon();
    throw new Error('ENOSPC');
  });
  await assert.rejects(store.flush(), /ENOSPC/);
  ends.mock.restore();
  assert.ok(!readdirSync(parts).includes('parts.json'));
  await store.discard();
  assert.deepEqual(openIn(parts), []);
});

test('a finished file that cannot be made durable has no name', async () => {
  const { store, data, fill } = await begun();
  fill();
  await store.flush();
  const syncs = mock.method(await anyHandle(), 'sync', () => Promise.reject(new Error('EIO')));
  await assert.rejects(store.finish(1), /EIO/);
  syncs.mock.restore();
  assert.ok(filesIn(data).includes('parts.json'), 'the parts stay readable');
  assert.deepEqual(filesIn(join(data, 'store')), []);
  await store.discard();
});

test('a finish that is ended leaves the parts, and no file half made', async () => {
  const { store, data, fill } = await begun();
  fill();
  await store.flush();
  store.interrupt();
  await assert.rejects(store.finish(1), /ended before it was through/);
  assert.ok(filesIn(data).includes('parts.json'));
  assert.deepEqual(filesIn(join(data, 'store')), []);
  await store.discard();
});
