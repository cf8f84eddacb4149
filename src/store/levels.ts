import type { ByteSink } from './byte-sink.ts';

/** What is noted of the page being written: one page is written at a time. */
export const scratch = {
  /** Which rows are not null. */
  present: new Uint8Array(0),
  /** The values that are not null. */
  values: new Float64Array(0),
  /** Their places in a dictionary, of at most 65,536 entries. */
  places: new Uint16Array(0),
  /** Runs of equal values: what they are, and where they begin. */
  runValues: new Float64Array(0),
  runRows: new Uint32Array(0),
  /** Values of all rows, of a column that rows share. */
  spread: new Float64Array(0),
  spreadBytes: new Uint8Array(0),
};

/** Makes room in the scratch for so many rows. */
export function reserve(rows: number): void {
  if (scratch.present.length >= rows) return;
  scratch.present = new Uint8Array(rows);
  scratch.values = new Float64Array(rows);
  scratch.places = new Uint16Array(rows);
  scratch.runValues = new Float64Array(rows);
  scratch.runRows = new Uint32Array(rows);
  scratch.spread = new Float64Array(rows);
  scratch.spreadBytes = new Uint8Array(rows);
}

/** Definition levels: one run where no row is null, else a bit for each row of `scratch.present`. */
export function writeLevels(to: ByteSink, rows: number, hasNull: boolean): void {
  const at = to.length;
  to.uint32(0);
  if (!hasNull) {
    to.varint(rows << 1);
    to.byte(1);
  } else {
    to.varint((((rows + 7) >> 3) << 1) | 1);
    writeBits(to, scratch.present, rows);
  }
  to.buffer.writeUInt32LE(to.length - at - 4, at);
}

/** Zeros and ones as bits, the first in the lowest bit of the first byte. */
export function writeBits(to: ByteSink, flags: Uint8Array, count: number): void {
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

/** So many bits of one kind. */
export function writeSameBits(to: ByteSink, bit: number, count: number): void {
  const bytes = (count + 7) >> 3;
  to.reserve(bytes);
  to.buffer.fill((bit & 1) === 0 ? 0 : 255, to.length, to.length + bytes);
  to.length += bytes;
  if ((count & 7) !== 0)
    to.buffer[to.length - 1] = (to.buffer[to.length - 1] as number) & ((1 << (count & 7)) - 1);
}
