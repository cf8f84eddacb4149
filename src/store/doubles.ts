/** Entries of a dictionary of numbers at most. */
const ENTRIES_MAX = 16_384;
/** Numbers after which a dictionary must have begun to repeat. */
const TRIAL = 4096;
const SLOTS = ENTRIES_MAX * 4;

/**
 * A dictionary of the numbers of a column, for as long as they repeat: prices mostly do, amounts mostly do not. Numbers
 * are told apart by their bits, so that 0 and -0 both stay.
 */
export class NumberDictionary {
  /** The entries, as pairs of halves in little endian order. */
  readonly entries = new Uint32Array(ENTRIES_MAX * 2);
  count = 0;
  /** The place of each entry by its hash, plus one; 0 is free. */
  readonly #slots = new Uint16Array(SLOTS);
  /** The slots in use, to be emptied. */
  readonly #used = new Uint16Array(ENTRIES_MAX);

  /**
   * Finds the place of each of `count` numbers.
   * @returns false where there are too many different ones to be worth it.
   */
  fill(values: Float64Array, count: number, places: Uint32Array): boolean {
    for (let i = 0; i < this.count; i++) this.#slots[this.#used[i] as number] = 0;
    this.count = 0;
    const halves = new Uint32Array(values.buffer, values.byteOffset, count * 2);
    const { entries } = this;
    let lastLow = 0;
    let lastHigh = 0;
    let place = -1;
    for (let i = 0; i < count; i++) {
      const low = halves[2 * i] as number;
      const high = halves[2 * i + 1] as number;
      if (place < 0 || low !== lastLow || high !== lastHigh) {
        lastLow = low;
        lastHigh = high;
        place = this.#placeOf(entries, low, high);
        if (place < 0 || (i === TRIAL && this.count > TRIAL / 2)) return false;
      }
      places[i] = place;
    }
    return this.count <= count / 4;
  }

  #placeOf(entries: Uint32Array, low: number, high: number): number {
    const slots = this.#slots;
    let slot = (Math.imul(low ^ Math.imul(high, 0x9e37_79b1), 0x85eb_ca6b) >>> 16) & (SLOTS - 1);
    for (;;) {
      const place = (slots[slot] as number) - 1;
      if (place < 0) break;
      if (entries[2 * place] === low && entries[2 * place + 1] === high) return place;
      slot = (slot + 1) & (SLOTS - 1);
    }
    if (this.count === ENTRIES_MAX) return -1;
    const place = this.count++;
    slots[slot] = place + 1;
    this.#used[place] = slot;
    entries[2 * place] = low;
    entries[2 * place + 1] = high;
    return place;
  }
}

/** Parquet's BYTE_STREAM_SPLIT: the first bytes of all numbers, then the second ones, …: alike bytes side by side. */
export function splitBytes(to: Uint8Array, at: number, values: Float64Array, count: number): void {
  const halves = new Uint32Array(values.buffer, values.byteOffset, count * 2);
  for (let half = 0; half < 2; half++) {
    const first = at + half * 4 * count;
    const [second, third, fourth] = [first + count, first + 2 * count, first + 3 * count];
    for (let i = 0; i < count; i++) {
      const word = halves[2 * i + half] as number;
      to[first + i] = word;
      to[second + i] = word >>> 8;
      to[third + i] = word >>> 16;
      to[fourth + i] = word >>> 24;
    }
  }
}
