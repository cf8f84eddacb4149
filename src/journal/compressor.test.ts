import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createZstdCompress } from 'node:zlib';
import { compress, compressAside, LIVE_SEARCH, unpackBlock, withoutEmptyFrame } from './block.ts';
import { Compressor } from './compressor.ts';
import { CrashDisk } from './crash-disk.ts';
import { asidePacker } from './packer.ts';
import { scanTape } from './reader.ts';
import { appendTo, lineOf, SAMPLE_DIRECTORY, SAMPLE_START, sampleFrames } from './sample-tape.ts';
import { JournalWriter } from './writer.ts';

/** The memory that a compressor's output is cut from, and so the size at which a frame ends with it. */
const PIECE = 1 << 20;

/** Bytes that zstd cannot make smaller, so that their frame has a size that can be chosen. */
function chance(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Text whose frame has just this size. */
function textOfFrame(size: number): Buffer {
  const bytes = chance(size);
  for (let length = size - 64; length < size; length++)
    if (compress(bytes.subarray(0, length)).length === size) return bytes.subarray(0, length);
  throw new Error(`no text has a frame of ${size} bytes`);
}

test('a frame that ends with its piece of memory is one frame', async () => {
  const [first, second, whole] = [PIECE / 2 + 100, PIECE / 2 - 100, PIECE].map(textOfFrame) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const long = Buffer.concat([chance(PIECE * 4), whole]);
  const compressor = new Compressor();
  for (const [index, text] of [first, second, whole, first, second, long, first].entries()) {
    const frame = Buffer.concat(await compressor.compress(text));
    assert.ok(unpackBlock(frame, text.length).equals(text), `text ${index}`);
    if (text.length < PIECE) assert.ok(frame.equals(compress(text)), `text ${index}`);
  }
  // What is compressed by one call has pieces of its own, of a quarter of that.
  for (const pieces of [5, 8]) {
    const size = (pieces * PIECE) / 4;
    const text = textOfFrame(size);
    for (const frame of [compress(text), await compressAside(text, LIVE_SEARCH)])
      assert.ok(unpackBlock(frame, text.length).equals(text), `${size} bytes`);
  }
});

test('only what is a frame too many is taken off', () => {
  // RFC 8878: magic, single segment with checksum, size 0, a last raw block of 0 bytes, the checksum of nothing.
  const empty = Buffer.from('28b52ffd240001000099e9d851', 'hex');
  assert.ok(compress(Buffer.alloc(0)).equals(empty));
  const text = Buffer.from('a text');
  const frame = compress(text);
  const joined = (parts: Buffer[]): Buffer => Buffer.concat(withoutEmptyFrame(parts, text.length));
  assert.ok(joined([frame, empty]).equals(frame));
  assert.ok(joined([Buffer.concat([frame, empty])]).equals(frame));
  assert.ok(joined([frame]).equals(frame));
  // A frame whose own end looks like one.
  const odd = Buffer.concat([frame.subarray(0, 8), empty]);
  assert.ok(joined([odd]).equals(odd));
  assert.ok(Buffer.concat(withoutEmptyFrame([empty], 0)).equals(empty));
});

/** A stream that zstd refuses: it was told another size than it gets. */
const broken = (): Compressor =>
  new Compressor(createZstdCompress({ pledgedSrcSize: 5, flush: constants.ZSTD_e_end }));

test('what zstd refuses is told to whoever asked for it', { timeout: 60_000 }, async () => {
  await assert.rejects(broken().compress(Buffer.alloc(100_000, 'x')), /[Ss]ize/);
});

test('a journal whose compressors fail packs at once and goes on', { timeout: 60_000 }, async () => {
  const made: string[] = [];
  const failing = (): Compressor => {
    made.push(made.length % 2 === 0 ? 'broken' : 'none');
    if (made.at(-1) === 'none') throw new Error('no memory');
    return broken();
  };
  const disk = new CrashDisk();
  const writer = new JournalWriter({
    disk,
    directory: SAMPLE_DIRECTORY,
    exchange: 'binance',
    packer: asidePacker(failing),
    blockBytes: 100_000,
  });
  const frames = sampleFrames(20_000);
  const { path } = await writer.beginFile(SAMPLE_START, null);
  for (const [index, frame] of frames.entries()) {
    appendTo(writer, frame);
    if (index % 2500 === 0) await writer.durable();
  }
  await writer.durable();
  const lines: string[] = [];
  scanTape(await disk.read(path), (frame) => lines.push(lineOf(frame)));
  assert.ok(made.length > 4);
  assert.equal(lines.length, frames.length);
  assert.ok(lines.every((line, index) => line === lineOf(frames[index] as (typeof frames)[number])));
});
