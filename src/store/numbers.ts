import type { ByteSink } from './byte-sink.ts';
import { writeDeltas } from './deltas.ts';
import { splitBytes } from './doubles.ts';
import { reserve, scratch, writeLevels } from './levels.ts';
import { NumberDictionary } from './number-dictionary.ts';
import { ENCODING, type PageBody } from './page.ts';
import { isRuns, runsKept, writeBytePlaces, writePlaces, writeRuns } from './places.ts';
import { endOf, spreadByteCounts, spreadCounts, spreadNumbers } from './spread.ts';

const repeated = new NumberDictionary();
/** Entries of a dictionary whose places are bytes, and the rows that are worth an entry. */
const BYTE_ENTRIES = 256;
const ENTRY_ROWS = 16;

/** Doubles; NaN is null. */
export function writeNumbers(to: ByteSink, array: Float64Array, rows: number, isDense: boolean): PageBody {
  reserve(rows);
  if (isDense && repeated.fill(array, rows, scratch.places)) {
    // What holds for the entries holds for all.
    const bounds = numberBounds(repeated.numbers, repeated.count);
    if (bounds.nulls === 0) return writeRepeated(to, rows, bounds);
  }
  const bounds = numberBounds(array, rows);
  const { nulls } = bounds;
  const filled = nulls === 0 ? rows : takeNumbers(array, rows);
  const numbers = nulls === 0 ? array : scratch.values;
  if (isDense && nulls > 0 && repeated.fill(numbers, filled, scratch.places))
    return writeRepeated(to, rows, bounds);
  writeLevels(to, rows, nulls > 0);
  to.reserve(filled * 8);
  if (isDense) splitBytes(to.buffer, to.length, numbers, filled);
  else to.buffer.set(new Uint8Array(numbers.buffer, numbers.byteOffset, filled * 8), to.length);
  to.length += filled * 8;
  return { ...bounds, encoding: isDense ? ENCODING.byteStreamSplit : ENCODING.plain, dictionary: null };
}

/** Numbers as places in the dictionary that `repeated` has found. */
function writeRepeated(to: ByteSink, rows: number, bounds: NumberBounds): PageBody {
  const { count, bytes } = repeated;
  writeLevels(to, rows, bounds.nulls > 0);
  writePlaces(to, rows - bounds.nulls, count - 1);
  return { ...bounds, encoding: ENCODING.rleDictionary, dictionary: { entries: count, plain: bytes } };
}

type NumberBounds = Pick<PageBody, 'nulls' | 'least' | 'most'>;

function numberBounds(numbers: Float64Array, count: number): NumberBounds {
  let nulls = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = numbers[i] as number;
    if (value < least) least = value;
    if (value > most) most = value;
    if (Number.isNaN(value)) nulls++;
  }
  if (nulls === count) return { nulls, least: null, most: null };
  // Bounds of zeros say nothing of their signs: readers are told the wider one.
  return { nulls, least: plainNumber(least === 0 ? -0 : least), most: plainNumber(most === 0 ? 0 : most) };
}

/** Puts those that are numbers into `scratch.values`, and notes which; returns how many. */
function takeNumbers(array: Float64Array, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = array[i] as number;
    const is = Number.isNaN(value) ? 0 : 1;
    scratch.present[i] = is;
    scratch.values[filled] = value;
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
  let whole = array;
  let filled = rows;
  let runs = findRuns(array, rows);
  if (runs < 0) {
    whole = scratch.values;
    filled = takeWhole(array, rows);
    runs = findRuns(whole, filled);
  }
  writeLevels(to, rows, filled < rows);
  const bounds = { nulls: rows - filled, ...boundsOf(runs) };
  if (isDense && isRuns(runs, filled)) return { ...bounds, ...writeIntegerRuns(to, runs, filled) };
  if (writeDeltas(to, whole, filled))
    return { ...bounds, encoding: ENCODING.deltaBinaryPacked, dictionary: null };
  to.bytes(plainIntegers(whole, filled));
  return { ...bounds, encoding: ENCODING.plain, dictionary: null };
}

/** The same of numbers that stretches of rows share: those that begin at `starts`. The bytes are the same. */
export function writeSharedIntegers(
  to: ByteSink,
  values: Float64Array,
  starts: Uint32Array,
  stretches: number,
  rows: number,
  isDense: boolean,
): PageBody {
  reserve(rows);
  const runs = isDense ? findRuns(values, stretches, rows) : -1;
  if (runs < 0 || !isRuns(runs, rows))
    return writeIntegers(to, spreadNumbers(values, starts, stretches, rows), rows, isDense);
  const { runRows } = scratch;
  for (let run = 0; run < runs; run++) runRows[run] = starts[runRows[run] as number] as number;
  writeLevels(to, rows, false);
  return { nulls: 0, ...boundsOf(runs), ...writeIntegerRuns(to, runs, rows) };
}

/** The same of numbers that count on within each stretch, from those in `firsts`. */
export function writeCounts(
  to: ByteSink,
  firsts: Float64Array,
  starts: Uint32Array,
  stretches: number,
  rows: number,
  isDense: boolean,
): PageBody {
  // Where stretches are short, numbers repeat.
  if (stretches * 2 > rows)
    return writeIntegers(to, spreadCounts(firsts, starts, stretches, rows), rows, isDense);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < stretches; n++) {
    const first = firsts[n] as number;
    const last = first + endOf(starts, stretches, rows, n) - (starts[n] as number) - 1;
    if (first < least) least = first;
    if (last > most) most = last;
  }
  writeLevels(to, rows, false);
  const bounds = { nulls: 0, least: plainInteger(least), most: plainInteger(most) };
  if (isDense && least >= 0 && most < BYTE_ENTRIES && (most + 1) * ENTRY_ROWS <= rows) {
    writeBytePlaces(to, spreadByteCounts(firsts, starts, stretches, rows), rows);
    const entries = most + 1;
    const plain = plainIntegers(
      Float64Array.from({ length: entries }, (_, number) => number),
      entries,
    );
    return { ...bounds, encoding: ENCODING.rleDictionary, dictionary: { entries, plain } };
  }
  if (!writeDeltas(to, spreadCounts(firsts, starts, stretches, rows), rows))
    throw new RangeError(`rows are numbered up to ${most}`);
  return { ...bounds, encoding: ENCODING.deltaBinaryPacked, dictionary: null };
}

/** The bounds that `findRuns` found. */
function boundsOf(runs: number): Pick<PageBody, 'least' | 'most'> {
  return runs === 0
    ? { least: null, most: null }
    : { least: plainInteger(found.least), most: plainInteger(found.most) };
}

function writeIntegerRuns(
  to: ByteSink,
  runs: number,
  filled: number,
): Pick<PageBody, 'encoding' | 'dictionary'> {
  writeRuns(to, runs, filled);
  const plain = plainIntegers(scratch.runValues, runs);
  return { encoding: ENCODING.rleDictionary, dictionary: { entries: runs, plain } };
}

/** What `findRuns` found last besides the runs. */
const found = { least: 0, most: 0 };

/**
 * Finds the runs of equal numbers, in the scratch for as long as there are few enough of them to be written as such, and
 * the bounds.
 * @returns how many there are; -1 where a number is not whole, or not held exactly by a double, which is as good as never.
 */
function findRuns(array: Float64Array, rows: number, of = rows): number {
  const { runValues, runRows } = scratch;
  const kept = runsKept(of);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let runs = 0;
  let last = Number.NaN;
  for (let i = 0; i < rows; i++) {
    const value = array[i] as number;
    if (value === last) continue;
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER) || value !== Math.floor(value)) return -1;
    last = value;
    if (value < least) least = value;
    if (value > most) most = value;
    if (runs < kept) {
      runRows[runs] = i;
      runValues[runs] = value;
    }
    runs++;
  }
  found.least = least;
  found.most = most;
  return runs;
}

/** Puts those that are whole numbers, or near to one, into `scratch.values`, and notes which; returns how many. */
function takeWhole(array: Float64Array, rows: number): number {
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const value = Math.round(array[i] as number);
    const is = Math.abs(value) <= Number.MAX_SAFE_INTEGER ? 1 : 0;
    scratch.present[i] = is;
    scratch.values[filled] = value;
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
