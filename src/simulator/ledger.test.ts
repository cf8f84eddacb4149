import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileLedger } from './ledger.ts';
import { readLines } from './test-client.ts';

const failed = (error: Error): never => {
  throw error;
};

test('lines are on disk in order when close resolves, with time in seconds to the µs', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-ledger-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'ledger.ndjson');
  let now = 1_790_000_000_123_456;
  const ledger = await FileLedger.create(file, () => now++, failed);
  const long = 'x'.repeat(2000);
  for (let n = 0; n < 200; n++) ledger.write({ t: 'recv', conn: n, data: `${long}\n"`, own: true });
  await ledger.close();
  assert.ok(readFileSync(file, 'utf8').startsWith('{"t":"recv","ts":1790000000.123456,"conn":0,"data":"xxx'));
  const lines = readLines(file);
  assert.equal(lines.length, 200);
  lines.forEach((line, n) => {
    assert.deepEqual([line.conn, line.data, line.own], [n, `${long}\n"`, true]);
  });
});

test('a ledger that waits for the disk says that it is full, until the disk has caught up', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-ledger-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const ledger = await FileLedger.create(join(folder, 'ledger.ndjson'), () => 0, failed);
  const data = 'x'.repeat(1024 * 1024);
  assert.equal(ledger.full, false);
  for (let n = 0; n < 40; n++) ledger.write({ t: 'recv', conn: 1, data, own: true });
  assert.equal(ledger.full, true);
  await ledger.close();
  assert.equal(ledger.full, false);
  assert.equal(readLines(join(folder, 'ledger.ndjson')).length, 40);
});

test('a disk that refuses is told once, and close rejects', { skip: !existsSync('/dev/full') }, async () => {
  const errors: Error[] = [];
  const ledger = await FileLedger.create(
    '/dev/full',
    () => 0,
    (error) => errors.push(error),
  );
  const data = 'x'.repeat(300_000);
  for (let n = 0; n < 3; n++) ledger.write({ t: 'recv', conn: 1, data, own: true });
  await assert.rejects(ledger.close(), { code: 'ENOSPC' });
  assert.equal(errors.length, 1);
});
