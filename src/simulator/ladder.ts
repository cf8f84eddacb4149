import type { SimulatedLevel } from '../exchanges/index.ts';
import type { BookSide } from '../record/index.ts';
import type { Grid } from './grid.ts';

/** Most levels a side can hold: above what the market lets it grow to. */
const LEVELS_MAX = 2048;

/**
 * One side of the simulated book in ticks and lots. Levels are sorted by `key`, the tick of a bid and minus the tick
 * of an ask, so that on both sides the best is the greatest key and stands at the end, where nearly all changes are:
 *
 *     keys   [ -103 -102 -101 ]  asks: best = 101
 *     keys   [   97   98   99 ]  bids: best =  99
 *
 * Texts are made when somebody reads a level, and kept until it changes.
 */
export class Ladder {
  readonly side: BookSide;
  readonly #sign: 1 | -1;
  readonly #ticks: Grid;
  readonly #lots: Grid;
  readonly #keys = new Float64Array(LEVELS_MAX);
  readonly #amounts = new Float64Array(LEVELS_MAX);
  readonly #texts: (SimulatedLevel | null)[] = [];
  count = 0;

  constructor(side: BookSide, ticks: Grid, lots: Grid) {
    this.side = side;
    this.#sign = side === 'bid' ? 1 : -1;
    this.#ticks = ticks;
    this.#lots = lots;
  }

  /** The tick that is `steps` ticks worse than `tick` on this side (better where negative). */
  worse(tick: number, steps: number): number {
    return tick - this.#sign * steps;
  }

  /** How many ticks `tick` is worse than `than`. */
  gap(tick: number, than: number): number {
    return this.#sign * (than - tick);
  }

  /** Tick of the n-th best level. */
  tick(n: number): number {
    return this.#sign * (this.#keys[this.count - 1 - n] as number);
  }

  /** Lots at the n-th best level. */
  lots(n: number): number {
    return this.#amounts[this.count - 1 - n] as number;
  }

  /** Lots at a tick; 0 where there is no level. */
  lotsAt(tick: number): number {
    const index = this.#find(tick * this.#sign);
    return index < 0 ? 0 : (this.#amounts[index] as number);
  }

  /** Index of the key, or `-1 - i` where it would be inserted at `i`. The last few levels are tried first. */
  #find(key: number): number {
    const keys = this.#keys;
    let high = this.count - 1;
    let low = 0;
    if (high > 8 && key > (keys[high - 8] as number)) low = high - 7;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = keys[middle] as number;
      if (at === key) return middle;
      if (at < key) low = middle + 1;
      else high = middle - 1;
    }
    return -1 - low;
  }

  /** Sets the lots at a tick; 0 removes the level. */
  set(tick: number, lots: number): void {
    const key = tick * this.#sign;
    const found = this.#find(key);
    if (lots === 0) {
      if (found >= 0) this.#remove(found);
      return;
    }
    if (found >= 0) {
      this.#amounts[found] = lots;
      this.#texts[found] = null;
    } else this.#insert(-1 - found, key, lots);
  }

  #insert(index: number, key: number, lots: number): void {
    if (this.count === LEVELS_MAX) throw new RangeError(`a side holds at most ${LEVELS_MAX} levels`);
    this.#keys.copyWithin(index + 1, index, this.count);
    this.#amounts.copyWithin(index + 1, index, this.count);
    for (let i = this.count; i > index; i--) this.#texts[i] = this.#texts[i - 1] ?? null;
    this.#keys[index] = key;
    this.#amounts[index] = lots;
    this.#texts[index] = null;
    this.count++;
  }

  #remove(index: number): void {
    this.#keys.copyWithin(index, index + 1, this.count);
    this.#amounts.copyWithin(index, index + 1, this.count);
    this.count--;
    for (let i = index; i < this.count; i++) this.#texts[i] = this.#texts[i + 1] ?? null;
    this.#texts[this.count] = null;
  }

  /** The best `depth` levels as text, best first. */
  levels(depth: number): SimulatedLevel[] {
    const wanted = Math.max(0, Math.min(depth, this.count));
    const levels: SimulatedLevel[] = [];
    for (let n = 0; n < wanted; n++) levels.push(this.#level(this.count - 1 - n));
    return levels;
  }

  #level(index: number): SimulatedLevel {
    let level = this.#texts[index] ?? null;
    if (level === null) {
      const tick = (this.#keys[index] as number) * this.#sign;
      level = { price: this.#ticks.text(tick), amount: this.#lots.text(this.#amounts[index] as number) };
      this.#texts[index] = level;
    }
    return level;
  }

  /** The level at a tick as text; null where there is none. */
  levelAt(tick: number): SimulatedLevel | null {
    const index = this.#find(tick * this.#sign);
    return index < 0 ? null : this.#level(index);
  }
}
