import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { freeMemory } from '../host/index.ts';
import { HEADER_BYTES, packBlock, placeBlock, readBlockHeader } from './block.ts';
import { seeded } from './crash-disk.ts';
import { endsWithSeal } from './files.ts';
import { blockTextAside, catLines, type Damage, readBlocks, scanTape } from './reader.ts';
import { lineOf, sampleTape, textOf } from './sample-tape.ts';

/** By ordinal, the text of every block that was read; and the damage. */
function readAll(bytes: Buffer): { texts: Map<number, string>; damages: Damage[] } {
  const texts = new Map<number, string>();
  const damages: Damage[] = [];
  for (const found of readBlocks(bytes))
    if (found.kind === 'damage') damages.push(found);
    else texts.set(found.ordinal, found.text.toString('latin1'));
  return { texts, damages };
}

function offsets(bytes: Buffer): number[] {
  return [...readBlocks(bytes)].map(({ offset }) => offset);
}

/** A block with a right header: what a hostile file may hold. */
function forged(
  text: string,
  change: (bytes: Buffer) => void = () => undefined,
  place = { ordinal: 1, previousCrc: 0, seal: false },
): Buffer {
  const block = packBlock(Buffer.from(text), text.split('\n').length - 1, 5, 6);
  change(block.bytes);
  placeBlock(block, place);
  return block.bytes;
}

const tape = await sampleTape(12);

test('a sealed file is read to the last frame, in order, and its seal agrees with it', () => {
  const lines: string[] = [];
  const summary = scanTape(tape.bytes, (frame) => lines.push(lineOf(frame)));
  assert.match(lines.pop() ?? '', /^\d+ 1 1 event \{"event":"sealed"/);
  assert.deepEqual(lines, tape.frames.map(lineOf));
  assert.deepEqual(summary.damages, []);
  assert.deepEqual(summary.sealFaults, []);
  assert.equal(summary.blocks, 12);
  assert.equal(summary.frames, tape.frames.length);
  assert.equal(summary.seal?.blocks, 12);
  assert.equal(summary.seal.repaired, false);
  assert.equal(summary.firstTime, tape.frames[0]?.time);
  assert.equal(summary.lastTime, tape.frames.at(-1)?.time);
  assert.ok(endsWithSeal(tape.bytes));
});

test('whichever byte is flipped, the reader names its block and reads every other one', () => {
  const { bytes, blocks } = tape;
  const starts = offsets(bytes);
  const random = seeded(20261122);
  // Each byte of a header in the middle, of the seal's header, of the last CRC; then any place.
  const places = Array.from({ length: HEADER_BYTES }, (_, i) =>
    [starts[4] ?? 0, starts[12] ?? 0].map((s) => s + i),
  );
  const flips = [...places.flat(), bytes.length - 1, 0, 1];
  while (flips.length < 450) flips.push(Math.floor(random() * bytes.length));
  for (const at of flips) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    const hit = starts.findLastIndex((start) => start <= at) + 1;
    const { texts, damages } = readAll(damaged);
    const title = `byte ${at} in block ${hit}`;
    assert.deepEqual(
      damages.map(({ ordinal }) => ordinal),
      [hit],
      title,
    );
    assert.equal(damages[0]?.offset, starts[hit - 1], title);
    assert.equal(damages[0]?.length, (starts[hit] ?? bytes.length) - (starts[hit - 1] ?? 0), title);
    const others = blocks.map((text, i) => [i + 1, text] as const).filter(([ordinal]) => ordinal !== hit);
    assert.deepEqual(texts, new Map(others), title);
  }
});

test('blocks that are cut out, doubled or exchanged are named, and the others are read', () => {
  const { bytes, blocks } = tape;
  const starts = [...offsets(bytes), bytes.length];
  const block = (n: number): Buffer => bytes.subarray(starts[n - 1], starts[n]);
  const all = blocks.map((_, i) => i + 1);
  const built = (order: number[]): Buffer => Buffer.concat(order.map(block));
  const check = (order: number[], read: number[], reasons: string[]): void => {
    const { texts, damages } = readAll(built(order));
    assert.deepEqual([...texts.keys()], read);
    for (const [ordinal, text] of texts) assert.equal(text, blocks[ordinal - 1]);
    assert.deepEqual(
      damages.map(({ ordinal, blocks: lost, reason }) => `${reason} ${ordinal}+${lost}`),
      reasons,
    );
  };
  check(
    all.filter((n) => n !== 5),
    all.filter((n) => n !== 5),
    ['missing 5+1'],
  );
  check(all.slice(1), all.slice(1), ['missing 1+1']);
  check(
    all.filter((n) => n < 5 || n > 8),
    all.filter((n) => n < 5 || n > 8),
    ['missing 5+4'],
  );
  check([1, 2, 2, 3, 4], [1, 2, 3, 4], ['order 3+0']);
  check([1, 2, 4, 3, 5], [1, 2, 4, 5], ['missing 3+1', 'order 5+0']);
  check([...all, 3], all, ['after-seal 14+null']);
});

test('a block of another file is not taken for one of this file', async () => {
  const other = await sampleTape(12, 21);
  const [mine, theirs] = [offsets(tape.bytes), offsets(other.bytes)];
  const mixed = Buffer.concat([
    tape.bytes.subarray(0, mine[4]),
    other.bytes.subarray(theirs[4], theirs[5]),
    tape.bytes.subarray(mine[5]),
  ]);
  const { texts, damages } = readAll(mixed);
  assert.deepEqual(
    damages.map(({ ordinal, reason }) => [ordinal, reason]),
    [[5, 'chain']],
  );
  assert.equal(texts.size, 12);
  assert.equal(texts.get(6), tape.blocks[5]);
});

test('bytes between, before or behind the blocks are damage and cost no block', () => {
  const { bytes, blocks } = tape;
  const starts = offsets(bytes);
  for (const at of [0, starts[3] ?? 0, starts[12] ?? 0]) {
    const rubbish = Buffer.from('rubbish of twenty bytes and more');
    const { texts, damages } = readAll(Buffer.concat([bytes.subarray(0, at), rubbish, bytes.subarray(at)]));
    assert.deepEqual(
      damages.map((d) => [d.offset, d.length, d.blocks, d.reason]),
      [[at, 32, 0, 'garbage']],
    );
    assert.deepEqual([...texts.values()], blocks);
  }
});

test('a seal that does not agree with the file before it says in what', () => {
  const starts = offsets(tape.bytes);
  const without = Buffer.concat([tape.bytes.subarray(0, starts[4]), tape.bytes.subarray(starts[5])]);
  const { sealFaults, damages } = scanTape(without);
  assert.equal(damages.length, 1);
  assert.match(sealFaults.join('\n'), /counts 12 blocks, 11 are whole/);
  assert.match(sealFaults.join('\n'), /frames of link 7, \d+ were read/);
  assert.match(sealFaults.join('\n'), /SHA-256/);
  const noEvent = forged('5 1 1 ! {"event":"note"}\n', undefined, { ordinal: 1, previousCrc: 0, seal: true });
  assert.deepEqual(scanTape(noEvent).sealFaults, ['the seal block holds no "sealed" event']);
  for (const bytes of [without.subarray(0, -1), tape.bytes.subarray(0, starts[12]), Buffer.alloc(0)])
    assert.equal(endsWithSeal(bytes), false);
});

test('the stock zstd prints exactly the lines', (t) => {
  const found = spawnSync('zstd', ['--version']);
  if (found.error !== undefined) {
    assert.notEqual(process.env.CI, 'true', 'zstd must be installed in CI');
    t.skip('zstd is not installed');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'feedtape-journal-'));
  try {
    const path = join(directory, 'sample.tape.zst');
    writeFileSync(path, tape.bytes);
    const printed = spawnSync('zstd', ['-dc', path], { maxBuffer: 1 << 28 });
    assert.equal(printed.status, 0, printed.stderr.toString());
    assert.equal(printed.stdout.toString('latin1'), tape.blocks.join(''));
    assert.equal(
      Buffer.concat([...catLines(tape.bytes)] as Buffer[]).toString('latin1'),
      tape.blocks.join(''),
    );
    // It checks the content too: a flipped byte is noticed by the stock tool.
    const damaged = Buffer.from(tape.bytes);
    const at = HEADER_BYTES + 40;
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    writeFileSync(path, damaged);
    assert.notEqual(spawnSync('zstd', ['-dc', path]).status, 0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('payloads alone are printed one a line, decoded', async () => {
  const { bytes, frames } = await sampleTape(1, 10, false);
  const printed = Buffer.concat([...catLines(bytes, true)] as Buffer[]).toString('latin1');
  assert.equal(printed, frames.map((frame) => `${frame.bytes.toString('latin1')}\n`).join(''));
});

test('a header that promises what cannot be is damage, and inflates nothing', () => {
  const bomb = '5 6 7 < a\n'.repeat(2_000_000);
  const cases: [string, Buffer, RegExp][] = [
    [
      'text larger than said',
      forged(bomb, (b) => b.writeUInt32LE(4_000_000, 44)),
      /does not inflate.*larger than 4000000/,
    ],
    ['text smaller than said', forged('5 6 7 < a\n', (b) => b.writeUInt32LE(1000, 44)), /has 10 bytes/],
    ['absurd text size', forged('5 6 7 < a\n', (b) => b.writeUInt32LE(0xffffffff, 44)), /without a readable/],
    [
      'absurd block size',
      forged('5 6 7 < a\n', (b) => b.writeUInt32LE(0xfffffff0, 48)),
      /without a readable/,
    ],
    ['more lines than bytes', forged('5 6 7 < a\n', (b) => b.writeUInt32LE(11, 40)), /without a readable/],
    ['another number of lines', forged('5 6 7 < a\n', (b) => b.writeUInt32LE(2, 40)), /has 1 lines/],
    [
      'a time no number holds',
      forged('5 6 7 < a\n', (b) => b.writeUInt32LE(0xffffffff, 36)),
      /without a readable/,
    ],
    ['another version', forged('5 6 7 < a\n', (b) => b.writeUInt16LE(2, 16)), /without a readable/],
    ['no last line feed', forged('5 6 7 < a\nb'), /has -1 lines/],
  ];
  for (const [title, bytes, detail] of cases) {
    const { texts, damages } = readAll(bytes);
    assert.equal(texts.size, 0, title);
    assert.equal(damages.length, 1, title);
    assert.match(damages[0]?.detail ?? '', detail, title);
  }
  const lines = scanTape(forged('5 6 7 < a\nno frame\n'));
  assert.deepEqual(
    lines.damages.map(({ reason }) => reason),
    ['lines'],
  );
  assert.equal(lines.frames, 1);
});

test('a payload that is itself a journal file does not lead the reader astray', async () => {
  const inner = (await sampleTape(3)).bytes;
  const { CrashDisk } = await import('./crash-disk.ts');
  const { JournalWriter } = await import('./writer.ts');
  const disk = new CrashDisk();
  const writer = new JournalWriter({ disk, directory: '/d', exchange: 'binance', blockBytes: 1 });
  const { path } = await writer.beginFile(5, null);
  for (const ordinal of [1, 2, 3]) writer.append(5, 1, ordinal, 'received', inner, 0, inner.length);
  await writer.durable();
  const bytes = await disk.read(path);
  assert.equal(scanTape(bytes).frames, 3);
  const second = offsets(bytes)[1] ?? 0;
  bytes[second + 20] = 99;
  const { texts, damages } = readAll(bytes);
  assert.deepEqual([...texts.keys()], [1, 3]);
  assert.deepEqual(
    damages.map(({ ordinal }) => ordinal),
    [2],
  );
});

test('random bytes, and a file with many random changes, are damage and nothing worse', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      const { texts, damages } = readAll(Buffer.from(bytes));
      assert.equal(texts.size, 0);
      assert.equal(damages.length, bytes.length === 0 ? 0 : 1);
    }),
    { numRuns: 50 },
  );
  const random = seeded(7);
  for (let round = 0; round < 60; round++) {
    const parts: Buffer[] = [];
    for (let at = 0; at < tape.bytes.length; ) {
      const length = Math.floor(random() * 2000);
      const part = Buffer.from(tape.bytes.subarray(at, at + length));
      if (random() < 0.2) part.fill(random() < 0.5 ? 0 : Math.floor(random() * 256));
      if (random() < 0.9) parts.push(part);
      at += length + (random() < 0.1 ? Math.floor(random() * 300) : 0);
    }
    const bytes = Buffer.concat(parts);
    let at = 0;
    for (const found of readBlocks(bytes)) {
      assert.equal(found.offset, at, 'every byte is in a block or in damage, once');
      at += found.kind === 'block' ? HEADER_BYTES + found.header.compressedBytes : found.length;
      if (found.kind === 'block')
        assert.equal(found.text.toString('latin1'), tape.blocks[found.ordinal - 1], 'nothing is invented');
    }
    assert.equal(at, bytes.length);
    scanTape(bytes);
  }
});

test('a file made of nothing but headers that each claim all the rest is read in linear time', () => {
  const one = forged('5 6 7 < a\n', (bytes) => {
    bytes.writeUInt32LE(100_000_000, 44);
    bytes.writeUInt32LE(90_000_000, 48);
  }).subarray(0, HEADER_BYTES);
  assert.notEqual(readBlockHeader(one, 0), null);
  const bytes = Buffer.concat(Array.from({ length: 60_000 }, () => one));
  let damages = 0;
  for (const found of readBlocks(bytes)) if (found.kind === 'damage') damages++;
  assert.equal(damages, 60_000);
});

test('the text of a sample is what a LineBuffer writes', () => {
  assert.equal(textOf(tape.frames), tape.blocks.slice(0, 12).join(''));
});

test('the memory of a text that was read aside goes back at once, that which others share does not', async () => {
  for (const length of [10, 3000, 5000, 70_000, 5_000_000]) {
    const lines = Buffer.alloc(length, 'x');
    const block = packBlock(lines, 1, 1, 1);
    placeBlock(block, { ordinal: 1, previousCrc: 0, seal: false });
    const [beside, text] = [Buffer.from('beside'), await blockTextAside(block.bytes)];
    const after = Buffer.from('after');
    assert.ok(text.equals(lines));
    freeMemory(text);
    if (length > 65_536) assert.equal(text.length, 0, 'nothing is left to be read');
    assert.equal(`${beside} ${after}`, 'beside after');
  }
});
