import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { nodeDisk, type Timers } from '../host/index.ts';
import { CrashDisk } from '../journal/crash-disk.ts';
import { isDense, JournalWriter } from '../journal/index.ts';
import { finishedFile } from '../store/index.ts';
import { Densifier, sparseFiles } from './densifier.ts';
import { keyOf, listFiles } from './journal-files.ts';

const START = 1_700_000_000_000_000;
const atOnce: Timers = {
  set: (_ms, run) => {
    queueMicrotask(run);
    return { timer: null };
  },
  clear: () => undefined,
};

async function sealed(disk: CrashDisk, start: number): Promise<string> {
  const journal = new JournalWriter({ disk, directory: '/journal/x', exchange: 'x' });
  const { path } = await journal.beginFile(start, null);
  const payload = Buffer.from('{"a":"some message"}');
  for (let n = 1; n <= 500; n++) journal.append(start + n, 1, n, 'received', payload, 0, payload.length);
  await journal.seal({ time: start + 501, link: 2, ordinal: 1 });
  return path;
}

test('sealed files become dense one after the other; one that fails stays as it is and stops nobody', async () => {
  const disk = new CrashDisk();
  const logged: string[] = [];
  const paths = [await sealed(disk, START), await sealed(disk, START + 1e6), await sealed(disk, START + 2e6)];
  disk.failing = (act, path) => act === 'create' && path.includes(String(START + 1e6));
  const densifier = new Densifier({
    disk,
    timers: atOnce,
    share: 1,
    log: (_level, message) => logged.push(message),
  });
  const before = Buffer.from(disk.files.get(paths[1] ?? '')?.bytes ?? []);
  for (const path of [...paths, paths[0] ?? '']) densifier.add(path);
  while (logged.length < 3) await new Promise((resolve) => setImmediate(resolve));
  await densifier.stop();
  const dense = await Promise.all(paths.map((path) => isDense(disk, path)));
  assert.deepEqual(dense, [true, false, true]);
  assert.deepEqual(disk.files.get(paths[1] ?? '')?.bytes, before);
  assert.equal(logged.filter((message) => message.includes('denser now')).length, 2);
});

test('with no share, and after a stop, nothing is written again', async () => {
  const disk = new CrashDisk();
  const path = await sealed(disk, START);
  const log = (): void => assert.fail('nothing is done that could be told');
  const idle = new Densifier({ disk, timers: atOnce, share: 0, log });
  idle.add(path);
  await idle.stop();
  const stopped = new Densifier({ disk, timers: atOnce, share: 1, log });
  await stopped.stop();
  stopped.add(path);
  await stopped.stop();
  assert.equal(await isDense(disk, path), false);
});

test('a start finds the finished files that are not dense; one that cannot be read hides none', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'feedtape-densifier-'));
  t.after(() => rmSync(data, { recursive: true }));
  const journal = new JournalWriter({ disk: nodeDisk, directory: join(data, 'journal', 'x'), exchange: 'x' });
  const paths: string[] = [];
  for (let n = 0; n < 4; n++) {
    const start = START + n * 1e6;
    paths.push((await journal.beginFile(start, null)).path);
    journal.append(start + 1, 1, 1, 'received', Buffer.from('{}'), 0, 2);
    await journal.seal({ time: start + 2, link: 2, ordinal: 1 });
  }
  for (const file of (await listFiles(nodeDisk, data, 'x')).slice(0, 3)) {
    const marker = finishedFile(data, keyOf(file));
    mkdirSync(dirname(marker), { recursive: true });
    writeFileSync(marker, '{}');
  }
  rmSync(paths[1] as string);
  mkdirSync(paths[1] as string);
  const unread: string[] = [];
  const found = await sparseFiles(nodeDisk, data, ['x', 'absent'], (path) => unread.push(path));
  assert.deepEqual(found, [paths[0], paths[2]]);
  assert.deepEqual(unread, [paths[1]]);
});
