import type { ByteSink } from './byte-sink.ts';
import { scratch, writeBits } from './levels.ts';

/** Whether so few values differ from the one before that runs are the best form. */
export function isRuns(changes: number, count: number): boolean {
  return changes * RUN_LENGTH_MIN < count;
}

/** So many runs of `count` values at most are written as runs. */
export function runsKept(count: number): number {
  return Math.ceil(count / RUN_LENGTH_MIN);
}

const RUN_LENGTH_MIN = 8;
/** A run's length, of 31 bits, seven to a byte, and its place. */
const RUN_BYTES_MAX = 9;

/** Bytes of a place in a dictionary whose last one is `last`: whole ones, which compress better than bits. */
function widthOf(last: number): number {
  return last < 256 ? 1 : last < 65_536 ? 2 : 4;
}

/** `count` places of `scratch.places` in a dictionary whose last one is `last`, one by one. */
export function writePlaces(to: ByteSink, count: number, last: number): void {
  const width = widthOf(last);
  if (width > 2) throw new RangeError(`places up to ${last} do not fit into the scratch`);
  const groups = (count + 7) >> 3;
  to.byte(width * 8);
  to.varint((groups << 1) | 1);
  to.reserve(groups * 8 * width);
  const { buffer } = to;
  const from = scratch.places;
  const end = to.length + groups * 8 * width;
  let at = to.length;
  if (width === 1) for (let i = 0; i < count; i++) buffer[at++] = from[i] as number;
  // As they stand in memory: least byte first.
  else at += Buffer.from(from.buffer, 0, count * 2).copy(buffer, at);
  buffer.fill(0, at, end);
  to.length = end;
}

/** The same of places that fit into a byte each, and are there as an array of their own. */
export function writeBytePlaces(to: ByteSink, places: Uint8Array, count: number): void {
  const groups = (count + 7) >> 3;
  to.byte(8);
  to.varint((groups << 1) | 1);
  to.reserve(groups * 8);
  const end = to.length + groups * 8;
  to.buffer.set(places.subarray(0, count), to.length);
  to.buffer.fill(0, to.length + count, end);
  to.length = end;
}

/** The same of places that are 0 or 1: compressed, about six tenths of what bytes take, where they alternate. */
export function writeBitPlaces(to: ByteSink, places: Uint8Array, count: number): void {
  to.byte(1);
  to.varint((((count + 7) >> 3) << 1) | 1);
  writeBits(to, places, count);
}

/** Places as runs that begin at `scratch.runRows`; without `of`, each run is the next entry. */
export function writeRuns(
  to: ByteSink,
  runs: number,
  count: number,
  last = runs - 1,
  of: Float64Array | null = null,
): void {
  const width = widthOf(last);
  to.byte(width * 8);
  to.reserve(runs * RUN_BYTES_MAX);
  const { runRows } = scratch;
  const { buffer } = to;
  let at = to.length;
  for (let run = 0; run < runs; run++) {
    const end = run + 1 < runs ? (runRows[run + 1] as number) : count;
    let length = (end - (runRows[run] as number)) * 2;
    for (; length >= 128; length >>>= 7) buffer[at++] = (length & 127) | 128;
    buffer[at++] = length;
    const place = of === null ? run : (of[run] as number);
    buffer[at++] = place;
    for (let byte = 1; byte < width; byte++) buffer[at++] = place >>> (8 * byte);
  }
  to.length = at;
}
