import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timers } from '../host/index.ts';
import { CrashDisk } from '../journal/crash-disk.ts';
import { isDense, JournalWriter } from '../journal/index.ts';
import { Densifier } from './densifier.ts';

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
