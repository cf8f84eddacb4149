import { toMicroseconds } from '../../record/index.ts';
import type { NumberSlot, Reading } from '../../shape/index.ts';

/** Flags of `conf` (protocols/bitfinex.md 4). */
export const TIMESTAMP = 32_768;
export const SEQ_ALL = 65_536;
export const OB_CHECKSUM = 131_072;
export const BULK_UPDATES = 536_870_912;

/** What a recorder wants on every connection. */
export const WANTED_FLAGS = TIMESTAMP | SEQ_ALL | OB_CHECKSUM;

/** Above this a number is a time in ms and no sequence: 1e11 ms was 1973, and no connection sends that many messages. */
const SEQUENCE_MAX = 1e11;

/** Where a shape has the two places of its tail. */
export interface TailSlots {
  readonly first: NumberSlot;
  readonly second: NumberSlot;
}

/**
 * The end of the array read last, behind its payload: sequence, then time, each only where the confirmed flags say so.
 * That the time stands on `te`, `hb` and `cs` too is inferred (protocols/bitfinex.md 4 [U]); a tail that lacks one of
 * the two is therefore read by size: a number as large as a time is no sequence.
 */
export class Tail {
  /** The connection's running number; NaN where there is none. */
  sequence = Number.NaN;
  /** When the server sent it, µs; NaN where it does not say. */
  timestamp = Number.NaN;

  /** Takes the tail of what a shape's reader has just read. */
  take(reading: Reading, slots: TailSlots, flags: number): void {
    const first = reading.number(slots.first);
    const isNumbered = has(flags, SEQ_ALL) && isSequence(first);
    this.sequence = isNumbered ? first : Number.NaN;
    if (!has(flags, TIMESTAMP)) this.timestamp = Number.NaN;
    else this.timestamp = isNumbered ? reading.number(slots.second) : toMicroseconds(first);
  }

  /** Takes the tail of a parsed array from index `from`, whatever stands there. */
  takeParsed(message: readonly unknown[], from: number, flags: number): void {
    let at = from;
    this.sequence = Number.NaN;
    if (has(flags, SEQ_ALL) && isSequence(message[at])) this.sequence = Number(message[at++]);
    this.timestamp = has(flags, TIMESTAMP) ? toMicroseconds(message[at]) : Number.NaN;
  }
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
