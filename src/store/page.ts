import { type IdColumn, NO_CODE } from '../record/index.ts';
import { type ByteSink, ThriftWriter } from './byte-sink.ts';

/**
 * Pages of Parquet columns: up to `PAGE_ROWS` rows of one column, uncompressed. A page's body is its definition levels
 * (which rows are not null) and then the values of those that are not, in one of the encodings below.
 */
export const PAGE_ROWS = 2048;

/** Parquet's numbers for the encodings used here. */
export const ENCODING = { plain: 0, rle: 3, deltaBinaryPacked: 5, rleDictionary: 8 } as const;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;

/** Which rows of the page being written are not null. */
const present = new Uint8Array(PAGE_ROWS);
/** The values of the page being written that are not null. */
const values = new Float64Array(PAGE_ROWS);
const codes = new Uint32Array(PAGE_ROWS);
const halves = new Uint32Array(PAGE_ROWS * 2);

/** Writes a data page's header and body. */
export function writeDataPage(to: ByteSink, rows: number, encoding: number, body: Uint8Array): void {
  const header = new ThriftWriter(to);
  header.i32(1, DATA_PAGE);
  header.i32(2, body.length);
  header.i32(3, body.length);
  header.struct(5, () => {
    header.i32(1, rows);
    header.i32(2, encoding);
    header.i32(3, ENCODING.rle);
    header.i32(4, ENCODING.rle);
  });
  header.end();
  to.bytes(body);
}

/** Writes a dictionary page's header and body. */
export function writeDictionaryPage(to: ByteSink, entries: number, body: Uint8Array): void {
  const header = new ThriftWriter(to);
  header.i32(1, DICTIONARY_PAGE);
  header.i32(2, body.length);
  header.i32(3, body.length);
  header.struct(7, () => {
    header.i32(1, entries);
    header.i32(2, ENCODING.plain);
  });
  header.end();
  to.bytes(body);
}

/** Definition levels: one run where no row is null, else a bit for each row of `present`. */
function writeLevels(to: ByteSink, rows: number, hasNull: boolean): void {
  const at = to.length;
  to.uint32(0);
  if (!hasNull) {
    to.varint(rows << 1);
    to.byte(1);
  } else {
    to.varint((((rows + 7) >> 3) << 1) | 1);
    for (let i = 0; i < rows; i += 8) to.byte(bitsAt(present, i, rows));
  }
  to.buffer.writeUInt32LE(to.length - at - 4, at);
}

/** Eight zeros and ones as a byte, the first in its lowest bit. */
function bitsAt(flags: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let i = start; i < Math.min(start + 8, end); i++) bits |= (flags[i] as number) << (i - start);
  return bits;
}

/** Doubles; NaN is null. Returns the encoding. */
export function writeNumbers(to: ByteSink, array: Float64Array, start: number, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = array[start + i] as number;
    const is = Number.isNaN(value) ? 0 : 1;
    present[i] = is;
    values[filled] = value;
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  to.bytes(new Uint8Array(values.buffer, 0, filled * 8));
  return ENCODING.plain;
}

/** Whole numbers; NaN and what a double does not hold exactly is null. Returns the encoding. */
export function writeIntegers(to: ByteSink, array: Float64Array, start: number, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = Math.round(array[start + i] as number);
    const is = Math.abs(value) <= Number.MAX_SAFE_INTEGER ? 1 : 0;
    present[i] = is;
    values[filled] = value;
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  if (writeDeltas(to, filled)) return ENCODING.deltaBinaryPacked;
  writeInt64s(to, filled);
  return ENCODING.plain;
}

function writeInt64s(to: ByteSink, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    const high = Math.floor(value / 4_294_967_296);
    halves[2 * i] = value - high * 4_294_967_296;
    halves[2 * i + 1] = high;
  }
  to.bytes(new Uint8Array(halves.buffer, 0, count * 8));
}

/** Values in a block of deltas, and in each of its miniblocks. */
const BLOCK = 128;
const MINIBLOCK = 32;
/** Above it a signed number has no exact zigzag form in a double. */
const DELTA_MAX = 2 ** 52;

const words = new Uint32Array(MINIBLOCK);
const wordBytes = new Uint8Array(words.buffer);

/**
 * Parquet's DELTA_BINARY_PACKED of `values`: times and counters in one or two bytes each.
 * @returns false, nothing written, where numbers or their differences are too large.
 */
function writeDeltas(to: ByteSink, count: number): boolean {
  if (count === 0) return false;
  const first = values[0] as number;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < count; i++) {
    const delta = (values[i] as number) - (values[i - 1] as number);
    if (delta < least) least = delta;
    if (delta > most) most = delta;
  }
  if (Math.abs(first) > DELTA_MAX || (count > 1 && Math.abs(least) > DELTA_MAX)) return false;
  if (most - least > 0xffff_ffff) return false;
  writeDeltaHeader(to, count, first);
  for (let start = 1; start < count; start += BLOCK) writeBlock(to, start, Math.min(start + BLOCK, count));
  return true;
}

function writeDeltaHeader(to: ByteSink, count: number, first: number): void {
  to.varint(BLOCK);
  to.varint(BLOCK / MINIBLOCK);
  to.varint(count);
  to.zigzag(first);
}

function writeBlock(to: ByteSink, start: number, end: number): void {
  let least = Number.POSITIVE_INFINITY;
  for (let i = start; i < end; i++) {
    const delta = (values[i] as number) - (values[i - 1] as number);
    if (delta < least) least = delta;
  }
  to.zigzag(least);
  to.reserve(BLOCK / MINIBLOCK + BLOCK * 4);
  const widths = to.length;
  to.uint32(0);
  for (let mini = 0; mini < BLOCK / MINIBLOCK; mini++) {
    const from = start + mini * MINIBLOCK;
    if (from >= end) break;
    to.buffer[widths + mini] = writeMiniblock(to, from, Math.min(from + MINIBLOCK, end), least);
  }
}

/** Packs the deltas above the block's least one; returns the bits of each. */
function writeMiniblock(to: ByteSink, start: number, end: number, least: number): number {
  let all = 0;
  for (let i = start; i < end; i++) {
    const above = ((values[i] as number) - (values[i - 1] as number) - least) >>> 0;
    codes[i - start] = above;
    all |= above;
  }
  const width = 32 - Math.clz32(all);
  if (width === 0) return 0;
  words.fill(0);
  let bit = 0;
  for (let i = 0; i < end - start; i++, bit += width) {
    const above = codes[i] as number;
    const word = bit >>> 5;
    const shift = bit & 31;
    words[word] = (words[word] as number) | (above << shift);
    if (shift + width > 32) words[word + 1] = (words[word + 1] as number) | (above >>> (32 - shift));
  }
  to.bytes(wordBytes.subarray(0, width * 4));
  return width;
}

/** Zeros and ones; 255 is null. Returns the encoding. */
export function writeFlags(to: ByteSink, array: Uint8Array, start: number, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = array[start + i] as number;
    const is = value === NO_CODE ? 0 : 1;
    present[i] = is;
    codes[filled] = value & 1;
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  for (let i = 0; i < filled; i += 8) {
    let bits = 0;
    for (let j = i; j < Math.min(i + 8, filled); j++) bits |= (codes[j] as number) << (j - i);
    to.byte(bits);
  }
  return ENCODING.plain;
}

/** Ids, which a batch holds as a plain page does; empty is null. Returns the encoding. */
export function writeIds(to: ByteSink, ids: IdColumn, start: number, rows: number): number {
  if (!ids.mayHaveNull) {
    writeLevels(to, rows, false);
    to.bytes(ids.bytes.subarray(ids.startOf(start), ids.ends[start + rows - 1]));
    return ENCODING.plain;
  }
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const is = (ids.ends[start + i] as number) - ids.startOf(start + i) > 4 ? 1 : 0;
    present[i] = is;
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  for (let i = 0; i < rows; i++)
    if (present[i] === 1) to.bytes(ids.bytes.subarray(ids.startOf(start + i), ids.ends[start + i]));
  return ENCODING.plain;
}

/** Texts; null and empty are null. Returns the encoding. */
export function writeTexts(
  to: ByteSink,
  array: readonly (string | null)[],
  start: number,
  rows: number,
): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const is = (array[start + i] ?? '') === '' ? 0 : 1;
    present[i] = is;
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  for (let i = 0; i < rows; i++) if (present[i] === 1) to.text(array[start + i] ?? '');
  return ENCODING.plain;
}

/** Numbers of 32 bits that count on from `first`, one a row. Returns the encoding. */
export function writeCount(to: ByteSink, first: number, rows: number): number {
  writeLevels(to, rows, false);
  writeDeltaHeader(to, rows, first | 0);
  for (let start = 1; start < rows; start += BLOCK) {
    to.zigzag(1);
    to.uint32(0);
  }
  return ENCODING.deltaBinaryPacked;
}

/**
 * Places in a dictionary; a place of which `nulls` says 1 is null. Returns the encoding.
 * One run where all are the same, else 8, 16 or 32 bits each.
 */
export function writePlaces(
  to: ByteSink,
  array: Uint8Array | Uint32Array,
  start: number,
  rows: number,
  nulls: Uint8Array | null,
): number {
  let filled = 0;
  let all = 0;
  let differ = 0;
  const one = array[start] as number;
  if (nulls === null) {
    for (let i = 0; i < rows; i++) {
      const place = array[start + i] as number;
      codes[i] = place;
      all |= place;
      differ |= place ^ one;
    }
    filled = rows;
  } else
    for (let i = 0; i < rows; i++) {
      const place = array[start + i] as number;
      const is = 1 - (nulls[place] ?? 0);
      present[i] = is;
      codes[filled] = place;
      if (is === 0) continue;
      filled++;
      all |= place;
      differ |= place ^ (codes[0] as number);
    }
  writeLevels(to, rows, filled < rows);
  writeRun(to, filled, all < 256 ? 1 : all < 65_536 ? 2 : 4, differ === 0 && filled > 0);
  return ENCODING.rleDictionary;
}

function writeRun(to: ByteSink, count: number, width: number, isOne: boolean): void {
  to.byte(width * 8);
  if (isOne) {
    to.varint(count << 1);
    for (let byte = 0; byte < width; byte++) to.byte((codes[0] as number) >>> (8 * byte));
    return;
  }
  const groups = (count + 7) >> 3;
  to.varint((groups << 1) | 1);
  to.reserve(groups * 8 * width);
  const { buffer } = to;
  let at = to.length;
  const end = at + groups * 8 * width;
  for (let i = 0; i < count; i++) {
    const place = codes[i] as number;
    buffer[at++] = place;
    for (let byte = 1; byte < width; byte++) buffer[at++] = place >>> (8 * byte);
  }
  buffer.fill(0, at, end);
  to.length = end;
}
