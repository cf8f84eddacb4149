import { toMicroseconds } from '../record/index.ts';
import { BACKSLASH, isDigit, MINUS, POINT, QUOTE, skipNumber, startsWith, ZERO } from './json-bytes.ts';
import type { Cells } from './reading.ts';

/*
 * One function a kind of field: reads the value that begins at `at` into a cell and returns the position behind it, or
 * -1 where it declines. None looks at a byte from `end` on. What they accept, the reference reader accepts, with the
 * same number and the same text. The loops over digits stand in each that needs one: as a function they share, integers
 * and times took about two fifths longer.
 */

const SPACE = 32;
const LAST_ASCII = 126;
/** Digits of which every number is below 2^53, and those of which every number is an integer of 32 bits. */
const EXACT_DIGITS = 15;
const INT_DIGITS = 9;
/** Powers of ten that a double holds exactly. */
export const POWERS = Float64Array.from({ length: 23 }, (_, n) => Number(`1e${n}`));
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** Passes over a string at `at` that is ASCII without escapes; -1 where it is not. */
export function plainStringEnd(bytes: Buffer, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) return i + 1;
    if (byte < SPACE || byte > LAST_ASCII || byte === BACKSLASH) return -1;
  }
  return -1;
}

/** A text without escapes, all of it ASCII. */
export function readText(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  if (at >= end || bytes[at] !== QUOTE) return -1;
  const behind = plainStringEnd(bytes, at, end);
  if (behind >= 0) keep(cells, cell, Number.NaN, at + 1, behind - 1);
  return behind;
}

/** A text that is not empty, or a whole number from 0. */
export function readId(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  if (at >= end || bytes[at] === MINUS) return -1;
  if (bytes[at] !== QUOTE) return readInteger(bytes, at, end, cells, cell);
  const behind = readText(bytes, at, end, cells, cell);
  return behind === at + 2 ? -1 : behind;
}

/** Whole numbers of at most 15 digits, as JSON.stringify writes them. */
export function readInteger(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const first = at < end && bytes[at] === MINUS ? at + 1 : at;
  let high = 0;
  let low = 0;
  let i = first;
  for (; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    if (i - first < INT_DIGITS) high = high * 10 + digit;
    else low = low * 10 + digit;
  }
  const length = i - first;
  if (length === 0 || length > EXACT_DIGITS || (bytes[first] === ZERO && i - at > 1)) return -1;
  if (i >= end || continuesNumber(bytes[i] as number)) return -1;
  const value = length > INT_DIGITS ? high * (POWERS[length - INT_DIGITS] as number) + low : high;
  keep(cells, cell, first > at ? -value : value, at, i);
  return i;
}

/** Digits, in quotes or not. */
export function readTime(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const first = at < end && bytes[at] === QUOTE ? at + 1 : at;
  let high = 0;
  let low = 0;
  let i = first;
  for (; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    if (i - first < INT_DIGITS) high = high * 10 + digit;
    else low = low * 10 + digit;
  }
  const length = i - first;
  if (length <= INT_DIGITS || length > 16 || bytes[first] === ZERO || i >= end) return -1;
  if (first > at ? bytes[i] !== QUOTE : continuesNumber(bytes[i] as number)) return -1;
  keep(cells, cell, toMicroseconds(high * (POWERS[length - INT_DIGITS] as number) + low), first, i);
  return first > at ? i + 1 : i;
}

export function readFlag(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const isTrue = startsWith(bytes, at, end, TRUE);
  if (!isTrue && !startsWith(bytes, at, end, FALSE)) return -1;
  const behind = at + (isTrue ? TRUE.length : FALSE.length);
  keep(cells, cell, isTrue ? 1 : 0, at, behind);
  return behind;
}

/** Decimal text. */
export function readDecimal(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  return at < end && bytes[at] === QUOTE ? readNumber(bytes, at, end, cells, cell) : -1;
}

/**
 * Decimal text, or a JSON number in the form that JSON.stringify gives it. Up to 15 digits the whole number and the
 * power of ten are exact, so that one division rounds correctly.
 */
export function readNumber(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const isQuoted = at < end && bytes[at] === QUOTE;
  const start = isQuoted ? at + 1 : at;
  const first = start < end && bytes[start] === MINUS ? start + 1 : start;
  let high = 0;
  let low = 0;
  let digits = 0;
  let point = -1;
  let i = first;
  for (; i < end; i++) {
    const byte = bytes[i] as number;
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (digits < INT_DIGITS) high = high * 10 + digit;
      else low = low * 10 + digit;
      if (high > 0) digits++;
      if (digits > EXACT_DIGITS)
        return isQuoted
          ? readOddDecimal(bytes, at, end, cells, cell)
          : readOddNumber(bytes, at, end, cells, cell);
    } else if (byte === POINT && point < 0) point = i;
    else break;
  }
  if (i >= end) return -1;
  const places = point < 0 ? 0 : i - point - 1;
  const isPlain = i > first && point !== first && (point < 0 || places > 0) && places < POWERS.length;
  if (isQuoted) {
    if (!isPlain || bytes[i] !== QUOTE) return readOddDecimal(bytes, at, end, cells, cell);
  } else if (!isPlain || !isCanonical(bytes, start, first, point, i))
    return readOddNumber(bytes, at, end, cells, cell);
  const whole = digits > INT_DIGITS ? high * (POWERS[digits - INT_DIGITS] as number) + low : high;
  const value = places > 0 ? whole / (POWERS[places] as number) : whole;
  keep(cells, cell, first > start ? -value : value, start, i);
  return isQuoted ? i + 1 : i;
}

/** What a blankable decimal may be instead of one: an empty text, or null; -1 where neither stands at `at`. */
export function readBlank(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const isEmpty = at + 1 < end && bytes[at] === QUOTE && bytes[at + 1] === QUOTE;
  if (!isEmpty && !startsWith(bytes, at, end, NULL)) return -1;
  keep(cells, cell, Number.NaN, at, at);
  return at + (isEmpty ? 2 : NULL.length);
}

/** Texts beyond the fast path: the platform's own conversion. */
function readOddDecimal(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const behind = plainStringEnd(bytes, at, end);
  if (behind < 0) return -1;
  const value = cells.decimals.readOrNull(bytes.toString('latin1', at + 1, behind - 1));
  if (value === null) return -1;
  keep(cells, cell, value, at + 1, behind - 1);
  return behind;
}

/**
 * JSON numbers beyond the fast path (16 digits and more, exponents): the platform's own conversion, where the number
 * prints back as it stands.
 */
function readOddNumber(bytes: Buffer, at: number, end: number, cells: Cells, cell: number): number {
  const behind = skipNumber(bytes, at, end);
  if (behind < 0) return -1;
  const text = bytes.toString('latin1', at, behind);
  const value = Number(text);
  if (String(value) !== text) return -1;
  keep(cells, cell, value, at, behind);
  return behind;
}

function keep(cells: Cells, cell: number, value: number, start: number, end: number): void {
  cells.numbers[cell] = value;
  cells.starts[cell] = start;
  cells.ends[cell] = end;
}

/** A byte that would make a longer number of the digits before it. */
function continuesNumber(byte: number): boolean {
  return byte === POINT || (byte | 32) === 101 || isDigit(byte);
}

/**
 * Whether a JSON number is spelled as a double prints: no useless zeros, no exponent, not so small that it would print
 * with one. Its text is then what the reference reader has.
 */
function isCanonical(bytes: Buffer, start: number, first: number, point: number, end: number): boolean {
  if (continuesNumber(bytes[end] as number)) return false;
  const whole = (point < 0 ? end : point) - first;
  if (bytes[first] === ZERO && whole > 1) return false;
  if (point < 0) return bytes[first] !== ZERO || first === start;
  if (bytes[end - 1] === ZERO) return false;
  if (bytes[first] !== ZERO) return true;
  for (let i = point + 1; i < end && i <= point + 6; i++) if (bytes[i] !== ZERO) return true;
  return false;
}
