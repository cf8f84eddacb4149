import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { poolGivesWay, poolThreads } from './priority.ts';

const isLinux = process.platform === 'linux';

test('the threads of the pool give way, the thread that asks does not', { skip: !isLinux }, async () => {
  await stat('.');
  const before = getPriority(0);
  assert.ok(poolThreads().length >= 1, 'a pool that was used has threads');
  assert.equal(poolGivesWay(3), poolThreads().length);
  for (const thread of poolThreads()) assert.equal(getPriority(thread), Math.min(before + 3, 19));
  assert.equal(getPriority(0), before);
});
