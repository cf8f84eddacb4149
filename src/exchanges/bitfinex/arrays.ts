import type { Frame } from '../../record/index.ts';
import { startsWith } from '../../shape/index.ts';

/**
 * What an array is, by what stands behind its channel id (protocols/bitfinex.md 4): a named thing, one payload or a
 * list of them. What `one` and `list` mean depends on the channel. `unknown`: a type that nobody has described.
 */
export type Variant =
  | 'heartbeat'
  | 'checksum'
  | 'trade'
  | 'fundingTrade'
  | 'list'
  | 'one'
  | 'other'
  | 'unknown';

const TYPES: Readonly<Record<string, Variant>> = {
  hb: 'heartbeat',
  cs: 'checksum',
  te: 'trade',
  tu: 'trade',
  fte: 'fundingTrade',
  ftu: 'fundingTrade',
};

/** The types as they stand in an array, the most frequent first. */
const QUOTED = ['te', 'tu', 'hb', 'cs', 'fte', 'ftu'].map((type) => ({
  bytes: Buffer.from(JSON.stringify(type)),
  variant: TYPES[type] as Variant,
}));

/** White space is at most this. */
const SPACE = ' '.charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
const OPENING_BRACKET = '['.charCodeAt(0);
const CLOSING_BRACKET = ']'.charCodeAt(0);
/** Digits of which every number is exact. */
const DIGITS_MAX = 15;

/** The beginning of an array in compact form, found by its bytes: `[CHAN_ID,` and the first look at what follows. */
export class ArrayHead {
  id = 0;
  variant: Variant = 'unknown';

  /**
   * False of what does not begin like that: it may be an array still, with white space, an odd id, or a type that
   * nobody has described, so that its end must be looked for its tail.
   */
  find({ bytes, start, end }: Frame): boolean {
    if (end - start < 2 || bytes[start] !== OPENING_BRACKET) return false;
    let at = start + 1;
    let id = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      id = id * 10 + digit;
    }
    const length = at - start - 1;
    if (length === 0 || length > DIGITS_MAX || at + 1 >= end || bytes[at] !== COMMA) return false;
    this.id = id;
    this.variant = variantAt(bytes, at + 1, end);
    return this.variant !== 'unknown';
  }
}

/** White space hides what it is: unknown. */
function variantAt(bytes: Buffer, at: number, end: number): Variant {
  const first = bytes[at] as number;
  if (first === OPENING_BRACKET) {
    const next = at + 1 < end ? (bytes[at + 1] as number) : SPACE;
    if (next <= SPACE) return 'unknown';
    return next === OPENING_BRACKET || next === CLOSING_BRACKET ? 'list' : 'one';
  }
  if (first !== QUOTE) return first <= SPACE ? 'unknown' : 'other';
  for (const { bytes: type, variant } of QUOTED) if (startsWith(bytes, at, end, type)) return variant;
  return 'unknown';
}

/** The same of an array that was parsed, by its second element. */
export function variantOf(second: unknown): Variant {
  if (typeof second === 'string')
    return Object.hasOwn(TYPES, second) ? (TYPES[second] as Variant) : 'unknown';
  if (!Array.isArray(second)) return 'other';
  return second.length === 0 || Array.isArray(second[0]) ? 'list' : 'one';
}
