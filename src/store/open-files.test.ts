import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { OpenFiles } from './open-files.ts';

const root = mkdtempSync(join(tmpdir(), 'feedtape-open-'));
after(() => rmSync(root, { recursive: true, force: true }));

const SIZE = 140_000;
/** Bytes that are like no others near them. */
const bytesOf = (file: number): Buffer =>
  Buffer.from(Uint32Array.from({ length: SIZE / 4 }, (_, i) => Math.imul(i + file, 2_654_435_761)).buffer);

test('pieces are what stands there, of any size and in any order, of more files than are open at a time', async () => {
  const paths = Array.from({ length: 300 }, (_, file) => join(root, `${file}`));
  for (const [file, path] of paths.entries()) writeFileSync(path, bytesOf(file));
  const files = new OpenFiles();
  const bytes = fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.constantFrom(65_536, 65_537, SIZE));
  const file = fc.oneof(fc.nat(2), fc.nat(paths.length - 1));
  const property = fc.asyncProperty(
    fc.array(fc.record({ file, at: fc.nat(SIZE), bytes }), { maxLength: 40 }),
    async (pieces) => {
      for (const piece of pieces) {
        const length = Math.min(piece.bytes, SIZE - piece.at);
        const read = await files.read(paths[piece.file] as string, piece.at, length);
        assert.ok(read.equals(bytesOf(piece.file).subarray(piece.at, piece.at + length)));
      }
    },
  );
  await fc.assert(property, { numRuns: 60, endOnFailure: true });
  for (const path of paths) await files.read(path, 5, 5);
  await files.close();
});

test('a file that has become shorter is an error', async () => {
  const path = join(root, 'short');
  writeFileSync(path, bytesOf(1));
  const files = new OpenFiles();
  truncateSync(path, 1000);
  await assert.rejects(files.read(path, 500, 501), /shorter than it was/);
  await assert.rejects(files.read(path, 0, 100_000), /shorter than it was/);
  await assert.rejects(files.read(path, 120_000, 5), /shorter than it was/);
  await files.close();
});
