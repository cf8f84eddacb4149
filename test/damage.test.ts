import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeDisk } from '../src/host/index.ts';
import { readBlocks, recoverFile, scanTape, sealRecovered } from '../src/journal/index.ts';
import { TapeVerifier, verifyData } from '../src/recorder/index.ts';
import { feedtape, Scratch, tapes } from './program.ts';

/** How many places of a file are damaged, one after the other. */
const PLACES = 300;

interface WholeBlock {
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

const scratch = new Scratch();
const data = scratch.join('data');
/** The largest sealed journal file of a short recording. */
let tape = '';
let bytes = Buffer.alloc(0);
let blocks: WholeBlock[] = [];

before(async () => {
  const exit = await feedtape('record', '--simulate', '--for', '3s', '--rate', '1500', '--data', data);
  assert.equal(exit.code, 0, exit.log);
  const sizes = tapes(data).map((path) => ({ path, size: readFileSync(path).length }));
  tape = sizes.sort((a, b) => b.size - a.size)[0]?.path ?? '';
  bytes = readFileSync(tape);
  blocks = wholeBlocks(bytes);
  assert.ok(blocks.length >= 6, `${blocks.length} blocks`);
});

after(() => scratch[Symbol.dispose]());

function wholeBlocks(file: Buffer): WholeBlock[] {
  return [...readBlocks(file)]
    .filter((found) => found.kind === 'block')
    .map(({ ordinal, offset, header, text }) => ({
      ordinal,
      start: offset,
      end: offset + 64 + header.compressedBytes,
      text,
    }));
}

function titleOf(path: string): string {
  const date = dirname(path);
  return `${basename(dirname(date))}/${basename(date)}/${basename(path, '.tape.zst')}`;
}

/** Places spread over the whole file, every third of them in a header. */
function places(): number[] {
  return Array.from({ length: PLACES }, (_, i) => {
    const block = blocks[i % blocks.length];
    if (i % 3 === 0 && block !== undefined) return block.start + ((i * 7) % 64);
    return Math.floor((i * (bytes.length - 1)) / (PLACES - 1));
  });
}

function flipped(place: number, bit: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[place] = (damaged[place] ?? 0) ^ (1 << bit);
  return damaged;
}

function blockAt(place: number): number {
  return blocks.find(({ start, end }) => place >= start && place < end)?.ordinal ?? 0;
}

test('one flipped bit, at 300 places: the fault names file and block, and every other block reads as it was', () => {
  const title = titleOf(tape);
  assert.deepEqual(new TapeVerifier().check(title, bytes, true).faults, []);
  for (const [i, place] of places().entries()) {
    const damaged = flipped(place, i % 8);
    const ordinal = blockAt(place);
    const where = `byte ${place} in block ${ordinal}`;
    const { faults } = new TapeVerifier().check(title, damaged, true);
    assert.ok(
      faults.some((fault) => fault.startsWith(`${title}: block ${ordinal} is damaged (`)),
      `${where}: ${faults}`,
    );
    const others = blocks.filter((block) => block.ordinal !== ordinal);
    const read = wholeBlocks(damaged);
    assert.deepEqual(
      read.map((block) => block.ordinal),
      others.map((block) => block.ordinal),
      where,
    );
    for (const [at, block] of read.entries()) assert.ok(block.text.equals(others[at]?.text ?? bytes), where);
  }
});

test('verify exits 0 on whole data, and 1 with file and block named where a header, a block or the seal is damaged', async () => {
  const whole = await feedtape('verify', '--data', data);
  assert.equal(whole.code, 0, whole.out);
  const copy = scratch.join('copy');
  cpSync(data, copy, { recursive: true });
  const target = tape.replace(data, copy);
  const middle = blocks[Math.floor(blocks.length / 2)];
  for (const place of [middle?.start ?? 0, (middle?.end ?? 0) - 5, (blocks.at(-1)?.end ?? 0) - 1]) {
    writeFileSync(target, flipped(place, 0));
    const { code, out } = await feedtape('verify', '--data', copy);
    assert.equal(code, 1, out);
    assert.ok(out.includes(`FAULT: ${titleOf(tape)}: block ${blockAt(place)} is damaged`), out);
  }
});

test('verify: a missing file, a lost seal, a changed store file and a changed state are each told', async () => {
  const copy = scratch.join('changed');
  const target = tape.replace(data, copy);
  const title = titleOf(tape);
  const trades = `${copy}/store/trades/exchange=${title.split('/')[0]}/date=${title.split('/')[1]}/${basename(title)}.parquet`;
  const other = tapes(data).find((path) => path !== tape) ?? '';
  const cases: [RegExp, () => void][] = [
    [/no fault found/, () => undefined],
    [/its seal is gone/, () => truncateSync(target, blocks.at(-1)?.start ?? 0)],
    [/trades: the store file is missing/, () => nodeDisk.remove(trades)],
    [
      /trades: .*rows|trades: .* cannot be read/,
      () => copyFileSync(trades.replace('/trades/', '/quotes/'), trades),
    ],
    [
      /the decoder state beside it .* cannot be read/,
      () => writeFileSync(target.replace('.tape.', '.state.'), 'x'),
    ],
    [/the store has this file, the journal does not/, () => nodeDisk.remove(other.replace(data, copy))],
  ];
  for (const [expected, change] of cases) {
    await nodeDisk.remove(copy);
    cpSync(data, copy, { recursive: true });
    await change();
    const { faults } = await verifyData(copy);
    if (expected.source === 'no fault found') assert.deepEqual(faults, []);
    else assert.match(faults.join('\n'), expected);
  }
});

test('an unsealed file cut at 300 places: every whole block stays, and what was cut is told and kept', async () => {
  const unsealed = bytes.subarray(0, blocks.at(-1)?.start);
  const wholes = blocks.slice(0, -1);
  const edges = wholes.flatMap(({ start, end }) => [start, start + 1, start + 63, start + 64, end - 1, end]);
  const cuts = [...edges, ...places()].filter((size) => size <= unsealed.length).slice(0, PLACES);
  mkdirSync(scratch.join('cut'));
  for (const [i, size] of cuts.entries()) {
    const path = scratch.join('cut', `10-${i}.tape.zst`);
    writeFileSync(path, unsealed.subarray(0, size));
    const recovered = await recoverFile(nodeDisk, path);
    const kept = wholes.filter(({ end }) => end <= size);
    const keptBytes = kept.at(-1)?.end ?? 0;
    assert.deepEqual(
      [recovered.blocks, recovered.cutBytes],
      [kept.length, size - keptBytes],
      `cut at ${size}`,
    );
    const cut = size > keptBytes ? readFileSync(`${path}.cut`) : Buffer.alloc(0);
    assert.ok(cut.equals(unsealed.subarray(keptBytes, size)), `cut at ${size}`);
    await sealRecovered(nodeDisk, path, recovered, { time: 1, link: 1, ordinal: 1 });
    const mended = readFileSync(path);
    assert.ok(mended.subarray(0, keptBytes).equals(unsealed.subarray(0, keptBytes)), `cut at ${size}`);
    const { seal, damages, sealFaults } = scanTape(mended);
    assert.deepEqual([seal?.blocks, damages, sealFaults], [kept.length, [], []], `cut at ${size}`);
  }
});
