import { viewOf } from '../record/index.ts';

const NINE = 57;
const SPACE = 32;
const ZERO = 48;
/** Below this a number is divided as a 32-bit integer. */
const SMALL = 2 ** 30;
/** Three numbers of at most 16 digits, their spaces, mark and space. */
export const HEAD_BYTES_MAX = 53;
/** What a head has besides its three numbers. */
const AROUND_NUMBERS = 5;

/** Bytes of a line before its payload: `<receive time µs> <link> <ordinal> <mark> `. */
export function headBytes(time: number, link: number, ordinal: number): number {
  return digitsOf(time) + digitsOf(link) + digitsOf(ordinal) + AROUND_NUMBERS;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  return digits;
}

/** The digits of a receive time: those of its second stay as they are for thousands of lines. */
export class TimeDigits {
  value = Number.NaN;
  length = 0;
  readonly bytes = Buffer.alloc(16);
  #second = -1;

  set(time: number): void {
    this.value = time;
    const digits = this.bytes;
    if (time < 1e6) {
      this.length = putNumber(digits, time, 0);
      this.#second = -1;
      return;
    }
    const second = Math.floor(time / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.length = digits.write(String(second), 'latin1') + 6;
    }
    let rest = time - second * 1e6;
    for (let i = this.length - 1; i >= this.length - 6; i--) {
      const tenth = (rest / 10) | 0;
      digits[i] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
  }
}

/** One link's lines in a buffer: how many, and the head as it stands in the last of them. */
export class LineHead {
  readonly link: number;
  frames = 0;
  /** Bytes of the head. */
  length = 0;
  readonly #bytes = Buffer.alloc(HEAD_BYTES_MAX + 3);
  readonly #view = viewOf(this.#bytes);
  #time = Number.NaN;
  #timeLength = 0;
  #ordinal = -1;
  /** Where the ordinal's digits begin and end. */
  #start = 0;
  #end = 0;

  constructor(link: number) {
    this.link = link;
  }

  /** Makes it the head of a line of this time and ordinal. Ordinals rise by one, so that mostly one digit changes. */
  set(time: TimeDigits, ordinal: number, mark: number): void {
    if (time.value !== this.#time) this.#setTime(time);
    const bytes = this.#bytes;
    let at = this.#end - 1;
    if (ordinal === this.#ordinal + 1) {
      while (at >= this.#start && bytes[at] === NINE) bytes[at--] = ZERO;
      if (at >= this.#start) bytes[at] = (bytes[at] as number) + 1;
    } else at = -1;
    // The first one, a jump, or one digit more than before.
    if (at < this.#start) this.#end = putNumber(bytes, ordinal, this.#start);
    this.#ordinal = ordinal;
    const end = this.#end;
    bytes[end] = SPACE;
    bytes[end + 1] = mark;
    bytes[end + 2] = SPACE;
    this.length = end + 3;
  }

  #setTime(time: TimeDigits): void {
    this.#time = time.value;
    time.bytes.copy(this.#bytes, 0, 0, time.length);
    if (time.length === this.#timeLength) return;
    this.#timeLength = time.length;
    this.#bytes[time.length] = SPACE;
    this.#start = putNumber(this.#bytes, this.link, time.length + 1) + 1;
    this.#bytes[this.#start - 1] = SPACE;
    // No digits of an ordinal stand there yet.
    this.#end = this.#start;
  }

  /** Writes it at `at`, eight bytes at a time, the last of which may overlap: digits and marks make no NaN. */
  put(to: DataView, at: number): void {
    const { length } = this;
    const from = this.#view;
    for (let i = 0; i + 8 < length; i += 8) to.setFloat64(at + i, from.getFloat64(i, true), true);
    to.setFloat64(at + length - 8, from.getFloat64(length - 8, true), true);
  }
}

function putNumber(bytes: Buffer, value: number, at: number): number {
  if (value >= SMALL) return at + bytes.write(String(value), at, 'latin1');
  const digits = digitsOf(value);
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + digits;
}
