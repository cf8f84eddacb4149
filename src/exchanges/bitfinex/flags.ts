import { toMicroseconds } from '../../record/index.ts';

/** Flags of `conf` (protocols/bitfinex.md 4). */
export const TIMESTAMP = 32_768;
export const SEQ_ALL = 65_536;
export const OB_CHECKSUM = 131_072;
export const BULK_UPDATES = 536_870_912;

/** What a recorder wants on every connection. */
export const WANTED_FLAGS = TIMESTAMP | SEQ_ALL | OB_CHECKSUM;

/** Above this a number is a time in ms and no sequence: 1e11 ms was 1973, and no connection sends that many messages. */
const SEQUENCE_MAX = 1e11;

/** The end of an array, behind its payload. */
export interface Tail {
  /** The connection's running number; NaN where there is none. */
  readonly sequence: number;
  /** When the server sent it, µs; NaN where it does not say. */
  readonly timestamp: number;
}

/**
 * Reads an array's tail from index `from`: sequence, then time, each only where the confirmed flags say so. That the
 * time stands on `te`, `hb` and `cs` too is inferred (protocols/bitfinex.md 4 [U]); a tail that lacks one of the two
 * is therefore read by size: a number as large as a time is no sequence.
 */
export function readTail(message: readonly unknown[], from: number, flags: number): Tail {
  let at = from;
  let sequence = Number.NaN;
  if (has(flags, SEQ_ALL) && isSequence(message[at])) sequence = Number(message[at++]);
  const timestamp = has(flags, TIMESTAMP) ? toMicroseconds(message[at]) : Number.NaN;
  return { sequence, timestamp };
}

export function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

/** How many elements the tail of an array has under these flags. */
export function tailLength(flags: number): number {
  return Number(has(flags, SEQ_ALL)) + Number(has(flags, TIMESTAMP));
}

function isSequence(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < SEQUENCE_MAX;
}

/**
 * The running number of a connection (protocols/bitfinex.md 10): the first array has 1, each further array one more,
 * whatever its channel. Arrays without a number are not judged; the next numbered one tells.
 */
export class SequenceRule {
  /** The last number seen; 0 before the first array; NaN where it is unknown where the count stands. */
  last = 0;

  /** Takes the next array's number. Returns the last good number where this one does not follow it, else null. */
  take(sequence: number): number | null {
    const { last } = this;
    if (!Number.isNaN(sequence)) this.last = sequence;
    return Number.isNaN(sequence) || Number.isNaN(last) || sequence === last + 1 ? null : last;
  }

  /** An array came while numbering was off: where the count will begin is not documented. */
  unnumbered(): void {
    this.last = Number.NaN;
  }
}
