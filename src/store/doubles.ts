/** Entries of a dictionary of numbers at most. */
const ENTRIES_MAX = 16_384;
/** Numbers after which a dictionary must have begun to repeat. */
const TRIAL = 4096;
/** Slots at first, as a power of two: a table this small stays in the nearest cache. */
const SLOT_BITS_MIN = 12;

/**
 * A dictionary of the numbers of a column, for as long as they repeat: prices mostly do, amounts mostly do not. Numbers
 * are told apart by their bits, so that 0 and -0 both stay.
 */
export class NumberDictionary {
  /** The entries, as pairs of halves in little endian order. */
  readonly entries = new Uint32Array(ENTRIES_MAX * 2);
  /** The same as numbers. */
  readonly numbers = new Float64Array(this.entries.buffer);
  count = 0;
  #bits = SLOT_BITS_MIN;
  /**
   * By an entry's hash: its halves and its place plus one, in four words (the last of them for alignment); place 0 is free, as at
   * least half of them are.
   */
  #slots = new Uint32Array(4 << SLOT_BITS_MIN);

  /**
   * Finds the place of each of `count` numbers.
   * @returns false where there are too many different ones to be worth it.
   */
  fill(values: Float64Array, count: number, places: Uint16Array): boolean {
    this.#empty();
    const halves = new Uint32Array(values.buffer, values.byteOffset, count * 2);
    let lastLow = 0;
    let lastHigh = 0;
    let place = -1;
    for (let i = 0; i < count; i++) {
      const low = halves[2 * i] as number;
      const high = halves[2 * i + 1] as number;
      if (place < 0 || low !== lastLow || high !== lastHigh) {
        lastLow = low;
        lastHigh = high;
        place = this.#placeOf(low, high);
        if (place < 0 || (i === TRIAL && this.count > TRIAL / 2)) return false;
      }
      places[i] = place;
    }
    return this.count <= count / 4;
  }

  #empty(): void {
    if (this.#bits > SLOT_BITS_MIN) {
      this.#bits = SLOT_BITS_MIN;
      this.#slots = new Uint32Array(4 << SLOT_BITS_MIN);
    } else this.#slots.fill(0);
    this.count = 0;
  }

  #placeOf(low: number, high: number): number {
    const slots = this.#slots;
    const last = slots.length - 4;
    let slot = (hash(low, high) >>> (32 - this.#bits)) << 2;
    for (;;) {
      const next = slots[slot + 2] as number;
      if (slots[slot] === low && slots[slot + 1] === high && next > 0) return next - 1;
      if (next === 0) break;
      slot = (slot + 4) & last;
    }
    if (this.count === ENTRIES_MAX) return -1;
    const place = this.count++;
    slots[slot] = low;
    slots[slot + 1] = high;
    slots[slot + 2] = place + 1;
    this.entries[2 * place] = low;
    this.entries[2 * place + 1] = high;
    if (this.count * 8 > slots.length) this.#grow();
    return place;
  }

  #grow(): void {
    this.#bits++;
    const slots = new Uint32Array(4 << this.#bits);
    const last = slots.length - 4;
    for (let place = 0; place < this.count; place++) {
      const low = this.entries[2 * place] as number;
      const high = this.entries[2 * place + 1] as number;
      let slot = (hash(low, high) >>> (32 - this.#bits)) << 2;
      while (slots[slot + 2] !== 0) slot = (slot + 4) & last;
      slots[slot] = low;
      slots[slot + 1] = high;
      slots[slot + 2] = place + 1;
    }
    this.#slots = slots;
  }
}

/** The upper bits are the good ones. */
function hash(low: number, high: number): number {
  return Math.imul(low ^ Math.imul(high, 0x9e37_79b1), 0x85eb_ca6b);
}

/** Parquet's BYTE_STREAM_SPLIT: the first bytes of all numbers, then the second ones, …: alike bytes side by side. */
export function splitBytes(to: Uint8Array, at: number, values: Float64Array, count: number): void {
  const halves = new Uint32Array(values.buffer, values.byteOffset, count * 2);
  const view = new DataView(to.buffer, to.byteOffset, to.byteLength);
  const fours = count & ~3;
  for (let half = 0; half < 2; half++) {
    const first = at + half * 4 * count;
    const [second, third, fourth] = [first + count, first + 2 * count, first + 3 * count];
    // Four numbers at a time: the same byte of each is a word.
    for (let i = 0, from = half; i < fours; i += 4, from += 8) {
      const a = halves[from] as number;
      const b = halves[from + 2] as number;
      const c = halves[from + 4] as number;
      const d = halves[from + 6] as number;
      const lows = (a & 0xff00ff) | ((b & 0xff00ff) << 8);
      const nextLows = (c & 0xff00ff) | ((d & 0xff00ff) << 8);
      const highs = ((a >>> 8) & 0xff00ff) | (b & 0xff00ff00);
      const nextHighs = ((c >>> 8) & 0xff00ff) | (d & 0xff00ff00);
      view.setInt32(first + i, (lows & 0xffff) | (nextLows << 16), true);
      view.setInt32(second + i, (highs & 0xffff) | (nextHighs << 16), true);
      view.setInt32(third + i, (lows >>> 16) | (nextLows & 0xffff0000), true);
      view.setInt32(fourth + i, (highs >>> 16) | (nextHighs & 0xffff0000), true);
    }
    for (let i = fours; i < count; i++) {
      const word = halves[2 * i + half] as number;
      to[first + i] = word;
      to[second + i] = word >>> 8;
      to[third + i] = word >>> 16;
      to[fourth + i] = word >>> 24;
    }
  }
}
