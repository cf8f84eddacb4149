import assert from 'node:assert/strict';
import { test as nodeTest } from 'node:test';
import type { Frame } from '../record/index.ts';
import { packBlock } from './block.ts';
import { CrashDisk, turn } from './crash-disk.ts';
import { listExchange } from './files.ts';
import { ManualPacker } from './manual-packer.ts';
import { type Packer, packAside } from './packer.ts';
import { scanTape } from './reader.ts';
import { appendTo, lineOf, SAMPLE_DIRECTORY, SAMPLE_START, sampleFrames, textOf } from './sample-tape.ts';
import { JournalWriter } from './writer.ts';

/** A promise that never resolves fails its test after this long, ms; nothing waits for it otherwise. */
const DEADLINE_MS = 120_000;
const test = (name: string, run: () => Promise<void>): void => {
  nodeTest(name, { timeout: DEADLINE_MS }, run);
};

/** A journal on a disk that never fails, whose blocks are packed when the test says so. */
class Bench {
  readonly disk = new CrashDisk();
  readonly packer = new ManualPacker();
  readonly offsets: number[] = [];
  readonly writer: JournalWriter;

  constructor(packer: Packer = this.packer.pack, fileBytesMax = 1 << 20) {
    this.writer = new JournalWriter({
      disk: this.disk,
      directory: SAMPLE_DIRECTORY,
      exchange: 'binance',
      packer,
      fileBytesMax,
      onDurable: ({ offset }) => this.offsets.push(offset),
    });
  }

  /** Appends frames and closes their block. */
  block(frames: readonly Frame[]): void {
    for (const frame of frames) appendTo(this.writer, frame);
    this.writer.flush();
  }

  async pack(index: number, fails = false): Promise<void> {
    this.packer.step(index, fails);
    await turn();
  }

  async files(): Promise<Buffer[]> {
    const files = await listExchange(this.disk, SAMPLE_DIRECTORY, 'binance');
    return Promise.all(files.map(({ path }) => this.disk.read(path)));
  }

  async frames(): Promise<string[]> {
    const lines: string[] = [];
    for (const bytes of await this.files()) scanTape(bytes, (frame) => lines.push(lineOf(frame)));
    return lines;
  }
}

test('a block packed aside is the one that is packed at once, whatever its size', async () => {
  for (const count of [1, 100, 3000, 20_000]) {
    const text = Buffer.from(textOf(sampleFrames(count)), 'latin1');
    const aside = packAside(text, count, 5, 6);
    assert.equal(aside instanceof Promise, count >= 3000, `${text.length} bytes`);
    const { bytes, frames } = await aside;
    const atOnce = packBlock(text, count, 5, 6);
    // The block's place in its file is not written yet.
    for (const block of [bytes, atOnce.bytes]) block.fill(0, 16, 24).fill(0, 56, 64);
    assert.ok(bytes.equals(atOnce.bytes), `${count} frames`);
    assert.equal(frames, count);
  }
});

test('blocks packed in the wrong order are written in the right one', async () => {
  const bench = new Bench();
  const frames = sampleFrames(30);
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.block(frames.slice(0, 10));
  bench.block(frames.slice(10, 20));
  assert.equal(bench.writer.lastNumber, 3, 'numbers count blocks that are not packed yet');
  await bench.pack(1);
  assert.deepEqual(await bench.frames(), [], 'the first one is not there yet');
  await bench.pack(0);
  assert.deepEqual(await bench.frames(), frames.slice(0, 20).map(lineOf));
  await bench.writer.durable();
  assert.equal(bench.offsets.length, 2);
  assert.equal(bench.offsets[0], 0);
});

test('a seal and an end wait for blocks that are being packed', async () => {
  const bench = new Bench();
  const frames = sampleFrames(20);
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.block(frames.slice(0, 10));
  for (const frame of frames.slice(10)) appendTo(bench.writer, frame);
  const done: string[] = [];
  const durable = bench.writer.durable().then(() => done.push('durable'));
  const sealed = bench.writer.seal({ time: SAMPLE_START, link: 1, ordinal: 1 });
  const closed = bench.writer.close().then(() => done.push('closed'));
  await bench.pack(1);
  assert.deepEqual([done, await bench.frames()], [[], []]);
  await bench.pack(0);
  await Promise.all([durable, closed]);
  assert.deepEqual(done, ['durable', 'closed']);
  assert.equal((await sealed)?.seal.blocks, 2);
  const [bytes = Buffer.alloc(0)] = await bench.files();
  assert.deepEqual([scanTape(bytes).sealFaults, scanTape(bytes).damages], [[], []]);
});

test('what is durable already says nothing about a block that is being packed', async () => {
  const bench = new Bench();
  const frames = sampleFrames(20);
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.block(frames.slice(0, 10));
  await bench.pack(0);
  bench.disk.isManual = true;
  const first = bench.writer.durable();
  bench.block(frames.slice(10));
  let isDone = false;
  const second = bench.writer.durable().then(() => {
    isDone = true;
  });
  bench.disk.isManual = false;
  await bench.disk.step();
  await first;
  await turn();
  assert.deepEqual([isDone, bench.writer.framesDurable], [false, 10]);
  await bench.pack(0);
  await second;
  assert.equal(bench.writer.framesDurable, 20);
});

test('memory counts the text of a block until it is packed, then its bytes until they are durable', async () => {
  const bench = new Bench();
  const frames = sampleFrames(100);
  await bench.writer.beginFile(SAMPLE_START, null);
  const textBytes = textOf(frames).length;
  bench.block(frames);
  assert.equal(bench.writer.unsyncedBytes, textBytes);
  bench.disk.isManual = true;
  await bench.pack(0);
  assert.ok(bench.writer.unsyncedBytes > 0 && bench.writer.unsyncedBytes < textBytes / 2);
  bench.disk.isManual = false;
  await bench.disk.step();
  assert.equal(bench.writer.unsyncedBytes, bench.writer.bytesWritten);
  await bench.writer.durable();
  assert.equal(bench.writer.unsyncedBytes, 0);
});

test('while two blocks are being packed the next one is packed at once, and waits for them', async () => {
  const bench = new Bench();
  const frames = sampleFrames(50);
  await bench.writer.beginFile(SAMPLE_START, null);
  for (let at = 0; at < 40; at += 10) bench.block(frames.slice(at, at + 10));
  assert.equal(bench.packer.waiting, 2);
  await bench.pack(1);
  assert.deepEqual(await bench.frames(), []);
  bench.block(frames.slice(40));
  assert.equal(bench.packer.waiting, 2, 'one was done, so another may be packed aside');
  await bench.pack(0);
  assert.deepEqual(await bench.frames(), frames.slice(0, 40).map(lineOf));
  await bench.pack(0);
  await bench.writer.durable();
  assert.deepEqual(await bench.frames(), frames.map(lineOf));
});

test('a packing that fails is done again at once', async () => {
  const bench = new Bench();
  const frames = sampleFrames(30);
  await bench.writer.beginFile(SAMPLE_START, null);
  for (let at = 0; at < 20; at += 10) bench.block(frames.slice(at, at + 10));
  await bench.pack(0, true);
  await bench.pack(0, true);
  bench.block(frames.slice(20));
  assert.equal(bench.packer.waiting, 1, 'what failed is no longer under way');
  await bench.pack(0);
  await bench.writer.close();
  assert.deepEqual(await bench.frames(), frames.map(lineOf));
  assert.equal(bench.writer.unsyncedBytes, 0);
});

test('the size of a file is that of its own blocks, whenever they are packed', async () => {
  const bench = new Bench(undefined, 400);
  const frames = sampleFrames(40);
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.block(frames.slice(0, 20));
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), false, 'no bytes yet');
  const sealed = bench.writer.seal({ time: SAMPLE_START, link: 1, ordinal: 1 });
  const begun = bench.writer.beginFile(SAMPLE_START + 1, null);
  await bench.pack(0);
  await Promise.all([sealed, begun]);
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), false, 'they are in the file before');
  bench.block(frames.slice(20));
  await bench.pack(0);
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), true);
});

test('a journal packed aside holds what one packed at once holds', async () => {
  const frames = sampleFrames(40_000);
  const files = await Promise.all(
    [packBlock, packAside].map(async (packer) => {
      const bench = new Bench(packer);
      await bench.writer.beginFile(SAMPLE_START, null);
      for (const frame of frames) appendTo(bench.writer, frame);
      await bench.writer.seal({ time: SAMPLE_START, link: 1, ordinal: 1 });
      await bench.writer.close();
      return bench.files();
    }),
  );
  assert.deepEqual(files[1], files[0]);
});
