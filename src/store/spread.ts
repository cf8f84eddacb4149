import { reserve, scratch } from './levels.ts';

/*
 * Columns that stretches of rows share, as a value for each row: valid until the next is spread. Stretch `n` begins at
 * `starts[n]`. One function for each kind of array: a loop that meets both is slower on either.
 */

export function spreadNumbers(
  values: Float64Array,
  starts: Uint32Array,
  stretches: number,
  rows: number,
): Float64Array {
  reserve(rows);
  const { spread } = scratch;
  let row = 0;
  for (let n = 0; n < stretches; n++) {
    const value = values[n] as number;
    for (const end = endOf(starts, stretches, rows, n); row < end; row++) spread[row] = value;
  }
  return spread;
}

/** Numbers that count on within each stretch. */
export function spreadCounts(
  firsts: Float64Array,
  starts: Uint32Array,
  stretches: number,
  rows: number,
): Float64Array {
  reserve(rows);
  const { spread } = scratch;
  let row = 0;
  for (let n = 0; n < stretches; n++) {
    let value = firsts[n] as number;
    for (const end = endOf(starts, stretches, rows, n); row < end; row++) spread[row] = value++;
  }
  return spread;
}

/** The same of numbers that all fit into a byte. */
export function spreadByteCounts(
  firsts: Float64Array,
  starts: Uint32Array,
  stretches: number,
  rows: number,
): Uint8Array {
  reserve(rows);
  const { spreadBytes: spread } = scratch;
  let row = 0;
  for (let n = 0; n < stretches; n++) {
    let value = firsts[n] as number;
    for (const end = endOf(starts, stretches, rows, n); row < end; row++) spread[row] = value++;
  }
  return spread;
}

export function spreadBytes(
  values: Uint8Array,
  starts: Uint32Array,
  stretches: number,
  rows: number,
): Uint8Array {
  reserve(rows);
  const { spreadBytes: spread } = scratch;
  let row = 0;
  for (let n = 0; n < stretches; n++) {
    const value = values[n] as number;
    for (const end = endOf(starts, stretches, rows, n); row < end; row++) spread[row] = value;
  }
  return spread;
}

/** The row behind the stretch. */
export function endOf(starts: Uint32Array, stretches: number, rows: number, n: number): number {
  return n + 1 < stretches ? (starts[n + 1] as number) : rows;
}
