import type { SimulatedChange } from '../exchanges/index.ts';
import type { Grid } from './grid.ts';
import type { Ladder } from './ladder.ts';

/** Changes remembered per book: what `changesSince` can reach back. A power of two. */
export const CHANGES_KEPT = 65_536;

/** Up to this many changes, looking for repeats one by one is quicker than a set. */
const FEW = 24;

/**
 * The latest changes of a book, by sequence, in a ring:
 *
 *     sequence   s-65535 ... s      slot = sequence mod 65536
 *     slot holds tick * 2 + (1 for an ask): which level changed; its amount is read from the book when asked
 */
export class ChangeRing {
  readonly #levels = new Float64Array(CHANGES_KEPT);
  readonly #bids: Ladder;
  readonly #asks: Ladder;
  readonly #ticks: Grid;
  readonly #first: number;
  sequence: number;

  /** `sequence` is the number of the book as it is now; changes count on from it. */
  constructor(bids: Ladder, asks: Ladder, ticks: Grid, sequence: number) {
    this.#bids = bids;
    this.#asks = asks;
    this.#ticks = ticks;
    this.#first = sequence;
    this.sequence = sequence;
  }

  add(ladder: Ladder, tick: number): void {
    this.sequence++;
    this.#levels[this.sequence % CHANGES_KEPT] = tick * 2 + (ladder.side === 'ask' ? 1 : 0);
  }

  /** See `SimulatedSymbol.changesSince`. */
  since(since: number): SimulatedChange[] | null {
    const { sequence } = this;
    if (since < this.#first || sequence - since > CHANGES_KEPT) return null;
    const changes: SimulatedChange[] = [];
    const seen: number[] = [];
    const set = sequence - since > FEW ? new Set<number>() : null;
    for (let n = sequence; n > since; n--) {
      const level = this.#levels[n % CHANGES_KEPT] as number;
      if (set === null) {
        if (seen.includes(level)) continue;
        seen.push(level);
      } else {
        if (set.has(level)) continue;
        set.add(level);
      }
      changes.push(this.#change(level));
    }
    return changes;
  }

  #change(level: number): SimulatedChange {
    const side = level % 2 === 0 ? 'bid' : 'ask';
    const tick = Math.floor(level / 2);
    const found = (side === 'bid' ? this.#bids : this.#asks).levelAt(tick);
    if (found === null) return { side, price: this.#ticks.text(tick), amount: '0' };
    return { side, price: found.price, amount: found.amount };
  }
}
