import type { SimulatedDay } from '../exchanges/index.ts';
import type { Grid } from './grid.ts';
import type { Random } from './random.ts';

/** Most digits behind the point of a quote volume, and of the whole of it: more are noise of the double. */
const QUOTE_DIGITS_MAX = 8;
const SIGNIFICANT_MAX = 15;

/** The statistics of the last 24 hours: a made-up day before the start, and every trade since. */
export class DayStatistics {
  readonly #ticks: Grid;
  readonly #lots: Grid;
  readonly #open: number;
  readonly #quoteDigits: number;
  #high: number;
  #low: number;
  #last: number;
  /** In lots. */
  #volume: number;
  #quoteVolume: number;
  #trades: number;

  /** `price` in ticks, `typicalLots` the median order. */
  constructor(ticks: Grid, lots: Grid, price: number, typicalLots: number, random: Random) {
    this.#ticks = ticks;
    this.#lots = lots;
    this.#quoteDigits = Math.min(QUOTE_DIGITS_MAX, ticks.digits + lots.digits);
    this.#open = Math.max(1, Math.round(price * (1 + 0.02 * random.normal())));
    const range = Math.round(price * 0.01 * (1 + random.next()));
    this.#high = Math.max(this.#open, price) + range;
    this.#low = Math.max(1, Math.min(this.#open, price) - range);
    this.#last = price;
    this.#trades = 80_000 + random.integer(400_000);
    this.#volume = Math.round(this.#trades * typicalLots * (1 + random.next()));
    this.#quoteVolume = lots.value(this.#volume) * ticks.value(price);
  }

  add(tick: number, lots: number): void {
    this.#last = tick;
    this.#high = Math.max(this.#high, tick);
    this.#low = Math.min(this.#low, tick);
    this.#trades++;
    this.#volume += lots;
    this.#quoteVolume += this.#lots.value(lots) * this.#ticks.value(tick);
  }

  read(): SimulatedDay {
    const ticks = this.#ticks;
    const before = String(Math.floor(this.#quoteVolume)).length;
    const quoteDigits = Math.max(0, Math.min(this.#quoteDigits, SIGNIFICANT_MAX - before));
    return {
      open: ticks.text(this.#open),
      high: ticks.text(this.#high),
      low: ticks.text(this.#low),
      last: ticks.text(this.#last),
      volume: this.#lots.text(this.#volume),
      quoteVolume: this.#quoteVolume.toFixed(quoteDigits),
      trades: this.#trades,
    };
  }
}
