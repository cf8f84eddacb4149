import { crc32 } from 'node:zlib';
import type { BookSide } from '../../record/index.ts';
import type { SimulatedLevel, SimulatedSymbol } from '../simulation.ts';

/** Decimals that merged prices and amounts are reckoned with: the finest interval has 12. */
const SCALE = 12;
/** Amounts are written with at least this many decimals, as in the documentation: trailing zeros included. */
const AMOUNT_DECIMALS = 8;
/** Levels read before they are merged into price steps. */
const UNMERGED_DEPTH = 1000;

/**
 * The server's side of one depth subscription: the window as the client must hold it, and the pushes that keep it so.
 * A level that leaves the window is deleted by the push that moves it out.
 */
export class DepthWindow {
  /** Each push is the whole window. */
  readonly isFull: boolean;
  /** When the last full push went out, ms. */
  fullAtMs = 0;
  readonly #symbol: SimulatedSymbol;
  readonly #limit: number;
  readonly #interval: string;
  #bids = new Map<string, string>();
  #asks = new Map<string, string>();

  constructor(symbol: SimulatedSymbol, limit: number, interval: string, isFull: boolean) {
    this.#symbol = symbol;
    this.#limit = limit;
    this.#interval = interval;
    this.isFull = isFull;
  }

  /** The whole window as it is now. */
  full(): DepthData {
    this.#bids = this.#read('bid');
    this.#asks = this.#read('ask');
    return this.#data(true, [...this.#bids], [...this.#asks]);
  }

  /** What changed in the window since the last push; null where nothing did. A side without changes is left out. */
  changes(): DepthData | null {
    const bids = this.#read('bid');
    const asks = this.#read('ask');
    const bidChanges = difference(this.#bids, bids);
    const askChanges = difference(this.#asks, asks);
    if (bidChanges.length + askChanges.length === 0) return null;
    this.#bids = bids;
    this.#asks = asks;
    return this.#data(false, bidChanges, askChanges);
  }

  #data(isFull: boolean, bids: Pairs, asks: Pairs): DepthData {
    return {
      market: this.#symbol.name,
      is_full: isFull,
      depth: {
        ...(isFull || asks.length > 0 ? { asks } : {}),
        ...(isFull || bids.length > 0 ? { bids } : {}),
        last: this.#symbol.day().last,
        updated_at: Math.floor(this.#symbol.time / 1000),
        checksum: checksumOf([...this.#bids, ...this.#asks]),
      },
    };
  }

  #read(side: BookSide): Map<string, string> {
    const merges = Number(this.#interval) > 0;
    const levels = this.#symbol.levels(side, merges ? UNMERGED_DEPTH : this.#limit);
    const window = merges ? merged(levels, this.#interval, side).slice(0, this.#limit) : levels;
    return new Map(window.map(({ price, amount }) => [price, padded(amount)]));
  }
}

type Pairs = readonly (readonly [price: string, amount: string])[];

/** `data` of a `depth.update`, and of the REST answer (protocols/coinex.md 7.4, 10). */
export interface DepthData {
  readonly market: string;
  readonly is_full: boolean;
  readonly depth: {
    readonly asks?: Pairs;
    readonly bids?: Pairs;
    readonly last: string;
    readonly updated_at: number;
    readonly checksum: number;
  };
}

/** All bids best first, then all asks, over the texts as sent (protocols/coinex.md 8.1). */
export function checksumOf(levels: Pairs): number {
  return crc32(levels.map(([price, amount]) => `${price}:${amount}`).join(':'));
}

function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Pairs {
  const changes: [string, string][] = [];
  for (const price of before.keys()) if (!after.has(price)) changes.push([price, '0']);
  for (const [price, amount] of after) if (before.get(price) !== amount) changes.push([price, amount]);
  return changes;
}

/** Amounts summed by price step: bids go down to it, asks up. */
function merged(levels: readonly SimulatedLevel[], interval: string, side: BookSide): SimulatedLevel[] {
  const step = scaled(interval);
  const sums = new Map<bigint, bigint>();
  for (const { price, amount } of levels) {
    const at = scaled(price);
    const bucket = side === 'bid' ? at - (at % step) : at + ((step - (at % step)) % step);
    sums.set(bucket, (sums.get(bucket) ?? 0n) + scaled(amount));
  }
  const decimals = decimalsOf(interval);
  return [...sums].map(([price, amount]) => ({
    price: unscaled(price, decimals),
    amount: unscaled(amount, AMOUNT_DECIMALS),
  }));
}

function decimalsOf(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function scaled(text: string): bigint {
  const [whole = '0', part = ''] = text.split('.');
  return BigInt(whole + part.slice(0, SCALE).padEnd(SCALE, '0'));
}

function unscaled(value: bigint, decimals: number): string {
  const digits = String(value).padStart(SCALE + 1, '0');
  const whole = digits.slice(0, -SCALE);
  return decimals === 0 ? whole : `${whole}.${digits.slice(-SCALE).slice(0, decimals)}`;
}

/** A decimal with trailing zeros up to `decimals`: `0.5` as `0.50000000`. Longer ones stay. */
export function padded(text: string, decimals = AMOUNT_DECIMALS): string {
  const missing = decimals - decimalsOf(text);
  if (missing <= 0) return text;
  return (text.includes('.') ? text : `${text}.`) + '0'.repeat(missing);
}
