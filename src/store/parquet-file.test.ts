import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import fc from 'fast-check';
import { fileColumns } from './columns.ts';
import { MAGIC } from './footer.ts';
import { OpenFiles, ParquetFile, type StoredGroup } from './parquet-file.ts';

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

let seed = 0;
/** A row group of so many bytes, all the same, unlike those of the one before. */
function group(bytes: number): {
  rows: number;
  chunks: StoredGroup['chunks'];
  bytes: Uint8Array<ArrayBuffer>;
} {
  seed = (seed + 1) % 251;
  return {
    rows: 1,
    chunks: Array.from({ length: COLUMNS }, () => ({ ...COLUMN, bytes: bytes / COLUMNS })),
    bytes: new Uint8Array(bytes).fill(seed),
  };
}

/** Files of groups of these sizes; where the groups are, and their bytes. */
async function filesOf(
  sizes: readonly (readonly number[])[],
): Promise<{ stored: StoredGroup[]; bytes: Map<StoredGroup, Uint8Array> }> {
  const stored: StoredGroup[] = [];
  const bytes = new Map<StoredGroup, Uint8Array>();
  for (const [n, each] of sizes.entries()) {
    const file = await ParquetFile.create(join(root, `part-${n}`), 'trades');
    for (const size of each) {
      const made = group(size);
      const at = await file.add(made);
      stored.push(at);
      bytes.set(at, made.bytes);
    }
    await file.end();
  }
  return { stored, bytes };
}

test('groups of other files are copied whole and in their order, whichever they are', async () => {
  const size = fc.constantFrom(10, 300, 65_536, 70_000, 3_000_000, 5_000_000);
  const sizes = fc.array(fc.array(size, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(sizes, fc.array(fc.nat(), { maxLength: 6 }), async (all, left) => {
    const { stored, bytes } = await filesOf(all);
    const wanted = stored.filter((_, n) => !left.some((one) => one % stored.length === n));
    const path = join(root, 'whole');
    const file = await ParquetFile.create(path, 'trades', true);
    const files = new OpenFiles();
    await file.copy(wanted, files, () => undefined);
    await files.close();
    await file.end();
    const expected = Buffer.concat([MAGIC, ...wanted.map((each) => bytes.get(each) as Uint8Array)]);
    assert.ok(expected.equals(readFileSync(path).subarray(0, expected.length)));
    assert.equal(file.rows, wanted.length);
  });
  await fc.assert(property, { numRuns: 40, endOnFailure: true });
});

test('a file that has become shorter is an error, and so is an end that is called for', async () => {
  const { stored } = await filesOf([[80_000]]);
  const [one] = stored as [StoredGroup];
  const file = await ParquetFile.create(join(root, 'short'), 'trades');
  const files = new OpenFiles();
  const none = (): void => undefined;
  await assert.rejects(file.copy([{ ...one, bytes: 900_000 }], files, none), /shorter than it was/);
  await assert.rejects(file.copy([{ ...one, at: 10_000_000, bytes: 5 }], files, none), /shorter than it was/);
  const ends = (): void => {
    throw new Error('it ends');
  };
  await assert.rejects(file.copy([one], files, ends), /it ends/);
  await files.close();
  await file.abandon();
});

test('what the disk could not write of a durable file is an error of the file', async () => {
  const handle = await open(join(root, 'any'), 'w');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  for (const groups of [1, 2]) {
    const file = await ParquetFile.create(join(root, 'faulty'), 'trades', true);
    const fails = mock.method(prototype, 'datasync', () => Promise.reject(new Error('EIO')));
    const write = async (): Promise<void> => {
      for (let n = 0; n < groups; n++) await file.add(group(20_000_000));
      await file.end();
    };
    await assert.rejects(write(), /EIO/);
    assert.equal(fails.mock.callCount(), 1);
    fails.mock.restore();
    if (groups === 2) await file.abandon();
  }
});
