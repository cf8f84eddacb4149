import { type IdColumn, NO_CODE } from '../record/index.ts';
import { ByteSink, ThriftWriter } from './byte-sink.ts';
import { writeDeltas } from './deltas.ts';
import { NumberDictionary, splitBytes } from './doubles.ts';

/**
 * Bodies of Parquet pages: the definition levels of a column's rows (which are not null), and then the values of those
 * that are not, in one of the encodings below. `isDense` looks for the smallest; else the quickest is taken.
 */

/** Parquet's numbers for the encodings used here. */
export const ENCODING = {
  plain: 0,
  rle: 3,
  deltaBinaryPacked: 5,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;

/** What a page's body holds. */
export interface PageBody {
  readonly encoding: number;
  readonly nulls: number;
  /** The least and the largest value, as plain values of the column's type; null where there is none or none is kept. */
  readonly least: Uint8Array | null;
  readonly most: Uint8Array | null;
  /** The dictionary its values are places in; null where they are none. */
  readonly dictionary: { readonly entries: number; readonly plain: Uint8Array } | null;
}

/** Writes a data page's header. */
export function writeDataHeader(
  to: ByteSink,
  rows: number,
  encoding: number,
  bytes: number,
  stored: number,
): void {
  const header = new ThriftWriter(to);
  header.i32(1, DATA_PAGE);
  header.i32(2, bytes);
  header.i32(3, stored);
  header.struct(5, () => {
    header.i32(1, rows);
    header.i32(2, encoding);
    header.i32(3, ENCODING.rle);
    header.i32(4, ENCODING.rle);
  });
  header.end();
}

/** Writes a dictionary page's header. */
export function writeDictionaryHeader(to: ByteSink, entries: number, bytes: number, stored: number): void {
  const header = new ThriftWriter(to);
  header.i32(1, DICTIONARY_PAGE);
  header.i32(2, bytes);
  header.i32(3, stored);
  header.struct(7, () => {
    header.i32(1, entries);
    header.i32(2, ENCODING.plain);
  });
  header.end();
}

/** Which rows of the page being written are not null. */
let present = new Uint8Array(0);
/** The values of the page being written that are not null. */
let values = new Float64Array(0);
let places = new Uint32Array(0);
/** Runs of equal values: what they are, and how long. */
let runValues = new Float64Array(0);
let runRows = new Uint32Array(0);
const repeated = new NumberDictionary();
const suffixes = new ByteSink();

function reserve(rows: number): void {
  if (present.length >= rows) return;
  present = new Uint8Array(rows);
  values = new Float64Array(rows);
  places = new Uint32Array(rows);
  runValues = new Float64Array(rows);
  runRows = new Uint32Array(rows);
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
    writeBits(to, present, rows);
  }
  to.buffer.writeUInt32LE(to.length - at - 4, at);
}

/** Zeros and ones as bits, the first in the lowest bit of the first byte. */
function writeBits(to: ByteSink, flags: Uint8Array, count: number): void {
  to.reserve((count + 7) >> 3);
  const { buffer } = to;
  let at = to.length;
  let bits = 0;
  for (let i = 0; i < count; i++) {
    bits |= ((flags[i] as number) & 1) << (i & 7);
    if ((i & 7) === 7) {
      buffer[at++] = bits;
      bits = 0;
    }
  }
  if ((count & 7) !== 0) buffer[at++] = bits;
  to.length = at;
}

/** Whether so few values differ from the one before that runs are the best form. */
function isRuns(changes: number, count: number): boolean {
  return changes * RUN_LENGTH_MIN < count;
}

const RUN_LENGTH_MIN = 8;

/** Doubles; NaN is null. */
export function writeNumbers(to: ByteSink, array: Float64Array, rows: number, isDense: boolean): PageBody {
  reserve(rows);
  let nulls = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < rows; i++) {
    const value = array[i] as number;
    if (value < least) least = value;
    if (value > most) most = value;
    if (Number.isNaN(value)) nulls++;
  }
  const numbers = nulls === 0 ? array : values;
  const filled = nulls === 0 ? rows : takeNumbers(array, rows);
  writeLevels(to, rows, nulls > 0);
  // Bounds of zeros say nothing of their signs: readers are told the wider one.
  const bounds = {
    nulls,
    least: filled === 0 ? null : plainNumber(least === 0 ? -0 : least),
    most: filled === 0 ? null : plainNumber(most === 0 ? 0 : most),
  };
  if (isDense && repeated.fill(numbers, filled, places)) {
    writePlaces(to, filled, repeated.count - 1);
    const plain = new Uint8Array(repeated.entries.buffer, 0, repeated.count * 8);
    return { ...bounds, encoding: ENCODING.rleDictionary, dictionary: { entries: repeated.count, plain } };
  }
  to.reserve(filled * 8);
  if (isDense) splitBytes(to.buffer, to.length, numbers, filled);
  else to.buffer.set(new Uint8Array(numbers.buffer, numbers.byteOffset, filled * 8), to.length);
  to.length += filled * 8;
  return { ...bounds, encoding: isDense ? ENCODING.byteStreamSplit : ENCODING.plain, dictionary: null };
}

/** Puts those that are numbers into `values`, and notes which; returns how many. */
function takeNumbers(array: Float64Array, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = array[i] as number;
    const is = Number.isNaN(value) ? 0 : 1;
    present[i] = is;
    values[filled] = value;
    filled += is;
  }
  return filled;
}

function plainNumber(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** Whole numbers; NaN and what a double does not hold exactly is null. */
export function writeIntegers(to: ByteSink, array: Float64Array, rows: number, isDense: boolean): PageBody {
  reserve(rows);
  const whole = areWhole(array, rows) ? array : values;
  const filled = whole === array ? rows : takeWhole(array, rows);
  let changes = 0;
  let last = Number.NaN;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  const starts = runRows;
  for (let i = 0; i < filled; i++) {
    const value = whole[i] as number;
    if (value === last) continue;
    last = value;
    starts[changes++] = i;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  writeLevels(to, rows, filled < rows);
  const bounds = {
    nulls: rows - filled,
    least: filled === 0 ? null : plainInteger(least),
    most: filled === 0 ? null : plainInteger(most),
  };
  if (isDense && isRuns(changes, filled)) {
    writeRuns(to, changes, filled);
    for (let run = 0; run < changes; run++) runValues[run] = whole[runRows[run] as number] as number;
    const plain = plainIntegers(runValues, changes);
    return { ...bounds, encoding: ENCODING.rleDictionary, dictionary: { entries: changes, plain } };
  }
  if (writeDeltas(to, whole, filled))
    return { ...bounds, encoding: ENCODING.deltaBinaryPacked, dictionary: null };
  to.bytes(plainIntegers(whole, filled));
  return { ...bounds, encoding: ENCODING.plain, dictionary: null };
}

/** Whether all are whole numbers that a double holds exactly: as nearly always. */
function areWhole(array: Float64Array, rows: number): boolean {
  for (let i = 0; i < rows; i++) {
    const value = array[i] as number;
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER) || value !== Math.floor(value)) return false;
  }
  return true;
}

/** Puts those that are whole numbers, or near to one, into `values`, and notes which; returns how many. */
function takeWhole(array: Float64Array, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = Math.round(array[i] as number);
    const is = Math.abs(value) <= Number.MAX_SAFE_INTEGER ? 1 : 0;
    present[i] = is;
    values[filled] = value;
    filled += is;
  }
  return filled;
}

function plainInteger(value: number): Uint8Array {
  return plainIntegers(Float64Array.of(value), 1);
}

/** Numbers as 64 bits each, little endian. */
function plainIntegers(array: Float64Array, count: number): Uint8Array {
  const halves = new Uint32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const value = array[i] as number;
    const high = Math.floor(value / 4_294_967_296);
    halves[2 * i] = value - high * 4_294_967_296;
    halves[2 * i + 1] = high;
  }
  return new Uint8Array(halves.buffer);
}

/** Zeros and ones; 255 is null. */
export function writeFlags(to: ByteSink, array: Uint8Array, rows: number): PageBody {
  const filled = markPresent(array, rows);
  writeLevels(to, rows, filled < rows);
  if (filled === rows) writeBits(to, array, rows);
  else {
    const flags = array.subarray(0, rows).filter((flag) => flag !== NO_CODE);
    writeBits(to, flags, flags.length);
  }
  return { encoding: ENCODING.plain, nulls: rows - filled, least: null, most: null, dictionary: null };
}

/** Notes which rows have a code or flag; returns how many. */
function markPresent(array: Uint8Array, rows: number): number {
  reserve(rows);
  const marks = present;
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const is = array[i] === NO_CODE ? 0 : 1;
    marks[i] = is;
    filled += is;
  }
  return filled;
}

/** Codes, as places in a dictionary of the texts they stand for; 255 is null. */
export function writeCodes(
  to: ByteSink,
  array: Uint8Array,
  rows: number,
  texts: readonly string[],
  isDense: boolean,
): PageBody {
  reserve(rows);
  const [marks, codes, starts, known] = [present, places, runRows, texts.length];
  let filled = 0;
  let changes = 0;
  let last = -1;
  for (let i = 0; i < rows; i++) {
    const code = array[i] as number;
    const is = code < known ? 1 : 0;
    marks[i] = is;
    codes[filled] = code;
    if (code !== last && is === 1) {
      starts[changes++] = filled;
      last = code;
    }
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  if (isDense && isRuns(changes, filled)) {
    for (let run = 0; run < changes; run++) runValues[run] = codes[starts[run] as number] as number;
    writeRuns(to, changes, filled, known - 1, runValues);
  } else writePlaces(to, filled, texts.length - 1);
  return {
    encoding: ENCODING.rleDictionary,
    nulls: rows - filled,
    least: null,
    most: null,
    dictionary: { entries: texts.length, plain: plainTexts(texts) },
  };
}

/** Texts that hold for runs of rows, as places in a dictionary; a null text is null. */
export function writeNames(
  to: ByteSink,
  names: readonly (string | null)[],
  lengths: readonly number[],
  rows: number,
): PageBody {
  reserve(rows);
  const entries = [...new Set(names.filter((name) => name !== null))].sort(compareTexts);
  const byName = new Map(entries.map((name, place) => [name, place]));
  let row = 0;
  let filled = 0;
  let runs = 0;
  for (const [i, name] of names.entries()) {
    const length = lengths[i] as number;
    present.fill(name === null ? 0 : 1, row, row + length);
    row += length;
    if (name === null || length === 0) continue;
    runRows[runs] = filled;
    runValues[runs++] = byName.get(name) ?? 0;
    filled += length;
  }
  writeLevels(to, rows, filled < rows);
  writeRuns(to, runs, filled, entries.length - 1, runValues);
  const bound = (name: string | undefined) => (name === undefined ? null : new TextEncoder().encode(name));
  return {
    encoding: ENCODING.rleDictionary,
    nulls: rows - filled,
    least: bound(entries[0]),
    most: bound(entries.at(-1)),
    dictionary: { entries: entries.length, plain: plainTexts(entries) },
  };
}

/** The order of texts in files: that of their UTF-8 bytes. */
export function compareTexts(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function plainTexts(texts: readonly string[]): Uint8Array {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Ids and texts, which are held as plain values; empty is null. */
export function writeTexts(to: ByteSink, texts: IdColumn, rows: number, isDense: boolean): PageBody {
  const filled = markTexts(texts, rows);
  writeLevels(to, rows, filled < rows);
  const rest = { nulls: rows - filled, least: null, most: null, dictionary: null };
  if (isDense && filled > 0) {
    writeSuffixes(to, texts, rows, filled);
    return { ...rest, encoding: ENCODING.deltaByteArray };
  }
  if (filled === rows) to.bytes(texts.bytes.subarray(0, texts.ends[rows - 1]));
  else
    for (let i = 0; i < rows; i++)
      if (present[i] === 1) to.bytes(texts.bytes.subarray(texts.startOf(i), texts.ends[i]));
  return { ...rest, encoding: ENCODING.plain };
}

/** Notes which rows have a text; returns how many. */
function markTexts(texts: IdColumn, rows: number): number {
  reserve(rows);
  const marks = present;
  marks.fill(1, 0, rows);
  if (!texts.mayHaveNull) return rows;
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const is = (texts.ends[i] as number) - texts.startOf(i) > 4 ? 1 : 0;
    marks[i] = is;
    filled += is;
  }
  return filled;
}

/**
 * Parquet's DELTA_BYTE_ARRAY: how much of each text is as in the one before it, and the rest. Ids that count on come
 * down to their last digits.
 */
function writeSuffixes(to: ByteSink, texts: IdColumn, rows: number, filled: number): void {
  const { bytes, ends } = texts;
  const [marks, shared, lengths] = [present, values, runValues];
  suffixes.length = 0;
  suffixes.reserve(ends[rows - 1] as number);
  const rest = suffixes.buffer;
  let at = 0;
  let n = 0;
  let before = 0;
  let beforeEnd = 0;
  let start = 0;
  for (let i = 0; i < rows; i++) {
    const end = ends[i] as number;
    if (marks[i] === 1) {
      const first = start + 4;
      const most = Math.min(end - first, beforeEnd - before);
      let same = 0;
      while (same < most && bytes[first + same] === bytes[before + same]) same++;
      shared[n] = same;
      lengths[n++] = end - first - same;
      for (let from = first + same; from < end; from++) rest[at++] = bytes[from] as number;
      before = first;
      beforeEnd = end;
    }
    start = end;
  }
  writeDeltas(to, shared, filled);
  writeDeltas(to, lengths, filled);
  to.bytes(rest.subarray(0, at));
}

/** Bytes of a place in a dictionary whose last one is `last`: whole ones, which compress better than bits. */
function widthOf(last: number): number {
  return last < 256 ? 1 : last < 65_536 ? 2 : 4;
}

/** `count` places of `places` in a dictionary, one by one. */
function writePlaces(to: ByteSink, count: number, last: number): void {
  const width = widthOf(last);
  const groups = (count + 7) >> 3;
  to.byte(width * 8);
  to.varint((groups << 1) | 1);
  to.reserve(groups * 8 * width);
  const { buffer } = to;
  const from = places;
  let at = to.length;
  const end = at + groups * 8 * width;
  if (width === 1) for (let i = 0; i < count; i++) buffer[at++] = from[i] as number;
  else
    for (let i = 0; i < count; i++) {
      const place = from[i] as number;
      buffer[at++] = place;
      for (let byte = 1; byte < width; byte++) buffer[at++] = place >>> (8 * byte);
    }
  buffer.fill(0, at, end);
  to.length = end;
}

/** Places as runs that begin at `runRows`; without `of`, each run is the next entry. */
function writeRuns(
  to: ByteSink,
  runs: number,
  count: number,
  last = runs - 1,
  of: Float64Array | null = null,
): void {
  const width = widthOf(last);
  to.byte(width * 8);
  for (let run = 0; run < runs; run++) {
    const end = run + 1 < runs ? (runRows[run + 1] as number) : count;
    to.varint((end - (runRows[run] as number)) * 2);
    const place = of === null ? run : (of[run] as number);
    for (let byte = 0; byte < width; byte++) to.byte(place >>> (8 * byte));
  }
}
