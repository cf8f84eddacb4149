import type { ByteSink } from './byte-sink.ts';

/**
 * Parquet's DELTA_BINARY_PACKED: whole numbers as their differences, packed in as many bits as each 32 of them need.
 *
 *     header: 128, 4, count, first
 *     block:  least difference, 4 widths, then 4 × 32 differences above the least, `width` bits each
 */
const BLOCK = 128;
const MINIBLOCK = 32;

/** Above it a signed number has no exact zigzag form in a double. */
const DELTA_MAX = 2 ** 52;
const TWO_32 = 4_294_967_296;

/** The differences of a block. */
const deltas = new Float64Array(BLOCK);
/** Those of a miniblock above the block's least one, as two halves of 32 bits. */
const low = new Int32Array(MINIBLOCK);
const high = new Int32Array(MINIBLOCK);
/** As many bits as a miniblock may fill, and a word for what is shifted over the end. */
const words = new Int32Array(MINIBLOCK * 2 + 2);
const wordBytes = new Uint8Array(words.buffer);

/**
 * Writes `count` whole numbers.
 * @returns false, nothing written, where there are none, or numbers or differences are too large.
 */
export function writeDeltas(to: ByteSink, values: Float64Array, count: number): boolean {
  if (count === 0 || Math.abs(values[0] as number) > DELTA_MAX) return false;
  const before = to.length;
  to.varint(BLOCK);
  to.varint(BLOCK / MINIBLOCK);
  to.varint(count);
  to.zigzag(values[0] as number);
  for (let start = 1; start < count; start += BLOCK)
    if (!writeBlock(to, values, start, Math.min(start + BLOCK, count))) {
      to.length = before;
      return false;
    }
  return true;
}

function writeBlock(to: ByteSink, values: Float64Array, start: number, end: number): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let last = values[start - 1] as number;
  for (let i = start; i < end; i++) {
    const value = values[i] as number;
    const delta = value - last;
    last = value;
    deltas[i - start] = delta;
    if (delta < least) least = delta;
    if (delta > most) most = delta;
  }
  if (Math.abs(least) > DELTA_MAX || most - least > DELTA_MAX) return false;
  to.zigzag(least);
  const widths = to.length;
  to.uint32(0);
  if (most === least) return true;
  to.reserve(BLOCK * 8);
  const isWide = most - least >= TWO_32;
  for (let from = 0; from < end - start; from += MINIBLOCK) {
    const count = Math.min(MINIBLOCK, end - start - from);
    const width = isWide ? splitAbove(from, count, least) : 32 - Math.clz32(above(from, count, least));
    const { buffer, length } = to;
    buffer[widths + from / MINIBLOCK] = width;
    if (width <= 32) packNarrow(buffer, length, width, count);
    else packWide(buffer, length, width, count);
    to.length = length + width * 4;
  }
  return true;
}

/** Fills `low` with the differences above `least`; returns all their bits together. */
function above(from: number, count: number, least: number): number {
  let all = 0;
  for (let i = 0; i < count; i++) {
    const value = ((deltas[from + i] as number) - least) >>> 0;
    low[i] = value;
    all |= value;
  }
  return all;
}

/** Fills both halves; returns the bits a difference needs. */
function splitAbove(from: number, count: number, least: number): number {
  let allLow = 0;
  let allHigh = 0;
  for (let i = 0; i < count; i++) {
    const value = (deltas[from + i] as number) - least;
    const upper = Math.floor(value / TWO_32);
    low[i] = value - upper * TWO_32;
    high[i] = upper;
    allLow |= low[i] as number;
    allHigh |= upper;
  }
  return allHigh === 0 ? 32 - Math.clz32(allLow) : 64 - Math.clz32(allHigh);
}

/** Writes the numbers in `low`, `width` bits each, up to 32, at `at`; what is missing to a miniblock is zero. */
function packNarrow(to: Uint8Array, at: number, width: number, count: number): void {
  let bits = 0;
  let filled = 0;
  let place = at;
  for (let i = 0; i < count; i++) {
    const value = low[i] as number;
    bits |= value << filled;
    filled += width;
    if (filled < 32) continue;
    to[place] = bits;
    to[place + 1] = bits >>> 8;
    to[place + 2] = bits >>> 16;
    to[place + 3] = bits >>> 24;
    place += 4;
    filled -= 32;
    bits = filled === 0 ? 0 : value >>> (width - filled);
  }
  for (const end = at + width * 4; place < end; place++, bits >>>= 8) to[place] = bits;
}

/** The same of numbers in both halves, above 32 bits each. */
function packWide(to: Uint8Array, at: number, width: number, count: number): void {
  words.fill(0, 0, width + 1);
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    putWord(bit, low[i] as number);
    putWord(bit + 32, high[i] as number);
  }
  for (let i = 0; i < width * 4; i++) to[at + i] = wordBytes[i] as number;
}

/** Adds 32 bits at a bit's place; those above a number's width are zero. */
function putWord(bit: number, value: number): void {
  const word = bit >>> 5;
  const shift = bit & 31;
  words[word] = (words[word] as number) | (value << shift);
  if (shift > 0) words[word + 1] = (words[word + 1] as number) | (value >>> (32 - shift));
}
