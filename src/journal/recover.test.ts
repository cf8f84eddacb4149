import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER_BYTES } from './block.ts';
import { CrashDisk, seeded, turn } from './crash-disk.ts';
import { endsWithSeal } from './files.ts';
import { readBlocks, scanTape } from './reader.ts';
import { recoverFile, sealRecovered } from './recover.ts';
import { lineOf, sampleTape } from './sample-tape.ts';

const tape = await sampleTape(10, 15, false);
const ends = [...readBlocks(tape.bytes)].map(({ offset }) => offset).slice(1);
ends.push(tape.bytes.length);
const line = { time: 1_795_341_700_000_000, link: 1, ordinal: 3 };

function diskWith(bytes: Buffer, path = tape.path): CrashDisk {
  const disk = new CrashDisk();
  disk.files.set(path, { bytes: Buffer.from(bytes), durable: bytes.length, isPoisoned: false });
  return disk;
}

function framesIn(bytes: Buffer): string[] {
  const lines: string[] = [];
  scanTape(bytes, (frame) => lines.push(lineOf(frame)));
  return lines;
}

test('wherever a file is cut off, repair keeps every whole block, and what it cuts it keeps beside', async () => {
  const random = seeded(11);
  const places = [0, 1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, ...ends];
  while (places.length < 320) places.push(Math.floor(random() * tape.bytes.length));
  for (const place of places) {
    const bytes = tape.bytes.subarray(0, place);
    const disk = diskWith(bytes);
    const whole = ends.filter((end) => end <= place).length;
    const recovered = await recoverFile(disk, tape.path);
    const kept = await disk.read(tape.path);
    assert.equal(recovered.blocks, whole);
    assert.equal(kept.length, whole === 0 ? 0 : ends[whole - 1]);
    assert.equal(recovered.cutBytes, bytes.length - kept.length);
    assert.equal(recovered.cutFile, recovered.cutBytes === 0 ? null : `${tape.path}.cut`);
    const cut = recovered.cutFile === null ? Buffer.alloc(0) : await disk.read(recovered.cutFile);
    assert.ok(Buffer.concat([kept, cut]).equals(bytes));
    assert.deepEqual(recovered.damages, []);
    const frames = tape.frames.slice(0, whole * 15);
    assert.deepEqual(framesIn(kept), frames.map(lineOf));
    assert.equal(recovered.frames, frames.length);
    assert.equal(recovered.lastTime, frames.at(-1)?.time ?? 0);
    for (const link of [7, 8])
      assert.equal(
        recovered.lastOrdinalByLink.get(link),
        frames.findLast((frame) => frame.link === link)?.ordinal,
      );
    // The second time there is nothing to do; then it is sealed, and stays as it is.
    assert.equal((await recoverFile(disk, tape.path)).cutBytes, 0);
    await sealRecovered(disk, tape.path, recovered, line);
    const sealed = await disk.read(tape.path);
    const summary = scanTape(sealed);
    assert.deepEqual([summary.damages, summary.sealFaults], [[], []]);
    assert.equal(summary.seal?.repaired, true);
    assert.equal(summary.seal.blocks, whole);
    assert.ok(endsWithSeal(sealed));
    assert.ok((await recoverFile(disk, tape.path)).isSealed);
  }
});

test('a last block that is there in full length but not in content is cut; damage before a whole block stays', async () => {
  const bytes = Buffer.from(tape.bytes);
  bytes.fill(0, (ends[2] ?? 0) + 100, (ends[2] ?? 0) + 140);
  bytes.fill(0, (ends[8] ?? 0) + 100, (ends[8] ?? 0) + 140);
  const disk = diskWith(bytes);
  const recovered = await recoverFile(disk, tape.path);
  assert.equal(recovered.bytes, ends[8]);
  assert.deepEqual(
    recovered.damages.map(({ ordinal }) => ordinal),
    [4],
  );
  assert.equal(recovered.blocks, 8);
  await sealRecovered(disk, tape.path, recovered, line);
  const summary = scanTape(await disk.read(tape.path));
  assert.deepEqual(summary.sealFaults, [], 'the seal counts what was whole when it was written');
  assert.deepEqual(
    summary.damages.map(({ ordinal }) => ordinal),
    [4],
  );
});

test('an earlier cut is never overwritten, and found again if it is the same', async () => {
  const disk = diskWith(tape.bytes.subarray(0, (ends[3] ?? 0) + 50));
  const put = (name: string, text: string): void => {
    disk.files.set(name, { bytes: Buffer.from(text), durable: text.length, isPoisoned: false });
  };
  put(`${tape.path}.cut`, 'from an earlier repair');
  put(`${tape.path}.cut.2`, 'and another');
  const recovered = await recoverFile(disk, tape.path);
  assert.equal(recovered.cutFile, `${tape.path}.cut.3`);
  assert.equal((await disk.read(`${tape.path}.cut`)).toString(), 'from an earlier repair');
  const again = diskWith(tape.bytes.subarray(0, (ends[3] ?? 0) + 50));
  for (const [name, content] of disk.files) if (name !== tape.path) again.files.set(name, content);
  assert.equal((await recoverFile(again, tape.path)).cutFile, `${tape.path}.cut.3`);
});

test('a repair that loses power at any operation loses nothing, and the next one ends it', async () => {
  const bytes = tape.bytes.subarray(0, (ends[5] ?? 0) + 77);
  for (let seed = 1; seed <= 120; seed++) {
    const random = seeded(seed);
    const disk = diskWith(bytes);
    disk.isManual = true;
    const repair = recoverFile(disk, tape.path).then((recovered) =>
      sealRecovered(disk, tape.path, recovered, line),
    );
    for (let steps = Math.floor(random() * 7); steps > 0; steps--) {
      await turn();
      await disk.step();
    }
    await turn();
    const next = disk.powerLoss(random);
    const recovered = await recoverFile(next, tape.path);
    if (!recovered.isSealed) await sealRecovered(next, tape.path, recovered, line);
    const kept = await next.read(tape.path);
    assert.ok(kept.subarray(0, ends[5]).equals(bytes.subarray(0, ends[5])), `seed ${seed}`);
    assert.ok((await next.read(`${tape.path}.cut`)).equals(bytes.subarray(ends[5])), `seed ${seed}`);
    const summary = scanTape(kept);
    assert.deepEqual([summary.blocks, summary.damages, summary.sealFaults], [6, [], []], `seed ${seed}`);
    await Promise.race([repair, turn()]);
  }
});

test('blocks that the following file holds again are cut, and only those', async () => {
  const block = (n: number): Buffer => tape.bytes.subarray(n === 1 ? 0 : ends[n - 2], ends[n - 1]);
  const next = '/data/journal/binance/2026-11-22/10-1795341600009999.tape.zst';
  const other = await sampleTape(10, 15, false);
  const later = '/data/journal/binance/2026-11-22/10-1795341600019999.tape.zst';
  const following = async (from: number, to: number): Promise<Buffer> => {
    const { JournalWriter } = await import('./writer.ts');
    const disk = new CrashDisk();
    const writer = new JournalWriter({ disk, directory: '/d', exchange: 'binance' });
    const { path } = await writer.beginFile(5, null);
    for (const { time, link, ordinal, kind, bytes, start, end } of other.frames.slice(
      (from - 1) * 15,
      to * 15,
    ))
      writer.append(time, link, ordinal, kind, bytes, start, end);
    await writer.durable();
    return await disk.read(path);
  };
  // What the failed file holds, what the two behind it hold (from, to; none: no whole block), what is kept.
  const cases: [number[], [number, number], [number, number] | null, number[]][] = [
    [[1, 2, 3, 4, 5], [4, 6], null, [1, 2, 3]],
    [[1, 2, 3, 5], [4, 6], null, [1, 2, 3]],
    [[1, 2, 3], [4, 6], null, [1, 2, 3]],
    [[1, 2, 3], [1, 6], null, []],
    [
      [1, 2, 3, 4],
      [1, 0],
      [3, 6],
      [1, 2],
    ],
    [
      [1, 2, 3, 4],
      [5, 6],
      [4, 6],
      [1, 2, 3],
    ],
  ];
  for (const [held, first, second, kept] of cases) {
    const bytes = Buffer.concat(held.map(block));
    const disk = diskWith(bytes);
    const behind = [next, ...(second === null ? [] : [later])];
    for (const [i, [from, to]] of [first, ...(second === null ? [] : [second])].entries()) {
      const path = behind[i] ?? '';
      disk.files.set(path, diskWith(await following(from, to), path).files.get(path) as never);
    }
    const recovered = await recoverFile(disk, tape.path, behind);
    assert.deepEqual(
      [...readBlocks(await disk.read(tape.path))].map(({ ordinal }) => ordinal),
      kept,
      `${held} before ${first} and ${second}`,
    );
    assert.equal(recovered.cutBlocks, held.length - kept.length);
    assert.equal(recovered.bytes + recovered.cutBytes, bytes.length);
  }
});

test('a file that is missing, or fails to be read, is told', async () => {
  await assert.rejects(recoverFile(new CrashDisk(), tape.path), { code: 'ENOENT' });
  const disk = diskWith(tape.bytes.subarray(0, -5));
  disk.failing = (act) => act === 'truncate';
  await assert.rejects(recoverFile(disk, tape.path), { code: 'EIO' });
  assert.equal((await disk.read(tape.path)).length, tape.bytes.length - 5);
  disk.failing = () => false;
  const recovered = await recoverFile(disk, tape.path);
  disk.failing = (act) => act === 'sync';
  await assert.rejects(sealRecovered(disk, tape.path, recovered, line), { code: 'EIO' });
  await assert.rejects(sealRecovered(disk, tape.path, recovered, line), /when it was repaired/);
});
