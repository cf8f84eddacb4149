import {
  type DecimalReader,
  isObject,
  type JsonObject,
  parseJson,
  toMicroseconds,
} from '../../record/index.ts';
import type { BookKeeper } from '../book-keeper.ts';

/** Levels as they arrive: `[price, amount]` texts, checked by `readLevels`. */
export type Levels = readonly (readonly [string, string])[];

/** The update ids a diff covers: all that a sequence rule needs to know of it. */
export interface DepthIds {
  /** `U` and `u`. */
  readonly first: number;
  readonly last: number;
  /** `pu`: `u` of the event before on this stream; NaN on spot, which has none. */
  readonly previous: number;
}

/** A diff: its ids and the levels it changes (protocols/binance.md 6.4, 7.4). */
export interface DepthDelta extends DepthIds {
  readonly timestamp: number;
  readonly bids: Levels;
  readonly asks: Levels;
}

/** A REST book (protocols/binance.md 12.3). */
export interface DepthSnapshot {
  readonly last: number;
  readonly timestamp: number;
  readonly bids: Levels;
  readonly asks: Levels;
}

/** Reads a diff; null where it is not one of this rule's shape. Futures need `pu`, spot has none. */
export function readDelta(data: JsonObject, rule: 'spot' | 'futures'): DepthDelta | null {
  const { U: first, u: last, pu: previous } = data;
  if (!isId(first) || !isId(last) || (rule === 'futures' && !isId(previous))) return null;
  const bids = readLevels(data.b);
  const asks = readLevels(data.a);
  if (bids === null || asks === null) return null;
  return {
    first,
    last,
    previous: rule === 'futures' ? Number(previous) : Number.NaN,
    timestamp: timeOf(data),
    bids,
    asks,
  };
}

/** The diff in a frame that was held as text, wrapped or bare. */
export function readHeldDelta(text: string, rule: 'spot' | 'futures'): DepthDelta | null {
  const message = parseJson(text);
  if (!isObject(message)) return null;
  return readDelta(isObject(message.data) ? message.data : message, rule);
}

/** Reads a REST book; null of an error body or anything else. */
export function readSnapshot(body: string): DepthSnapshot | null {
  const data = parseJson(body);
  if (!isObject(data) || !isId(data.lastUpdateId)) return null;
  const bids = readLevels(data.bids);
  const asks = readLevels(data.asks);
  if (bids === null || asks === null) return null;
  // A new listing may answer an empty book with -1 (protocols/binance.md 14.9); with levels that would be nonsense.
  if (data.lastUpdateId < 0 && bids.length + asks.length > 0) return null;
  return { last: data.lastUpdateId, timestamp: timeOf(data), bids, asks };
}

/** Matching time `T` where there is one, else push time `E`, else null (NaN). */
export function timeOf(data: JsonObject): number {
  return toMicroseconds(data.T ?? data.E);
}

/** Update ids are compared, so they must be exact. All seen fit in 2^53 (protocols/binance.md 5). */
function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Checked whole before anything is applied: a bad level must not leave half a message in a book. */
function readLevels(value: unknown): Levels | null {
  if (!Array.isArray(value)) return null;
  for (const level of value as unknown[]) {
    if (!Array.isArray(level) || !isDecimal(level[0]) || !isDecimal(level[1]) || Number(level[1]) < 0)
      return null;
  }
  return value as unknown as Levels;
}

function isDecimal(value: unknown): boolean {
  return (
    typeof value === 'string' && value !== '' && value.trim() === value && Number.isFinite(Number(value))
  );
}

/** Writes the levels of one message into the book and its rows, bids first, in the order they came. */
export function applyLevels(keeper: BookKeeper, decimals: DecimalReader, bids: Levels, asks: Levels): void {
  for (const [price, amount] of bids) keeper.level('bid', decimals.read(price), decimals.read(amount));
  for (const [price, amount] of asks) keeper.level('ask', decimals.read(price), decimals.read(amount));
}
