import { isUtf8 } from 'node:buffer';
import { FRAME_MARKS, Frame, type FrameKind } from '../record/index.ts';

/*
 * A line: `<receive time µs> <link> <ordinal> <mark>[*] <payload>\n`. With `*` the payload is base64: it is not
 * UTF-8, or it holds a line break (LF or CR). Hence a text of lines is UTF-8 and holds as many LF as frames.
 */

const LF = 10;
const CR = 13;
const SPACE = 32;
const STAR = 42;
const ZERO = 48;
const NINE = 57;
/** Three numbers of at most 16 digits, their spaces, mark, star, space, line feed. */
const AROUND_PAYLOAD = 56;
/** Below this a number is divided as a 32-bit integer. */
const SMALL = 2 ** 30;

const MARK_OF = Object.fromEntries(
  Object.entries(FRAME_MARKS).map(([kind, mark]) => [kind, mark.charCodeAt(0)]),
) as Record<FrameKind, number>;
const KIND_OF: (FrameKind | undefined)[] = [];
for (const kind of Object.keys(FRAME_MARKS) as FrameKind[]) KIND_OF[MARK_OF[kind]] = kind;

/** What a LineBuffer holds between two clears, but for the text. */
export interface LineCounts {
  readonly frames: number;
  /** Least and greatest receive time, µs. */
  readonly firstTime: number;
  readonly lastTime: number;
  /** Frames by link. */
  readonly byLink: Map<number, number>;
}

/**
 * Lines, written one behind the other into a buffer that grows and is used again.
 *
 * Whether a payload can stand as it is, is asked of many lines at once, when their text is wanted: three native passes
 * over all of it cost a fraction of a look at each byte here. Until then a space stands where each line feed will, so
 * that every LF in the bytes is one of a payload. Since heads are ASCII, the whole is UTF-8 where each payload is.
 */
export class LineBuffer {
  /** Bytes written since the last clear; a payload that turns out to need base64 adds to them when the text is asked for. */
  length = 0;
  #bytes: Buffer;
  readonly #capacity: number;
  /** Memory that came back. */
  readonly #spares: Buffer[] = [];
  /** Up to here the text is as it will be. */
  #settled = 0;
  /** Of the lines behind that: where the payload starts, and where it ends, in turn. */
  #payloads = new Uint32Array(512);
  #unsettled = 0;
  #frames = 0;
  #firstTime = 0;
  #lastTime = 0;
  readonly #links = new Map<number, LinkLines>();
  #link = new LinkLines(-1);
  /** The digits of the receive time of the line before, which the next one often has too. */
  readonly #timeDigits = Buffer.alloc(16);
  #timeLength = 0;
  #time = -1;
  #second = -1;

  constructor(capacity = 64 * 1024) {
    this.#capacity = capacity;
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  get frames(): number {
    return this.#frames;
  }

  /** Memory held, bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** The text so far; valid until the next append or clear (see `leave`). */
  text(): Buffer {
    this.#settle();
    return this.#bytes.subarray(0, this.length);
  }

  /** Copies a frame, whose payload is `bytes[start..end)`. Its three numbers must be whole and not negative. */
  append(
    time: number,
    link: number,
    ordinal: number,
    kind: FrameKind,
    payload: Buffer,
    start: number,
    end: number,
  ): void {
    if (!isCount(time) || !isCount(link) || !isCount(ordinal))
      throw new RangeError(`a frame has the numbers ${time}, ${link}, ${ordinal}`);
    this.#reserve(AROUND_PAYLOAD + end - start);
    const bytes = this.#bytes;
    if (time !== this.#time) this.#setTime(time);
    if (link !== this.#link.link) this.#setLink(link);
    const lines = this.#link;
    lines.count(ordinal);
    const timeDigits = this.#timeDigits;
    const timeLength = this.#timeLength;
    let at = this.length;
    for (let i = 0; i < timeLength; i++) bytes[at + i] = timeDigits[i] as number;
    at += timeLength;
    const { digits, length } = lines;
    for (let i = 0; i < length; i++) bytes[at + i] = digits[i] as number;
    at += length;
    bytes[at++] = SPACE;
    bytes[at++] = MARK_OF[kind];
    bytes[at++] = SPACE;
    const copied = payload.copy(bytes, at, start, end);
    this.#note(at, at + copied);
    bytes[at + copied] = SPACE;
    this.length = at + copied + 1;
    this.#frames++;
  }

  #setTime(time: number): void {
    if (this.#frames === 0) {
      this.#firstTime = time;
      this.#lastTime = time;
    } else if (time > this.#lastTime) this.#lastTime = time;
    else if (time < this.#firstTime) this.#firstTime = time;
    this.#time = time;
    this.#putTime(time);
  }

  #setLink(link: number): void {
    let lines = this.#links.get(link);
    if (lines === undefined) {
      lines = new LinkLines(link);
      this.#links.set(link, lines);
    }
    this.#link = lines;
  }

  #note(start: number, end: number): void {
    const at = this.#unsettled * 2;
    if (at === this.#payloads.length) {
      const grown = new Uint32Array(at * 2);
      grown.set(this.#payloads);
      this.#payloads = grown;
    }
    this.#payloads[at] = start;
    this.#payloads[at + 1] = end;
    this.#unsettled++;
  }

  /** Puts the line feeds in, and what cannot stand as it is into base64. */
  #settle(): void {
    if (this.#unsettled === 0) return;
    const fresh = this.#bytes.subarray(this.#settled, this.length);
    if (isPlain(fresh)) {
      for (let i = 0; i < this.#unsettled; i++) this.#bytes[this.#payloads[i * 2 + 1] as number] = LF;
    } else this.#rewrite(Buffer.from(fresh), this.#settled);
    this.#settled = this.length;
    this.#unsettled = 0;
  }

  /** Writes the lines again from a copy of them, whose first byte stands at `offset`. */
  #rewrite(lines: Buffer, offset: number): void {
    this.length = offset;
    let lineStart = 0;
    for (let i = 0; i < this.#unsettled; i++) {
      const start = (this.#payloads[i * 2] as number) - offset;
      const end = (this.#payloads[i * 2 + 1] as number) - offset;
      const payload = lines.subarray(start, end);
      const plain = isPlain(payload);
      this.#reserve(AROUND_PAYLOAD + (plain ? payload.length : Math.ceil(payload.length / 3) * 4));
      const bytes = this.#bytes;
      // The head up to the mark; the space behind it comes after the star.
      let at = this.length + lines.copy(bytes, this.length, lineStart, start - 1);
      if (!plain) bytes[at++] = STAR;
      bytes[at++] = SPACE;
      at += plain ? lines.copy(bytes, at, start, end) : bytes.write(payload.toString('base64'), at, 'latin1');
      bytes[at++] = LF;
      this.length = at;
      lineStart = end + 1;
    }
  }

  /** The counts of what is held; the map is the caller's to keep. */
  counts(): LineCounts {
    return {
      frames: this.#frames,
      firstTime: this.#firstTime,
      lastTime: this.#lastTime,
      byLink: new Map(Array.from(this.#links.values(), ({ link, frames }) => [link, frames])),
    };
  }

  /** Forgets all lines. Memory that a long line made it take is given back. */
  clear(): void {
    this.#forget();
    if (!this.#isKept(this.#bytes)) this.#bytes = Buffer.allocUnsafeSlow(this.#capacity);
  }

  /** Forgets all lines and goes on in other memory: the text stays valid until what is returned is taken back. */
  leave(): Buffer {
    const left = this.#bytes;
    this.#forget();
    this.#bytes = this.#spares.pop() ?? Buffer.allocUnsafeSlow(this.#capacity);
    return left;
  }

  /** Takes memory that was left, to write into it again. */
  takeBack(memory: Buffer): void {
    if (this.#isKept(memory)) this.#spares.push(memory);
  }

  #isKept(memory: Buffer): boolean {
    return memory.length <= this.#capacity * 4;
  }

  #forget(): void {
    this.length = 0;
    this.#settled = 0;
    this.#unsettled = 0;
    this.#frames = 0;
    this.#firstTime = 0;
    this.#lastTime = 0;
    this.#time = -1;
    this.#link = new LinkLines(-1);
    this.#links.clear();
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }

  /** The digits of the second are the same for thousands of lines and stay where they are. */
  #putTime(time: number): void {
    const digits = this.#timeDigits;
    if (time < 1e6) {
      this.#timeLength = putNumber(digits, time, 0);
      this.#second = -1;
      return;
    }
    const second = Math.floor(time / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.#timeLength = digits.write(String(second), 'latin1') + 6;
    }
    let rest = time - second * 1e6;
    for (let i = this.#timeLength - 1; i >= this.#timeLength - 6; i--) {
      const tenth = (rest / 10) | 0;
      digits[i] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
  }
}

/** One link's lines in a buffer: how many, and ` <link> <ordinal>` as it stands in the last of them. */
class LinkLines {
  readonly link: number;
  frames = 0;
  /** The first `length` bytes of `digits` are the ones. */
  length: number;
  readonly digits = Buffer.alloc(36);
  readonly #start: number;
  #ordinal = -1;

  constructor(link: number) {
    this.link = link;
    this.digits[0] = SPACE;
    this.#start = putNumber(this.digits, Math.max(0, link), 1) + 1;
    this.digits[this.#start - 1] = SPACE;
    this.length = this.#start;
  }

  /** Ordinals rise by one, so that mostly one digit changes. */
  count(ordinal: number): void {
    this.frames++;
    const digits = this.digits;
    let at = this.length - 1;
    if (ordinal === this.#ordinal + 1) {
      while (at >= this.#start && digits[at] === NINE) digits[at--] = ZERO;
      if (at >= this.#start) digits[at] = (digits[at] as number) + 1;
    } else at = -1;
    // The first one, a jump, or one digit more than before.
    if (at < this.#start) this.length = putNumber(digits, ordinal, this.#start);
    this.#ordinal = ordinal;
  }
}

/** True where bytes can stand in a line as they are: UTF-8 without LF and CR. */
function isPlain(bytes: Buffer): boolean {
  return bytes.indexOf(LF) < 0 && bytes.indexOf(CR) < 0 && isUtf8(bytes);
}

function isCount(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}

function putNumber(bytes: Buffer, value: number, at: number): number {
  if (value >= SMALL) return at + bytes.write(String(value), at, 'latin1');
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + digits;
}

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
