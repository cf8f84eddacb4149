import { crc32 } from 'node:zlib';
import type { BookSide } from '../../record/index.ts';
import type { SimulatedLevel, SimulatedSymbol } from '../simulation.ts';
import type { BookParameters } from './feeds.ts';

/** `[PRICE, COUNT, AMOUNT]`, as it goes into a message. */
export type WireEntry = readonly [price: number, count: number, amount: number];

/** Raw levels looked at for one level of a coarse book: enough that its window is mostly full. */
const COARSE_FACTOR = 4;

/** Significant figures by precision (protocols/bitfinex.md 8.1). */
const FIGURES: Readonly<Record<string, number>> = { P0: 5, P1: 4, P2: 3, P3: 2, P4: 1 };

/**
 * The server's view of one book channel: the best `len` levels a side, prices grouped to the channel's precision.
 * Written apart from the decoder's book on purpose: the two check each other.
 */
export class SimulatedBook {
  readonly #symbol: SimulatedSymbol;
  readonly #parameters: BookParameters;
  /** What the client has by now, best first. */
  #bids = new Map<number, WireEntry>();
  #asks = new Map<number, WireEntry>();

  constructor(symbol: SimulatedSymbol, parameters: BookParameters) {
    this.#symbol = symbol;
    this.#parameters = parameters;
  }

  /** The whole window, bids descending, then asks ascending; what follows are changes to it. */
  snapshot(): WireEntry[] {
    this.#bids = this.#window('bid');
    this.#asks = this.#window('ask');
    return [...this.#bids.values(), ...this.#asks.values()];
  }

  /** What has changed since: deletes first, among them levels pushed out of the window, then sets (8.3). */
  changes(): WireEntry[] {
    const bids = this.#window('bid');
    const asks = this.#window('ask');
    const changes = [
      ...deletes(this.#bids, bids, 1),
      ...deletes(this.#asks, asks, -1),
      ...sets(this.#bids, bids),
      ...sets(this.#asks, asks),
    ];
    this.#bids = bids;
    this.#asks = asks;
    return changes;
  }

  /** Over what the client has after the last changes. */
  checksum(): number {
    return checksumOf([...this.#bids.values()], [...this.#asks.values()]);
  }

  #window(side: BookSide): Map<number, WireEntry> {
    const len = Number(this.#parameters.len);
    const figures = FIGURES[this.#parameters.prec] ?? 5;
    const depth = this.#parameters.prec === 'P0' ? len : len * COARSE_FACTOR;
    const levels = new Map<number, WireEntry>();
    for (const level of this.#symbol.levels(side, depth)) {
      const price = grouped(Number(level.price), figures, side);
      const known = levels.get(price);
      if (known === undefined && levels.size === len) break;
      levels.set(price, merged(price, known, level, side));
    }
    return levels;
  }
}

/** Bids are rounded down and asks up, so that a coarse book is never crossed. */
function grouped(price: number, figures: number, side: BookSide): number {
  const step = 10 ** (Math.floor(Math.log10(price)) + 1 - figures);
  const steps = price / step;
  const nearest = Math.round(steps);
  if (Math.abs(steps - nearest) < 1e-6) return Number(price.toPrecision(figures));
  return Number(((side === 'bid' ? Math.floor(steps) : Math.ceil(steps)) * step).toPrecision(figures));
}

/** Sums carry binary noise, as the real ones do (protocols/bitfinex.md 2). */
function merged(
  price: number,
  known: WireEntry | undefined,
  level: SimulatedLevel,
  side: BookSide,
): WireEntry {
  const sign = side === 'bid' ? 1 : -1;
  const orders = 1 + (level.amount.length % 4);
  return [price, (known?.[1] ?? 0) + orders, (known?.[2] ?? 0) + sign * Number(level.amount)];
}

function deletes(before: Map<number, WireEntry>, after: Map<number, WireEntry>, side: 1 | -1): WireEntry[] {
  return [...before.keys()].filter((price) => !after.has(price)).map((price) => [price, 0, side]);
}

function sets(before: Map<number, WireEntry>, after: Map<number, WireEntry>): WireEntry[] {
  return [...after.values()].filter(([price, count, amount]) => {
    const known = before.get(price);
    return known === undefined || known[1] !== count || known[2] !== amount;
  });
}

/** The venue's checksum over both sides, best first: bid and ask in turn, asks with their sign (9.1). */
export function checksumOf(bids: readonly WireEntry[], asks: readonly WireEntry[]): number {
  const parts: number[] = [];
  for (let n = 0; n < 25; n++)
    for (const entry of [bids[n], asks[n]]) if (entry !== undefined) parts.push(entry[0], entry[2]);
  return crc32(parts.join(':')) | 0;
}
