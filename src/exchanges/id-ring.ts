/** Entries at first; doubled up to the most. */
const ENTRIES_MIN = 64;
/** Bytes kept of an id at first; widened when a longer one comes. */
const WIDTH_MIN = 24;
/** An id longer than this is not remembered: no exchange has such, and a hostile one must not fill memory. */
export const ID_BYTES_MAX = 256;
const NONE = -1;

/**
 * The latest ids of one stream, as bytes: which of them were seen before is told exactly, without a string per id. When
 * full, the oldest is forgotten.
 *
 *     heads[hash]  -> entry -> next entry of the same hash -> -1
 *     entries      a ring: the n-th id ever is at n modulo the capacity
 */
export class IdRing {
  readonly #entriesMax: number;
  #capacity = ENTRIES_MIN;
  #width = WIDTH_MIN;
  #bytes = Buffer.alloc(ENTRIES_MIN * WIDTH_MIN);
  #lengths = new Uint16Array(ENTRIES_MIN);
  #hashes = new Uint32Array(ENTRIES_MIN);
  #next = new Int32Array(ENTRIES_MIN);
  #heads = new Int32Array(ENTRIES_MIN * 2).fill(NONE);
  /** Ids ever added, less those taken back. */
  #added = 0;
  #count = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** Remembers the id in `bytes[start..end)`; false where it is known. One that is too long is new, and not remembered. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length > ID_BYTES_MAX) return true;
    const hash = hashOf(bytes, start, end);
    if (this.#isKnown(hash, bytes, start, length)) return false;
    if (length > this.#width) this.#rebuild(this.#capacity, Math.min(ID_BYTES_MAX, length * 2));
    if (this.#count === this.#capacity) {
      if (this.#capacity < this.#entriesMax) this.#rebuild(this.#capacity * 2, this.#width);
      else this.#unlink(this.#added % this.#capacity);
    }
    const entry = this.#added % this.#capacity;
    const at = entry * this.#width;
    for (let i = 0; i < length; i++) this.#bytes[at + i] = bytes[start + i] as number;
    this.#lengths[entry] = length;
    this.#link(entry, hash);
    this.#added++;
    return true;
  }

  /** Forgets the id added last. One that it pushed out stays forgotten. */
  removeLast(): void {
    if (this.#count === 0) return;
    this.#added--;
    this.#unlink(this.#added % this.#capacity);
  }

  #isKnown(hash: number, bytes: Uint8Array, start: number, length: number): boolean {
    let entry = this.#heads[hash % this.#heads.length] as number;
    for (; entry !== NONE; entry = this.#next[entry] as number) {
      if (this.#hashes[entry] !== hash || this.#lengths[entry] !== length) continue;
      const at = entry * this.#width;
      let same = 0;
      while (same < length && this.#bytes[at + same] === bytes[start + same]) same++;
      if (same === length) return true;
    }
    return false;
  }

  #link(entry: number, hash: number): void {
    const head = hash % this.#heads.length;
    this.#hashes[entry] = hash;
    this.#next[entry] = this.#heads[head] as number;
    this.#heads[head] = entry;
    this.#count++;
  }

  #unlink(entry: number): void {
    const head = (this.#hashes[entry] as number) % this.#heads.length;
    let at = this.#heads[head] as number;
    if (at === entry) this.#heads[head] = this.#next[entry] as number;
    else {
      while (this.#next[at] !== entry) at = this.#next[at] as number;
      this.#next[at] = this.#next[entry] as number;
    }
    this.#count--;
  }

  #rebuild(capacity: number, width: number): void {
    const ids = this.ids();
    this.#capacity = capacity;
    this.#width = width;
    this.#bytes = Buffer.alloc(capacity * width);
    this.#lengths = new Uint16Array(capacity);
    this.#hashes = new Uint32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity * 2).fill(NONE);
    this.#added = 0;
    this.#count = 0;
    for (const id of ids) this.add(id, 0, id.length);
  }

  /** The ids, oldest first, each a copy. */
  ids(): Buffer[] {
    const ids: Buffer[] = [];
    for (let n = this.#added - this.#count; n < this.#added; n++) {
      const entry = n % this.#capacity;
      const at = entry * this.#width;
      ids.push(Buffer.from(this.#bytes.subarray(at, at + (this.#lengths[entry] as number))));
    }
    return ids;
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
}
