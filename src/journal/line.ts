import { isUtf8 } from 'node:buffer';
import { FRAME_MARKS, type FrameKind, viewOf } from '../record/index.ts';
import { HEAD_BYTES_MAX, LineHead, TimeDigits } from './line-head.ts';

/*
 * A line: `<receive time µs> <link> <ordinal> <mark>[*] <payload>\n`. With `*` the payload is base64: it is not
 * UTF-8, or it holds a line break (LF or CR). Hence a text of lines is UTF-8 and holds as many LF as frames.
 */

const LF = 10;
const CR = 13;
const SPACE = 32;
const STAR = 42;
/** A head, the star and the line feed. */
const AROUND_PAYLOAD = HEAD_BYTES_MAX + 2;
const EMPTY = Buffer.alloc(0);

const MARK_OF = Object.fromEntries(
  Object.entries(FRAME_MARKS).map(([kind, mark]) => [kind, mark.charCodeAt(0)]),
) as Record<FrameKind, number>;
const RECEIVED = MARK_OF.received;

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
 * Where a payload stands in memory that has room for its head before it and for one byte behind it, the line is made
 * there, and lines that stand side by side are copied together (`appendInPlace`): for short ones a call costs more than the
 * bytes do.
 *
 * Whether a payload can stand as it is, is asked of many lines at once, when their text is wanted: three native passes
 * over all of it cost a fraction of a look at each byte here. Until then a space stands where each line feed will, so
 * that every LF in the bytes is one of a payload. Since heads are ASCII, the whole is UTF-8 where each payload is.
 */
export class LineBuffer {
  /** Bytes written since the last clear; a payload that turns out to need base64 adds to them when the text is asked for. */
  length = 0;
  #bytes: Buffer;
  #view: DataView;
  readonly #capacity: number;
  /** The last lines stand elsewhere: in `#run[#runStart..#runEnd)`. */
  #run: Buffer = EMPTY;
  #runView: DataView = viewOf(EMPTY);
  #runStart = 0;
  #runEnd = 0;
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
  readonly #links = new Map<number, LineHead>();
  #link = new LineHead(Number.NaN);
  readonly #time = new TimeDigits();

  constructor(capacity = 64 * 1024) {
    this.#capacity = capacity;
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = viewOf(this.#bytes);
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
    this.release();
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
    if (time !== this.#time.value) this.#setTime(time);
    const head = this.#head(link, ordinal, kind);
    this.release();
    this.#reserve(AROUND_PAYLOAD + end - start);
    head.put(this.#view, this.length);
    const at = this.length + head.length;
    const copied = payload.copy(this.#bytes, at, start, end);
    this.#bytes[at + copied] = SPACE;
    this.#count(at, at + copied);
  }

  /**
   * The same of a payload that stands with `room` bytes before it and one behind it, which may be written to. Where the
   * head takes just this room, nothing is copied until `release`: until then the memory must stay as it is.
   */
  appendInPlace(
    time: number,
    link: number,
    ordinal: number,
    kind: FrameKind,
    memory: Buffer,
    start: number,
    end: number,
    room: number,
  ): void {
    if (time !== this.#time.value) this.#setTime(time);
    const head = this.#head(link, ordinal, kind);
    if (head.length !== room) {
      this.append(time, link, ordinal, kind, memory, start, end);
      return;
    }
    if (memory !== this.#run || start - room !== this.#runEnd) this.#beginRun(memory, start - room);
    head.put(this.#runView, start - room);
    memory[end] = SPACE;
    const at = this.length + room;
    this.#count(at, at + end - start);
    this.#runEnd = end + 1;
  }

  #beginRun(memory: Buffer, start: number): void {
    this.release();
    if (memory !== this.#run) {
      this.#run = memory;
      this.#runView = viewOf(memory);
    }
    this.#runStart = start;
    this.#runEnd = start;
  }

  /**
   * Copies what was appended in place: its memory may be used for something else from now on.
   * @throws Error where it already was.
   */
  release(): void {
    const size = this.#runEnd - this.#runStart;
    if (size === 0) return;
    const held = this.length - size;
    this.#grow(held, this.length);
    if (this.#run.copy(this.#bytes, held, this.#runStart, this.#runEnd) !== size)
      throw new Error('the memory of lines was given away before they were copied');
    this.#runStart = this.#runEnd;
  }

  /** The head of a line of the present time. */
  #head(link: number, ordinal: number, kind: FrameKind): LineHead {
    if (!isCount(ordinal)) throw new RangeError(`a frame has the ordinal ${ordinal}`);
    if (link !== this.#link.link) this.#setLink(link);
    // Looking a mark up by name is a call, and nearly all are received.
    this.#link.set(this.#time, ordinal, kind === 'received' ? RECEIVED : MARK_OF[kind]);
    return this.#link;
  }

  #setTime(time: number): void {
    if (!isCount(time)) throw new RangeError(`a frame has the time ${time}`);
    this.#time.set(time);
  }

  /** Counts a line of the present time and link, whose payload is to end at `end`. */
  #count(start: number, end: number): void {
    const time = this.#time.value;
    if (this.#frames === 0) {
      this.#firstTime = time;
      this.#lastTime = time;
    } else if (time > this.#lastTime) this.#lastTime = time;
    else if (time < this.#firstTime) this.#firstTime = time;
    this.#frames++;
    this.#link.frames++;
    this.length = end + 1;
    this.#note(start, end);
  }

  #setLink(link: number): void {
    if (!isCount(link)) throw new RangeError(`a frame has the link ${link}`);
    let lines = this.#links.get(link);
    if (lines === undefined) {
      lines = new LineHead(link);
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
    if (!this.#isKept(this.#bytes)) this.#use(Buffer.allocUnsafeSlow(this.#capacity));
  }

  /** Forgets all lines and goes on in other memory: the text stays valid until what is returned is taken back. */
  leave(): Buffer {
    const left = this.#bytes;
    this.#forget();
    this.#use(this.#spares.pop() ?? Buffer.allocUnsafeSlow(this.#capacity));
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
    this.#link = new LineHead(Number.NaN);
    this.#links.clear();
    this.#runStart = this.#runEnd;
  }

  #reserve(more: number): void {
    this.#grow(this.length, this.length + more);
  }

  /** Makes room for `needed` bytes in all, of which `held` are there. */
  #grow(held: number, needed: number): void {
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, held);
    this.#use(grown);
  }

  #use(memory: Buffer): void {
    this.#bytes = memory;
    this.#view = viewOf(memory);
  }
}

/** True where bytes can stand in a line as they are: UTF-8 without LF and CR. */
function isPlain(bytes: Buffer): boolean {
  return bytes.indexOf(LF) < 0 && bytes.indexOf(CR) < 0 && isUtf8(bytes);
}

function isCount(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}
