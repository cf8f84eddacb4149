/** Slots at first; doubled while more than half of them are taken. */
const SLOTS = 64;

/**
 * Values by names that are looked up as bytes: how a frame finds its stream without a string being made. Names that
 * stand in many frames in a row are found at the first look.
 */
export class ByteTable<V> {
  #names: (Buffer | undefined)[] = new Array(SLOTS);
  #values: (V | undefined)[] = new Array(SLOTS);
  #size = 0;
  #lastName: Buffer = Buffer.alloc(0);
  #lastValue: V | undefined;

  get size(): number {
    return this.#size;
  }

  /** The value of the name in `bytes[start..end)`. */
  get(bytes: Uint8Array, start: number, end: number): V | undefined {
    if (isName(this.#lastName, bytes, start, end)) return this.#lastValue;
    const mask = this.#names.length - 1;
    for (let slot = hash(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const name = this.#names[slot];
      if (name === undefined) return undefined;
      if (!isName(name, bytes, start, end)) continue;
      this.#lastName = name;
      this.#lastValue = this.#values[slot];
      return this.#lastValue;
    }
  }

  /** The value of the name that begins at `start` and ends before the first `stop` byte; undefined where none does. */
  getUntil(stop: number, bytes: Uint8Array, start: number, end: number): V | undefined {
    const last = this.#lastName;
    const behind = start + last.length;
    if (behind < end && bytes[behind] === stop && isName(last, bytes, start, behind)) return this.#lastValue;
    let at = start;
    while (at < end && bytes[at] !== stop) at++;
    return at < end ? this.get(bytes, start, at) : undefined;
  }

  set(name: Uint8Array, value: V): void {
    this.#lastName = Buffer.alloc(0);
    this.#lastValue = undefined;
    if (this.#size * 2 >= this.#names.length) this.#grow();
    this.#put(Buffer.from(name), value);
  }

  #put(name: Buffer, value: V): void {
    const mask = this.#names.length - 1;
    let slot = hash(name, 0, name.length) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const taken = this.#names[slot];
      if (taken === undefined) {
        this.#size++;
        break;
      }
      if (isName(taken, name, 0, name.length)) break;
    }
    this.#names[slot] = name;
    this.#values[slot] = value;
  }

  #grow(): void {
    const names = this.#names;
    const values = this.#values;
    this.#names = new Array(names.length * 2);
    this.#values = new Array(names.length * 2);
    this.#size = 0;
    for (const [slot, name] of names.entries()) if (name !== undefined) this.#put(name, values[slot] as V);
  }
}

function isName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = name;
  if (length === 0 || length !== end - start) return false;
  for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}

/** FNV-1a. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  return value >>> 0;
}
