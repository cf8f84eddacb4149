import { FRAME_MARKS, Frame, type FrameKind } from '../record/index.ts';

const LF = 10;
const SPACE = 32;
const STAR = 42;
const ZERO = 48;

const KIND_OF: (FrameKind | undefined)[] = [];
for (const [kind, mark] of Object.entries(FRAME_MARKS)) KIND_OF[mark.charCodeAt(0)] = kind as FrameKind;

/**
 * Walks the lines of a text. The frame is one and the same for all calls; a plain payload is not copied.
 * @returns how many lines are no frames; they are left out, the others are read.
 */
export function readLines(text: Buffer, onFrame: (frame: Frame) => void): number {
  const frame = new Frame();
  const cursor = { at: 0, value: 0 };
  let unreadable = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf(LF, start);
    const end = found < 0 ? text.length : found;
    if (found >= 0 && readLine(text, start, end, cursor, frame)) onFrame(frame);
    else unreadable++;
    start = end + 1;
  }
  return unreadable;
}

interface Cursor {
  at: number;
  value: number;
}

function readLine(text: Buffer, start: number, end: number, cursor: Cursor, frame: Frame): boolean {
  cursor.at = start;
  if (!readNumber(text, cursor)) return false;
  const time = cursor.value;
  if (!readNumber(text, cursor)) return false;
  const link = cursor.value;
  if (!readNumber(text, cursor)) return false;
  const ordinal = cursor.value;
  let at = cursor.at;
  const kind = KIND_OF[text[at++] as number];
  if (kind === undefined) return false;
  const isBase64 = text[at] === STAR;
  if (isBase64) at++;
  // An empty payload: the space is still there, so `at` may reach `end` only behind it.
  if (text[at++] !== SPACE || at > end) return false;
  if (!isBase64) {
    frame.set(time, link, ordinal, kind, text, at, end);
    return true;
  }
  const payload = decodeBase64(text, at, end);
  if (payload === null) return false;
  frame.set(time, link, ordinal, kind, payload);
  return true;
}

/** Reads digits and the space behind them. At most 16 digits, so that a line of nothing but digits ends soon. */
function readNumber(text: Buffer, cursor: Cursor): boolean {
  const start = cursor.at;
  let at = start;
  let value = 0;
  for (;;) {
    const digit = (text[at] as number) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
    if (++at - start > 16) return false;
  }
  if (at === start || text[at] !== SPACE || value > Number.MAX_SAFE_INTEGER) return false;
  cursor.at = at + 1;
  cursor.value = value;
  return true;
}

/** Node's decoder passes over what is no base64; the length tells that it did. */
function decodeBase64(text: Buffer, start: number, end: number): Buffer | null {
  const length = end - start;
  if (length % 4 !== 0) return null;
  const encoded = text.toString('latin1', start, end);
  const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
  const decoded = Buffer.from(encoded, 'base64');
  return decoded.length === (length / 4) * 3 - padding ? decoded : null;
}
