import { viewOf } from './byte-pattern.ts';

/** The bits of a word that no ASCII has. */
const NOT_ASCII = 0x80808080 | 0;
const EMPTY = Buffer.alloc(0);
/** Bytes up to which a loop copies faster than a call does. */
const COPIED_SINGLY = 64;

/**
 * A column of ids as bytes, so that an id on its way from a frame to a file is never a string: each value is its
 * length (4 bytes, little endian) and its UTF-8 bytes, one behind the other, which is how Parquet writes plain text.
 *
 *     bytes  [10 0 0 0] 4812345678 [10 0 0 0] 4812345679 …
 *     ends                        14                    28
 *
 * Where value `index` begins follows from the one before it, so taking rows back needs no act here.
 */
export class IdColumn {
  /** Where each value ends. */
  ends: Uint32Array<ArrayBuffer>;
  #bytes: Buffer<ArrayBuffer>;
  #view: DataView;
  /** What `setFrom` was given last: thousands of ids come from the same bytes. */
  #source: Buffer = EMPTY;
  #sourceView: DataView = viewOf(EMPTY);
  /** Whether an empty id, which is null, was written since the column was used anew. */
  mayHaveNull = false;

  constructor(capacity: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(capacity * 16));
    this.#view = viewOf(this.#bytes);
    this.ends = new Uint32Array(capacity);
  }

  /** Valid up to the end of the last row; replaced when it grows. */
  get bytes(): Buffer<ArrayBuffer> {
    return this.#bytes;
  }

  set bytes(bytes: Buffer<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Makes room for more rows. */
  grow(capacity: number): void {
    const ends = new Uint32Array(capacity);
    ends.set(this.ends);
    this.ends = ends;
  }

  /** Writes the id of row `index`, the one behind the last: `''` is null. */
  set(index: number, id: string): void {
    const at = this.#room(index, id.length * 3);
    const { bytes } = this;
    let end = at;
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      if (code > 127) {
        end = at + bytes.write(id, at, 'utf8');
        break;
      }
      bytes[end++] = code;
    }
    this.#close(index, at, end);
  }

  /**
   * The same from `source[start..end)`, four bytes at a time, the last of which may overlap. Bytes that are not ASCII are read
   * as UTF-8, what is none becomes U+FFFD.
   */
  setFrom(index: number, source: Buffer, start: number, end: number): void {
    const length = end - start;
    const at = this.#room(index, length);
    if (source !== this.#source) this.#lookAt(source);
    const [from, to] = [this.#sourceView, this.#view];
    let bits = 0;
    if (length >= 4) {
      for (let i = 0; i + 4 < length; i += 4) {
        const word = from.getInt32(start + i);
        bits |= word;
        to.setInt32(at + i, word);
      }
      const word = from.getInt32(end - 4);
      bits |= word;
      to.setInt32(at + length - 4, word);
    } else
      for (let i = 0; i < length; i++) {
        const byte = source[start + i] as number;
        bits |= byte;
        to.setUint8(at + i, byte);
      }
    if ((bits & NOT_ASCII) !== 0) this.set(index, source.toString('utf8', start, end));
    else this.#close(index, at, at + length);
  }

  #lookAt(source: Buffer): void {
    this.#source = source;
    this.#sourceView = viewOf(source);
  }

  /** Copies `rows` values of another column, from its row `start` on, to the rows from `index` on. */
  copy(index: number, source: IdColumn, start: number, rows: number): void {
    const from = source.startOf(start);
    const to = source.ends[start + rows - 1] as number;
    const at = this.#room(index, to - from) - 4;
    const { bytes, ends } = this;
    if (to - from <= COPIED_SINGLY)
      for (let i = 0; i < to - from; i++) bytes[at + i] = source.bytes[from + i] as number;
    else bytes.set(source.bytes.subarray(from, to), at);
    for (let i = 0; i < rows; i++) ends[index + i] = (source.ends[start + i] as number) + at - from;
    if (source.mayHaveNull) this.mayHaveNull = true;
  }

  /** The id of row `index` as text; null where it is empty. */
  text(index: number): string | null {
    const start = this.startOf(index) + 4;
    const end = this.ends[index] ?? start;
    return start === end ? null : this.bytes.toString('utf8', start, end);
  }

  /** Where the value of row `index` begins, at its length. */
  startOf(index: number): number {
    return index === 0 ? 0 : (this.ends[index - 1] as number);
  }

  /** Where the text of a value of at most `length` bytes goes; there is room for it. */
  #room(index: number, length: number): number {
    const at = this.startOf(index) + 4;
    if (at + length > this.bytes.length) {
      const grown = Buffer.from(new ArrayBuffer(Math.max(this.bytes.length * 2, at + length)));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    return at;
  }

  #close(index: number, at: number, end: number): void {
    const { bytes } = this;
    const length = end - at;
    bytes[at - 4] = length;
    bytes[at - 3] = length >> 8;
    bytes[at - 2] = length >> 16;
    bytes[at - 1] = length >> 24;
    this.ends[index] = end;
    if (length === 0) this.mayHaveNull = true;
  }
}
