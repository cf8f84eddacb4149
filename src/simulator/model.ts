import type { SimulatedMarket } from '../exchanges/index.ts';
import { Random } from './random.ts';
import type { SymbolSpecification } from './specification.ts';
import { ModelSymbol } from './symbol.ts';

/**
 * A seeded market: its instruments and the chance its dialect may use. Everything follows from the seed, the clock
 * and the order of the calls.
 */
export class MarketModel implements SimulatedMarket {
  readonly symbols: readonly ModelSymbol[];
  readonly #byName: ReadonlyMap<string, ModelSymbol>;
  readonly #random: Random;
  readonly #now: () => number;

  /** `now` gives server time, µs since the epoch, and must not go back. */
  constructor(seed: string, specifications: readonly SymbolSpecification[], now: () => number) {
    this.#random = new Random(seed);
    this.#now = now;
    this.symbols = specifications.map(
      (specification) => new ModelSymbol(specification, this.#random.fork(specification.name), now),
    );
    this.#byName = new Map(this.symbols.map((symbol) => [symbol.name, symbol]));
  }

  symbol(name: string): ModelSymbol | undefined {
    return this.#byName.get(name);
  }

  now(): number {
    return this.#now();
  }

  random(): number {
    return this.#random.next();
  }
}
