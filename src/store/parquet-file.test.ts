import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { fileColumns } from './columns.ts';
import type { EncodedGroup } from './encode-group.ts';
import type { FooterGroup } from './footer.ts';
import { ParquetFile } from './parquet-file.ts';

const root = mkdtempSync(join(tmpdir(), 'feedtape-parquet-'));
after(() => rmSync(root, { recursive: true, force: true }));

const COLUMN = {
  encodings: [0],
  isCompressed: false,
  dictionaryBytes: 0,
  plainBytes: 1,
  nulls: 0,
  least: null,
  most: null,
} as const;
const COLUMNS = fileColumns('trades').length;

/** A row group of so many rows, each a byte in every column: `value`. */
function group(rows: number, value = 7): EncodedGroup {
  return {
    rows,
    chunks: Array.from({ length: COLUMNS }, () => ({ ...COLUMN, bytes: rows })),
    bytes: new Uint8Array(rows * COLUMNS).fill(value),
  };
}

test('readers meet the groups in the order that the file was ended with, wherever each of them stands', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 12 });
  const property = fc.asyncProperty(sizes, fc.infiniteStream(fc.nat()), async (all, random) => {
    const path = join(root, 'ordered');
    const file = await ParquetFile.create(path, 'trades', true);
    const added: { rows: number; value: number; group: FooterGroup }[] = [];
    for (const [value, rows] of all.entries())
      added.push({ rows, value, group: await file.add(group(rows, value)) });
    const order = added
      .map((one) => ({ one, key: random.next().value as number }))
      .sort((a, b) => a.key - b.key)
      .map(({ one }) => one);
    await file.end(order.map((one) => one.group));
    const bytes = readFileSync(path);
    const found = parquetMetadata(new Uint8Array(bytes).buffer).row_groups.map((each) => ({
      rows: Number(each.num_rows),
      values: each.columns.map(({ meta_data }) => {
        const at = Number(meta_data?.data_page_offset);
        return [bytes[at], bytes[at + Number(each.num_rows) - 1]];
      }),
    }));
    assert.deepEqual(
      found,
      order.map(({ rows, value }) => ({ rows, values: Array(COLUMNS).fill([value, value]) })),
    );
  });
  await fc.assert(property, { numRuns: 40, endOnFailure: true });
});

test('what the disk could not write of a durable file is an error of the file', async () => {
  const handle = await open(join(root, 'any'), 'w');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  for (const groups of [1, 2]) {
    const file = await ParquetFile.create(join(root, 'faulty'), 'trades', true);
    const fails = mock.method(prototype, 'datasync', () => Promise.reject(new Error('EIO')));
    const write = async (): Promise<void> => {
      for (let n = 0; n < groups; n++) await file.add(group(2_000_000));
      await file.end();
    };
    await assert.rejects(write(), /EIO/);
    assert.equal(fails.mock.callCount(), 1);
    fails.mock.restore();
    if (groups === 2) await file.abandon();
  }
});

test('nobody waits for the disk while a file is written', async () => {
  const handle = await open(join(root, 'any'), 'w');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const disk = Promise.withResolvers<void>();
  const slow = mock.method(prototype, 'datasync', () => disk.promise);
  const file = await ParquetFile.create(join(root, 'slow'), 'trades', true);
  for (let n = 0; n < 3; n++) await file.add(group(2_000_000));
  let hasEnded = false;
  const ended = file.end().then(() => {
    hasEnded = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    [slow.mock.callCount(), hasEnded],
    [1, false],
    'one call at a time, and the end waits for it',
  );
  disk.resolve();
  await ended;
  slow.mock.restore();
});
