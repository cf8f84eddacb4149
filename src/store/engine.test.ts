import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { StoreEngine } from './engine.ts';

test('an engine that could not start is tried again, and can be closed before and after', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'feedtape-engine-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const inTheWay = join(root, 'file');
  writeFileSync(inTheWay, '');
  const limits = { memory: '100MB', threads: 1, temporaryDirectory: join(inTheWay, 'spill') };
  const never = new StoreEngine(limits);
  await assert.rejects(never.connect(), /ENOTDIR/);
  await never.close();
  const engine = new StoreEngine(limits);
  await assert.rejects(engine.connect(), /ENOTDIR/);
  rmSync(inTheWay);
  const connection = await engine.connect();
  assert.equal((await connection.runAndReadAll('SELECT 42')).getRowsJS()[0]?.[0], 42);
  connection.closeSync();
  await engine.close();
});
