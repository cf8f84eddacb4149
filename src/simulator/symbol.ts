import type {
  SimulatedChange,
  SimulatedDay,
  SimulatedLevel,
  SimulatedSymbol,
  SimulatedTrade,
} from '../exchanges/index.ts';
import type { BookSide, TakerSide } from '../record/index.ts';
import { ChangeRing } from './changes.ts';
import { DayStatistics } from './day.ts';
import { Grid } from './grid.ts';
import { Ladder } from './ladder.ts';
import type { Random } from './random.ts';
import type { SymbolSpecification } from './specification.ts';

/** The book grows back above the first number and is cut back below the second: depth 1000 is always there. */
const LEVELS = { least: 1300, usual: 1500, most: 1800 } as const;

/** The price stays within these multiples of where it began, so that there is always room for the bids below. */
const PRICE = { least: 0.85, most: 1.18 } as const;

/** Least starting price in ticks: below it 1500 bids would reach zero. */
const TICKS_LEAST = 8000;

const TRADES_KEPT = 1000;
const TRADES_AT_START = 100;

/**
 * One simulated instrument. Orders come mostly near the top (a power law of the distance), sizes are log-normal with
 * round ones among them, takers come in bursts that may walk several levels, and the price drifts with a mood that
 * forgets itself and leans back to where it began. All chance comes from its own generator, and time from `now`, so
 * that the same seed, the same clock and the same calls give the same market.
 *
 * The book never crosses and never has fewer than 1200 levels a side.
 */
export class ModelSymbol implements SimulatedSymbol {
  readonly name: string;
  readonly base: string;
  readonly quote: string;
  readonly tickSize: string;
  readonly lotSize: string;
  time: number;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #ticks: Grid;
  readonly #lots: Grid;
  readonly #bids: Ladder;
  readonly #asks: Ladder;
  readonly #changes: ChangeRing;
  readonly #day: DayStatistics;
  readonly #home: number;
  readonly #typicalLots: number;
  readonly #gapMean: number;
  readonly #trades: SimulatedTrade[] = [];
  #newestTrade = -1;
  #tradeId: number;
  /** Above zero buyers press, below zero sellers. */
  #mood = 0;
  #takerSide: TakerSide = 'buy';
  /** What is left of a taker's order that walks the book, lots. */
  #takerLots = 0;

  /** @throws RangeError on a price of fewer than 8000 ticks, or a tick or lot that is no decimal. */
  constructor(specification: SymbolSpecification, random: Random, now: () => number) {
    this.name = specification.name;
    this.base = specification.base;
    this.quote = specification.quote;
    this.tickSize = specification.tickSize;
    this.lotSize = specification.lotSize;
    this.#random = random;
    this.#now = now;
    this.#ticks = new Grid(specification.tickSize);
    this.#lots = new Grid(specification.lotSize);
    this.#home = this.#ticks.count(specification.price);
    if (!(this.#home >= TICKS_LEAST))
      throw new RangeError(
        `${this.name}: a price of ${specification.price} is ${this.#home} ticks, at least ${TICKS_LEAST} are needed`,
      );
    this.#typicalLots = Math.max(3, this.#lots.count(specification.typicalAmount));
    this.#gapMean = Math.min(8, (0.2 * this.#home) / LEVELS.usual);
    this.#bids = new Ladder('bid', this.#ticks, this.#lots);
    this.#asks = new Ladder('ask', this.#ticks, this.#lots);
    this.#fill(this.#bids, this.#home);
    this.#fill(this.#asks, this.#home + 1);
    this.#changes = new ChangeRing(this.#bids, this.#asks, this.#ticks, 1_000_000 + random.integer(1e9));
    this.#tradeId = 1_000_000 + random.integer(1e8);
    this.#day = new DayStatistics(this.#ticks, this.#lots, this.#home, this.#typicalLots, random);
    this.time = Math.floor(now()) - 60_000_000;
    for (let n = 0; n < TRADES_AT_START; n++) {
      this.#match();
      this.time += Math.floor(random.exponential(500_000));
      this.time = Math.min(this.time, Math.floor(now()));
    }
  }

  get sequence(): number {
    return this.#changes.sequence;
  }

  move(levels: number): void {
    this.#advance();
    for (let n = 0; n < levels; n++) this.#step();
  }

  trade(): SimulatedTrade {
    // The fills of one taker's order happen at one time.
    if (this.#takerLots === 0) this.#advance();
    return this.#match();
  }

  recentTrades(count: number): readonly SimulatedTrade[] {
    const wanted = Math.max(0, Math.min(count, this.#trades.length));
    const trades: SimulatedTrade[] = [];
    for (let n = 0; n < wanted; n++) {
      const trade = this.#trades[(this.#newestTrade - n + TRADES_KEPT) % TRADES_KEPT];
      if (trade !== undefined) trades.push(trade);
    }
    return trades;
  }

  levels(side: BookSide, depth: number): readonly SimulatedLevel[] {
    return (side === 'bid' ? this.#bids : this.#asks).levels(depth);
  }

  changesSince(since: number): readonly SimulatedChange[] | null {
    return this.#changes.since(since);
  }

  day(): SimulatedDay {
    return this.#day.read();
  }

  /** Matching lies some ms behind sending, irregularly, and never goes back. */
  #advance(): void {
    const behind = 150 + this.#random.exponential(1200);
    this.time = Math.max(this.time, Math.floor(this.#now() - behind));
  }

  #fill(ladder: Ladder, best: number): void {
    const ticks = [best];
    while (ticks.length < LEVELS.usual) ticks.push(ladder.worse(ticks.at(-1) ?? best, this.#gap()));
    // The worst first: a ladder grows cheaply at its best.
    for (const tick of ticks.reverse()) ladder.set(tick, this.#orderLots());
  }

  /** Ticks between two levels: at least one. */
  #gap(): number {
    return 1 + Math.floor(this.#random.exponential(Math.max(0.2, this.#gapMean - 1)));
  }

  /** An order's size: log-normal on the lot grid; about a third are round numbers, as people type them. */
  #orderLots(): number {
    const lots = Math.max(1, Math.round(this.#typicalLots * Math.exp(1.3 * this.#random.normal())));
    if (lots < 10 || !this.#random.chance(0.3)) return lots;
    const scale = 10 ** Math.floor(Math.log10(lots));
    return Math.round(lots / scale) * scale;
  }

  #set(ladder: Ladder, tick: number, lots: number): void {
    ladder.set(tick, lots);
    this.#changes.add(ladder, tick);
  }

  /** One maker's act: exactly one level changes. */
  #step(): void {
    const random = this.#random;
    const lean = Math.log(this.#bids.tick(0) / this.#home) * 0.02;
    this.#mood = Math.max(-1, Math.min(1, this.#mood * 0.998 + 0.02 * random.normal() - lean));
    const ladder = random.chance(0.5) ? this.#bids : this.#asks;
    if (ladder.count < LEVELS.least) this.#extend(ladder);
    else if (ladder.count > LEVELS.most) this.#set(ladder, ladder.tick(ladder.count - 1), 0);
    else {
      const n = random.distance(ladder.count);
      if (n === 0) this.#stepAtTop(ladder);
      else this.#stepInside(ladder, n);
    }
  }

  #stepAtTop(ladder: Ladder): void {
    const random = this.#random;
    const spread = this.#asks.tick(0) - this.#bids.tick(0);
    const pressed = ladder.side === 'bid' ? this.#mood : -this.#mood;
    const wide = spread > 2 + this.#home * 1e-6;
    if (spread > 1 && this.#mayMove(ladder, 1) && random.chance((wide ? 0.6 : 0.12) * (1 + pressed))) {
      const better = 1 + Math.min(spread - 2, random.distance(spread - 1));
      this.#set(ladder, ladder.worse(ladder.tick(0), -better), this.#orderLots());
    } else if (this.#mayMove(ladder, -1) && random.chance(0.08 * (1 - pressed)))
      this.#set(ladder, ladder.tick(0), 0);
    else this.#resize(ladder, 0);
  }

  #stepInside(ladder: Ladder, n: number): void {
    const random = this.#random;
    const tick = ladder.tick(n);
    const room = ladder.gap(tick, ladder.tick(n - 1)) - 1;
    // More levels come where there are few, more go where there are many.
    const balance = (0.3 * (LEVELS.usual - ladder.count)) / (LEVELS.most - LEVELS.usual);
    const draw = random.next();
    if (draw < 0.2 + balance && room > 0)
      this.#set(ladder, ladder.worse(tick, -1 - random.integer(room)), this.#orderLots());
    else if (draw > 0.8 + balance) this.#set(ladder, tick, 0);
    else this.#resize(ladder, n);
  }

  /** Gives a level another amount; it changes for sure. */
  #resize(ladder: Ladder, n: number): void {
    const lots = this.#orderLots();
    this.#set(ladder, ladder.tick(n), lots === ladder.lots(n) ? lots + 1 : lots);
  }

  /** Adds a level behind the worst; where that would be no price any more, in the widest of some gaps. */
  #extend(ladder: Ladder): void {
    const tick = ladder.worse(ladder.tick(ladder.count - 1), this.#gap());
    if (tick >= 1) {
      this.#set(ladder, tick, this.#orderLots());
      return;
    }
    this.#stepInside(ladder, 1 + this.#random.integer(ladder.count - 1));
  }

  /** Whether this side's best may get better (1) or worse (-1) without leaving the price's range. */
  #mayMove(ladder: Ladder, direction: 1 | -1): boolean {
    const up = (ladder.side === 'bid') === (direction === 1);
    const best = ladder.tick(0);
    return up ? best < this.#home * PRICE.most : best > this.#home * PRICE.least;
  }

  #match(): SimulatedTrade {
    if (this.#takerLots === 0) this.#nextTaker();
    const ladder = this.#takerSide === 'buy' ? this.#asks : this.#bids;
    const tick = ladder.tick(0);
    const there = ladder.lots(0);
    const lots = Math.min(there, this.#takerLots);
    this.#takerLots -= lots;
    this.#set(ladder, tick, there - lots);
    this.#day.add(tick, lots);
    const { time } = this;
    const trade: SimulatedTrade = {
      id: ++this.#tradeId,
      time,
      side: this.#takerSide,
      price: this.#ticks.text(tick),
      amount: this.#lots.text(lots),
    };
    this.#newestTrade = (this.#newestTrade + 1) % TRADES_KEPT;
    this.#trades[this.#newestTrade] = trade;
    // Makers answer, or takers alone would empty the book's top.
    if (there === lots || this.#random.chance(0.2)) this.#step();
    if (ladder.count < LEVELS.least) this.#extend(ladder);
    return trade;
  }

  /** Takers follow each other: the same side again more often than not, more so in a mood. */
  #nextTaker(): void {
    const random = this.#random;
    const buying = this.#takerSide === 'buy';
    if (random.chance(buying === this.#mood > 0 ? 0.2 : 0.4)) this.#takerSide = buying ? 'sell' : 'buy';
    const bid = this.#bids.tick(0);
    if (bid < this.#home * PRICE.least) this.#takerSide = 'buy';
    else if (bid > this.#home * PRICE.most) this.#takerSide = 'sell';
    this.#takerLots = this.#orderLots();
  }
}
