/**
 * The seeded generator behind everything the simulator does by chance: sfc32 (Chris Doty-Humphrey's small fast
 * counting generator), state mixed from a text so that every market, symbol and fault has a stream of its own.
 * The same seed and label give the same numbers on every machine.
 */
export class Random {
  readonly #seed: string;
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;
  #spare = Number.NaN;

  constructor(seed: string) {
    this.#seed = seed;
    const words = mixed(seed);
    this.#a = words[0];
    this.#b = words[1];
    this.#c = words[2];
    for (let i = 0; i < 15; i++) this.next();
  }

  /** A generator of its own that depends on this one's seed and the label, not on how far this one has come. */
  fork(label: string): Random {
    return new Random(`${this.#seed}/${label}`);
  }

  /** In [0, 1). */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return (t >>> 0) / 4294967296;
  }

  /** An integer in [0, below). */
  integer(below: number): number {
    return Math.floor(this.next() * below);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Normally distributed, mean 0, deviation 1 (Box-Muller, two at a time). */
  normal(): number {
    const spare = this.#spare;
    if (!Number.isNaN(spare)) {
      this.#spare = Number.NaN;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Exponentially distributed with this mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** A distance 0, 1, 2, ... below `below`, the chance of reaching k or more falling as (k + 1)^-0.8. */
  distance(below: number): number {
    const k = Math.floor((1 - this.next()) ** -1.25) - 1;
    return k < below ? k : this.integer(below);
  }
}

/** Three words from a text: FNV-1a with three offsets, then finalised as in MurmurHash3. */
function mixed(text: string): [number, number, number] {
  const word = (offset: number): number => {
    let hash = 0x811c9dc5 ^ offset;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  };
  return [word(0), word(0x9e3779b9), word(0x243f6a88)];
}
