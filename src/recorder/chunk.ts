/**
 * A chunk carries many tape entries from the ear to the recorder in one transferable buffer:
 *
 *     | time f64 | link u32 | what u32 | payload, padded to 8 bytes | time … |
 *
 * `what` holds the entry's kind in the upper four bits and the payload's length in the lower 28. Whoever holds the
 * buffer owns it; it is moved, never shared.
 */
export const ENTRY_KINDS = ['text', 'binary', 'sent', 'rest', 'event'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

const HEADER_BYTES = 16;
const LENGTH_BITS = 28;
const LENGTH_MASK = 2 ** LENGTH_BITS - 1;
const KIND_CODE = Object.fromEntries(ENTRY_KINDS.map((kind, code) => [kind, code])) as Record<
  EntryKind,
  number
>;

function padded(length: number): number {
  return (length + 7) & ~7;
}

/** Bytes an entry with this payload takes. */
export function entryBytes(payloadLength: number): number {
  return HEADER_BYTES + padded(payloadLength);
}

/** Fills a chunk. */
export class ChunkWriter {
  readonly buffer: ArrayBuffer;
  used = 0;
  entries = 0;
  readonly #bytes: Uint8Array;
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;

  /** `buffer.byteLength` must be a multiple of 8. */
  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#floats = new Float64Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** Copies an entry in, whose payload is `bytes[start..end)`; false where it does not fit. */
  add(time: number, link: number, kind: EntryKind, bytes: Buffer, start = 0, end = bytes.length): boolean {
    const length = end - start;
    const at = this.used;
    const size = HEADER_BYTES + padded(length);
    if (at + size > this.#bytes.length) return false;
    this.#floats[at >>> 3] = time;
    this.#words[(at >>> 2) + 2] = link;
    this.#words[(at >>> 2) + 3] = KIND_CODE[kind] * 2 ** LENGTH_BITS + length;
    bytes.copy(this.#bytes, at + HEADER_BYTES, start, end);
    this.used = at + size;
    this.entries++;
    return true;
  }
}

/** Walks a chunk's entries: `next` moves to the next one, the fields then say what it is. */
export class ChunkReader {
  time = 0;
  link = 0;
  kind: EntryKind = 'text';
  /** The payload is `bytes[start..end)`. */
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  readonly #used: number;
  #position = 0;

  constructor(buffer: ArrayBuffer, used: number) {
    this.bytes = Buffer.from(buffer);
    this.#floats = new Float64Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#used = used;
  }

  next(): boolean {
    const position = this.#position;
    if (position >= this.#used) return false;
    const what = this.#words[(position >>> 2) + 3] as number;
    const length = what & LENGTH_MASK;
    this.time = this.#floats[position >>> 3] as number;
    this.link = this.#words[(position >>> 2) + 2] as number;
    this.kind = ENTRY_KINDS[what >>> LENGTH_BITS] as EntryKind;
    this.start = position + HEADER_BYTES;
    this.end = this.start + length;
    this.#position = position + HEADER_BYTES + padded(length);
    return true;
  }
}
