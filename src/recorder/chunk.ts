import { HEAD_BYTES_MAX } from '../journal/index.ts';
import type { WasmFunction } from '../wasm/index.ts';

/**
 * A chunk carries many tape entries from the ear to the recorder in one piece of memory:
 *
 *     | room, payload, 1 byte | room, payload, 1 byte | …   free   … | entry 2 | entry 1 |
 *
 *     entry: time f64 | link u32 | kind u8, room u8, 0 u16 | start u32 | end u32
 *
 * The payload is `[start..end)`. The room before it, and the byte behind it, are for the journal's line, which the
 * recorder makes around the payload, so that many lines are copied at once. Whoever holds a chunk owns it.
 */
export const ENTRY_KINDS = ['text', 'binary', 'sent', 'rest', 'event'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

const ENTRY_BYTES = 24;
const ENTRY_WORDS = ENTRY_BYTES / 4;
const TEXT = 0;
const KIND_CODE = Object.fromEntries(ENTRY_KINDS.map((kind, code) => [kind, code])) as Record<
  EntryKind,
  number
>;

/** Nearly all are texts: looking others up by name is a call. */
function codeOf(kind: EntryKind): number {
  return kind === 'text' ? TEXT : KIND_CODE[kind];
}

/** Bytes an entry with this payload takes at most. */
export function entryBytes(payloadLength: number): number {
  return HEAD_BYTES_MAX + payloadLength + 1 + ENTRY_BYTES;
}

/** Fills a chunk. */
export class ChunkWriter {
  readonly bytes: Uint8Array;
  entries = 0;
  #end = 0;
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  readonly #copy: WasmFunction | null;

  /**
   * `bytes` must begin and end at a multiple of 8. `copy` copies within its memory, by places in it, where that is WebAssembly's.
   */
  constructor(bytes: Uint8Array, copy: WasmFunction | null = null) {
    this.bytes = bytes;
    this.#floats = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#copy = copy;
  }

  /** Whether an entry with so long a payload fits, whatever room its head takes. */
  fits(payloadLength: number): boolean {
    return this.#end + entryBytes(payloadLength) <= this.bytes.length - this.entries * ENTRY_BYTES;
  }

  /**
   * Copies an entry in with this payload, behind `room` bytes.
   * @throws RangeError where it does not fit
   */
  add(time: number, link: number, kind: EntryKind, room: number, payload: Buffer): void {
    if (!this.fits(payload.length)) throw new RangeError(`a payload of ${payload.length} bytes does not fit`);
    payload.copy(this.bytes, this.#entry(time, link, codeOf(kind), room, payload.length));
  }

  /**
   * Copies entries in, as many as fit: the spans `from` to `count` of `bytes` (where each starts and where it ends, in turn).
   * `rooms` says how much room the head of the next one takes.
   * @returns the first span that does not fit, or `count`
   */
  addAll(
    time: number,
    link: number,
    kind: EntryKind,
    rooms: { nextHead(): number },
    bytes: Buffer,
    spans: Uint32Array,
    from: number,
    count: number,
  ): number {
    const code = codeOf(kind);
    const copy = bytes.buffer === this.bytes.buffer ? this.#copy : null;
    const [to, source] = [this.bytes.byteOffset, bytes.byteOffset];
    for (let n = from; n < count; n++) {
      const start = spans[2 * n] as number;
      const end = spans[2 * n + 1] as number;
      if (!this.fits(end - start)) return n;
      const at = this.#entry(time, link, code, rooms.nextHead(), end - start);
      if (copy === null) bytes.copy(this.bytes, at, start, end);
      else copy(to + at, source + start, end - start);
    }
    return count;
  }

  /** Makes an entry. Returns where its payload goes. */
  #entry(time: number, link: number, code: number, room: number, length: number): number {
    const at = this.#end + room;
    const behind = at + length;
    const entry = this.bytes.length - ++this.entries * ENTRY_BYTES;
    const word = entry >>> 2;
    this.#floats[entry >>> 3] = time;
    this.#words[word + 2] = link;
    this.#words[word + 3] = code + room * 256;
    this.#words[word + 4] = at;
    this.#words[word + 5] = behind;
    this.#end = behind + 1;
    return at;
  }
}

/** Walks a chunk's entries: `next` moves to the next one, the fields then say what it is. */
export class ChunkReader {
  time = 0;
  link = 0;
  kind: EntryKind = 'text';
  /** The payload is `bytes[start..end)`, with `room` bytes before it and one behind it that may be written to. */
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  room = 0;
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  /** Word at which the last entry read begins, and that of the last of all. */
  #word: number;
  readonly #last: number;

  constructor({ buffer, byteOffset, length }: Uint8Array, entries: number) {
    this.bytes = Buffer.from(buffer, byteOffset, length);
    this.#floats = new Float64Array(buffer, byteOffset, length / 8);
    this.#words = new Uint32Array(buffer, byteOffset, length / 4);
    this.#word = length >>> 2;
    this.#last = this.#word - entries * ENTRY_WORDS;
  }

  next(): boolean {
    if (this.#word <= this.#last) return false;
    const words = this.#words;
    const word = this.#word - ENTRY_WORDS;
    this.#word = word;
    const what = words[word + 3] as number;
    this.time = this.#floats[word >>> 1] as number;
    this.link = words[word + 2] as number;
    this.kind = ENTRY_KINDS[what & 255] as EntryKind;
    this.room = what >>> 8;
    this.start = words[word + 4] as number;
    this.end = words[word + 5] as number;
    return true;
  }
}
