import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { FromSimulatorThread } from './worker.ts';

/** Waits for a message of this kind. */
async function message(worker: Worker, kind: FromSimulatorThread['kind']): Promise<FromSimulatorThread> {
  for (;;) {
    const [said] = (await once(worker, 'message')) as [FromSimulatorThread];
    if (said.kind === kind) return said;
  }
}

test('in a thread it says its port, serves, stops when told, and ends', async () => {
  const workerData = { port: 0, seed: 3, rate: undefined };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  const ready = await message(worker, 'ready');
  assert.ok(ready.kind === 'ready' && ready.port > 0);
  const answer = await fetch(`http://127.0.0.1:${ready.port}/nobody/nothing`);
  assert.equal(answer.status, 404);
  const stopped = message(worker, 'stopped');
  const exit = once(worker, 'exit');
  worker.postMessage({ kind: 'stop' });
  const said = await stopped;
  assert.ok(said.kind === 'stopped' && said.counts.requests === 1);
  assert.deepEqual(await exit, [0]);
});

test('a thread that cannot start says why and ends', async () => {
  const workerData = { port: 0, faults: 'nonsense' };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  const exit = once(worker, 'exit');
  const failed = await message(worker, 'failed');
  assert.ok(failed.kind === 'failed' && failed.error.includes('known are'));
  await exit;
});
