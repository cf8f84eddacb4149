import assert from 'node:assert/strict';
import { test as nodeTest } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Frame } from '../record/index.ts';
import { HEADER_BYTES, packBlock, unpackBlock } from './block.ts';
import { CrashDisk, turn } from './crash-disk.ts';
import { listExchange } from './files.ts';
import { ManualPacker } from './manual-packer.ts';
import { asidePacker, type Packer } from './packer.ts';
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

/** What of a zstd frame's header says that it has a checksum, and that it has the content's size (RFC 8878 3.1.1.1.1). */
const HAS_CHECKSUM = 0x04;
const HAS_SIZE = 0xe0;

test('a block packed aside holds what the one packed at once holds, whatever came before it', async () => {
  const pack = asidePacker();
  const sizes = [1, 100, 3000, 20_000, 2900, 60_000, 3000];
  const blocks = sizes.map(async (count) => {
    const text = Buffer.from(textOf(sampleFrames(count)), 'latin1');
    const aside = pack(text, count, 5, 6);
    assert.equal(aside instanceof Promise, count >= 2900, `${text.length} bytes`);
    return { text, count, block: await aside };
  });
  // Side by side, and the last ones after all others, by compressors that were used before.
  for (const { text, count, block } of [
    ...(await Promise.all(blocks)),
    ...(await Promise.all(blocks.slice(2)).then((all) =>
      Promise.all(all.map(async (one) => ({ ...one, block: await pack(one.text, one.count, 5, 6) }))),
    )),
  ]) {
    const { bytes, frames } = block;
    const atOnce = packBlock(text, count, 5, 6);
    assert.ok(unpackBlock(bytes.subarray(HEADER_BYTES), text.length).equals(text), `${count} frames`);
    assert.equal(frames, count);
    assert.equal(bytes.readUInt32LE(48), bytes.length - HEADER_BYTES);
    assert.equal(bytes.readUInt32LE(52), crc32(bytes.subarray(HEADER_BYTES)));
    assert.ok(bytes.length < atOnce.bytes.length * 1.05, 'it is as dense');
    const descriptor = bytes[HEADER_BYTES + 4] as number;
    assert.ok((descriptor & HAS_CHECKSUM) !== 0 && (descriptor & HAS_SIZE) !== 0, descriptor.toString(2));
    // The rest of the header, but for the block's place in its file, which is not written yet.
    for (const { bytes: header } of [block, atOnce]) header.fill(0, 16, 24).fill(0, 48, HEADER_BYTES);
    assert.ok(bytes.subarray(0, HEADER_BYTES).equals(atOnce.bytes.subarray(0, HEADER_BYTES)));
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

test('while three blocks are being packed the next one is packed at once, and waits for them', async () => {
  const bench = new Bench();
  const frames = sampleFrames(60);
  await bench.writer.beginFile(SAMPLE_START, null);
  for (let at = 0; at < 50; at += 10) bench.block(frames.slice(at, at + 10));
  assert.equal(bench.packer.waiting, 3);
  await bench.pack(1);
  assert.deepEqual(await bench.frames(), []);
  bench.block(frames.slice(50));
  assert.equal(bench.packer.waiting, 3, 'one was done, so another may be packed aside');
  await bench.pack(0);
  assert.deepEqual(await bench.frames(), frames.slice(0, 20).map(lineOf));
  await bench.pack(0);
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
    [packBlock, asidePacker()].map(async (packer) => {
      const bench = new Bench(packer);
      await bench.writer.beginFile(SAMPLE_START, null);
      for (const frame of frames) appendTo(bench.writer, frame);
      await bench.writer.seal({ time: SAMPLE_START, link: 1, ordinal: 1 });
      await bench.writer.close();
      assert.deepEqual(
        (await bench.files()).map((bytes) => scanTape(bytes).sealFaults),
        [[]],
      );
      return bench.frames();
    }),
  );
  // The last line is the seal, which says what the file's hash is.
  const [atOnce, aside] = files.map((lines) => lines.slice(0, -1));
  assert.equal(atOnce?.length, frames.length);
  assert.ok(atOnce?.every((line, index) => line === aside?.[index]));
});
