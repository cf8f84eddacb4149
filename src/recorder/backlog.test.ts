import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CrashDisk } from '../journal/crash-disk.ts';
import { type DurableBlock, packBlock, placeBlock } from '../journal/index.ts';
import { Backlog } from './backlog.ts';

const PATH = '/journal/x/10-1.tape.zst';

/** A file of blocks with these texts, and where they are. */
async function blocks(disk: CrashDisk, texts: readonly string[]): Promise<DurableBlock[]> {
  const packed = texts.map((text) => packBlock(Buffer.from(text), 1, 1, 1));
  for (const [i, block] of packed.entries())
    placeBlock(block, { ordinal: i + 1, previousCrc: 0, seal: false });
  await disk.replace(PATH, Buffer.concat(packed.map(({ bytes }) => bytes)));
  let offset = 0;
  return packed.map(({ bytes: { length } }, number) => {
    offset += length;
    return { number, path: PATH, offset: offset - length, length };
  });
}

test('blocks come in order, each once, whatever fails to be read, is dropped, or comes meanwhile', async () => {
  const act = fc.constantFrom('push', 'push', 'take', 'take', 'failing take', 'drop');
  const property = fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
    const disk = new CrashDisk();
    // Small ones are unpacked at once, large ones on another thread.
    const texts = acts.map((_, i) => `1 1 ${i + 1} < ${'x'.repeat(i % 3 === 0 ? 70_000 : 9)}\n`);
    const all = await blocks(disk, texts);
    let failures = 0;
    // Where a read has failed that nobody was told of: it may have been one ahead, for a later take.
    const failed = new Set<number>();
    const { readPart } = disk;
    disk.readPart = (path, start, length) => {
      if (failures === 0) return readPart.call(disk, path, start, length);
      failures--;
      failed.add(start);
      return Promise.reject(new Error(`EIO at ${start}`));
    };
    const backlog = new Backlog(disk);
    const waiting: number[] = [];
    let pushed = 0;
    for (const each of acts) {
      const [first] = waiting;
      if (each === 'push') {
        waiting.push(pushed);
        backlog.push(all[pushed++] as DurableBlock);
      } else if (first === undefined) assert.ok(backlog.isEmpty);
      else {
        const { offset } = all[first] as DurableBlock;
        failures = each === 'failing take' ? 1 : 0;
        const text = each === 'drop' ? backlog.drop() : await backlog.take().catch(() => null);
        failures = 0;
        const hasFailed = failed.delete(offset);
        if (each !== 'drop') assert.equal(text === null, hasFailed);
        if (text instanceof Buffer) assert.equal(text.toString(), texts[first]);
        if (text !== null) waiting.shift();
      }
      assert.equal(
        backlog.bytes,
        waiting.reduce((sum, number) => sum + (all[number]?.length ?? 0), 0),
      );
    }
  });
  await fc.assert(property, {
    numRuns: 60,
    endOnFailure: true,
    examples: [
      [['take', 'failing take', 'take', 'push', 'push', 'take', 'push', 'failing take', 'take', 'take']],
    ],
  });
});

test('the next blocks are being read while the one before is used, each once', async () => {
  const disk = new CrashDisk();
  const all = await blocks(
    disk,
    Array.from({ length: 9 }, (_, i) => `1 1 ${i + 1} < a\n`),
  );
  const read: number[] = [];
  const { readPart } = disk;
  disk.readPart = (path, start, length) => {
    read.push(start);
    return readPart.call(disk, path, start, length);
  };
  const backlog = new Backlog(disk);
  for (const block of all) backlog.push(block);
  await backlog.take();
  const offsets = all.map(({ offset }) => offset);
  assert.deepEqual(read, offsets.slice(0, 5));
  while (!backlog.isEmpty) await backlog.take();
  assert.deepEqual(read, offsets);
});
