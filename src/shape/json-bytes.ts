/*
 * The grammar of JSON (RFC 8259) over bytes, for what is passed over: the position behind the thing, or -1 where it is
 * none. What these accept, JSON.parse accepts: they may be stricter (depth), never more lenient.
 */

export const QUOTE = 34;
export const COMMA = 44;
export const MINUS = 45;
export const POINT = 46;
export const ZERO = 48;
export const COLON = 58;
export const OPEN_BRACKET = 91;
export const BACKSLASH = 92;
export const CLOSE_BRACKET = 93;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;
const SPACE = 32;
const PLUS = 43;

/** Values nested deeper than this are left to JSON.parse. */
const DEPTH_MAX = 64;

/** The first position from `at` on that holds no white space. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte !== SPACE && byte !== 10 && byte !== 13 && byte !== 9) break;
    at++;
  }
  return at;
}

/** Passes over a string whose opening quote is at `at`. Bytes above 127 are taken as they are: text decodes anything. */
export function skipString(bytes: Uint8Array, at: number, end: number): number {
  at++;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at + 1;
    if (byte < SPACE) return -1;
    if (byte !== BACKSLASH) {
      at++;
      continue;
    }
    const length = escapeLength(bytes, at, end);
    if (length === 0) return -1;
    at += length;
  }
  return -1;
}

/** Length of the escape at `at`; 0 where it is none. */
function escapeLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return 0;
  switch (bytes[at + 1]) {
    case 117: // u
      for (let i = at + 2; i < at + 6; i++) if (i >= end || !isHex(bytes[i] as number)) return 0;
      return 6;
    case QUOTE:
    case BACKSLASH:
    case 47: // /
    case 98: // b
    case 102: // f
    case 110: // n
    case 114: // r
    case 116: // t
      return 2;
    default:
      return 0;
  }
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102);
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 57;
}

/** Passes over a number. */
export function skipNumber(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === MINUS) at++;
  if (at >= end || !isDigit(bytes[at])) return -1;
  if (bytes[at] === ZERO) at++;
  else at = skipDigits(bytes, at, end);
  if (at < end && bytes[at] === POINT) {
    const behind = skipDigits(bytes, at + 1, end);
    if (behind === at + 1) return -1;
    at = behind;
  }
  if (at < end && ((bytes[at] as number) | 32) === 101) {
    let digits = at + 1;
    if (digits < end && (bytes[digits] === PLUS || bytes[digits] === MINUS)) digits++;
    const behind = skipDigits(bytes, digits, end);
    if (behind === digits) return -1;
    at = behind;
  }
  return at;
}

function skipDigits(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && isDigit(bytes[at])) at++;
  return at;
}

const LITERALS = ['true', 'false', 'null'].map((text) => Buffer.from(text));

/** Passes over any value that begins at `at`. */
export function skipValue(bytes: Uint8Array, at: number, end: number, depth = 0): number {
  if (at >= end) return -1;
  switch (bytes[at]) {
    case QUOTE:
      return skipString(bytes, at, end);
    case OPEN_BRACE:
      return skipMembers(bytes, at, end, depth, CLOSE_BRACE);
    case OPEN_BRACKET:
      return skipMembers(bytes, at, end, depth, CLOSE_BRACKET);
    case MINUS:
      return skipNumber(bytes, at, end);
    default:
      if (isDigit(bytes[at])) return skipNumber(bytes, at, end);
      for (const literal of LITERALS) if (startsWith(bytes, at, end, literal)) return at + literal.length;
      return -1;
  }
}

/** Passes over an object or an array whose opening is at `at`. */
function skipMembers(bytes: Uint8Array, at: number, end: number, depth: number, close: number): number {
  if (depth >= DEPTH_MAX) return -1;
  at = skipSpace(bytes, at + 1, end);
  if (at < end && bytes[at] === close) return at + 1;
  while (at < end) {
    if (close === CLOSE_BRACE) {
      at = skipKey(bytes, at, end);
      if (at < 0) return -1;
    }
    at = skipValue(bytes, skipSpace(bytes, at, end), end, depth + 1);
    if (at < 0) return -1;
    at = skipSpace(bytes, at, end);
    if (at >= end) return -1;
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1, end);
  }
  return -1;
}

/** Passes over a key and its colon. */
function skipKey(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== QUOTE) return -1;
  at = skipString(bytes, at, end);
  if (at < 0) return -1;
  at = skipSpace(bytes, at, end);
  return at < end && bytes[at] === COLON ? at + 1 : -1;
}

export function startsWith(bytes: Uint8Array, at: number, end: number, expected: Uint8Array): boolean {
  const { length } = expected;
  if (at + length > end) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}
