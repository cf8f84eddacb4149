import { isObject, type JsonObject, toMicroseconds } from '../../record/index.ts';

/** What a book or quote message holds, checked: level arrays are arrays, their values not yet looked at. */
export interface BookMessage {
  readonly bids: readonly unknown[];
  readonly asks: readonly unknown[];
  /** Update id of this topic. */
  readonly u: number;
  /** Cross sequence; null where the message has none. */
  readonly seq: number | null;
  /** Matching time where it is given, else push time, µs. */
  readonly timestamp: number;
}

/**
 * The common shape of all order book topics (protocols/bybit.md 6.1). `cts` stands beside `data`, not in it.
 * @throws TypeError on any other shape
 */
export function readBookMessage(message: JsonObject, symbol: string): BookMessage {
  const data = dataOf(message);
  checkSymbol(data.s, symbol);
  const { b, a, u, seq } = data;
  if (!Array.isArray(b) || !Array.isArray(a)) throw new TypeError('expected the arrays b and a');
  if (!Number.isSafeInteger(u)) throw new TypeError(`expected an integer u, got ${shown(u)}`);
  return {
    bids: b,
    asks: a,
    u: u as number,
    seq: Number.isSafeInteger(seq) ? (seq as number) : null,
    timestamp: timeOf(message.cts, message.ts),
  };
}

/** The `data` object of a message. */
export function dataOf(message: JsonObject): JsonObject {
  if (!isObject(message.data))
    throw new TypeError(`expected data to be an object, got ${shown(message.data)}`);
  return message.data;
}

/** A payload names its symbol again; one that names another would be written to the wrong stream. */
export function checkSymbol(found: unknown, symbol: string): void {
  if (found !== undefined && found !== symbol)
    throw new TypeError(`expected the symbol ${symbol}, got ${shown(found)}`);
}

/** The first of these times that is one, µs; both may be quoted (protocols/bybit.md 5). NaN where none is. */
export function timeOf(matching: unknown, pushed: unknown): number {
  const time = toMicroseconds(matching);
  return Number.isNaN(time) ? toMicroseconds(pushed) : time;
}

/** Price and amount of a level: two texts (protocols/bybit.md 6.1). */
export function pairOf(level: unknown): readonly [string, string] {
  if (!Array.isArray(level) || typeof level[0] !== 'string' || typeof level[1] !== 'string')
    throw new TypeError(`expected a level [price, size], got ${shown(level)}`);
  return [level[0], level[1]];
}

/** A text that must be there. */
export function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`expected a text ${name}, got ${shown(value)}`);
  return value;
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 60);
}
