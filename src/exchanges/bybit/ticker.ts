import type { Json, JsonObject, TickerValues } from '../../record/index.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { checkSymbol, dataOf, shown, timeOf } from './message.ts';
import { Resync } from './resync.ts';

type Column = keyof TickerValues;

/** The fields that become columns (protocols/bybit.md 8). Spot sends no best quotes. */
const COLUMN_OF: readonly (readonly [field: string, column: Column])[] = [
  ['lastPrice', 'lastPrice'],
  ['prevPrice24h', 'openPrice'],
  ['highPrice24h', 'highPrice'],
  ['lowPrice24h', 'lowPrice'],
  ['volume24h', 'volume'],
  ['turnover24h', 'quoteVolume'],
  ['bid1Price', 'bidPrice'],
  ['bid1Size', 'bidAmount'],
  ['ask1Price', 'askPrice'],
  ['ask1Size', 'askAmount'],
];

/**
 * A ticker and its merged state (protocols/bybit.md 8). Linear and inverse send a snapshot, then deltas in which a
 * missing field is unchanged; spot sends snapshots alone. An empty text is "not applicable": null, never zero.
 */
export class Ticker {
  readonly topic: string;
  readonly stream: number;
  readonly #symbol: string;
  readonly #host: DecoderHost;
  readonly #resync: Resync;
  /** Null before the first snapshot. */
  #values: TickerValues | null = null;

  constructor(host: DecoderHost, stream: number, topic: string, symbol: string) {
    this.topic = topic;
    this.stream = stream;
    this.#symbol = symbol;
    this.#host = host;
    this.#resync = new Resync(host, stream, topic);
  }

  /** Takes a message of the topic. Throws on one that is none; the state must then be invalidated. */
  read(message: JsonObject): Outcome {
    const data = dataOf(message);
    checkSymbol(data.symbol, this.#symbol);
    const timestamp = timeOf(undefined, message.ts);
    if (message.type === 'snapshot') return this.#snapshot(data, timestamp);
    if (message.type === 'delta') return this.#delta(data, timestamp);
    throw new TypeError(`expected the type snapshot or delta, got ${shown(message.type)}`);
  }

  #snapshot(data: JsonObject, timestamp: number): Outcome {
    const values: TickerValues = {};
    this.#merge(values, data);
    this.#values = values;
    this.#resync.done();
    this.#host.rows.ticker(this.stream, timestamp, values);
    return 'rows';
  }

  /** A row of the merged state, if one of its columns changed. */
  #delta(data: JsonObject, timestamp: number): Outcome {
    if (this.#values === null) return this.#withoutSnapshot(data);
    if (!this.#merge(this.#values, data)) return 'repeat';
    this.#host.rows.ticker(this.stream, timestamp, this.#values);
    return 'rows';
  }

  /** The fields it leaves out are unknown: no row can be made of it, unless it holds none of ours anyway. */
  #withoutSnapshot(data: JsonObject): Outcome {
    if (!COLUMN_OF.some(([field]) => data[field] !== undefined)) return 'repeat';
    this.#resync.wait();
    return this.#host.undecoded('no-context', 'ticker', this.#symbol);
  }

  /** Takes over the fields that are there; true where a column changed. */
  #merge(values: TickerValues, data: JsonObject): boolean {
    let changed = false;
    for (const [field, column] of COLUMN_OF) {
      const text = data[field];
      if (text === undefined) continue;
      const value = this.#decimal(text, field);
      if (Object.is(value, values[column] ?? Number.NaN)) continue;
      values[column] = value;
      changed = true;
    }
    return changed;
  }

  #decimal(value: unknown, field: string): number {
    if (value !== null && typeof value !== 'string')
      throw new TypeError(`expected a text ${field}, got ${shown(value)}`);
    return this.#host.decimals.read(value);
  }

  /** Forgets the merged state and asks for a snapshot. */
  invalidate(): void {
    this.drop();
    this.#resync.ask();
  }

  /** Forgets the merged state; nothing is asked for. */
  drop(): void {
    this.#values = null;
  }

  state(): Json {
    const values = this.#values;
    return {
      topic: this.topic,
      resync: this.#resync.state(),
      values: values && COLUMN_OF.map(([, column]) => jsonNumber(values[column])),
    };
  }

  /** Takes back what `state` gave, into a new ticker. */
  restore(state: TickerState): void {
    this.#resync.restore(state.resync);
    if (state.values === null) return;
    const values: TickerValues = {};
    for (const [index, [, column]] of COLUMN_OF.entries()) values[column] = state.values[index] ?? Number.NaN;
    this.#values = values;
  }
}

function jsonNumber(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** What `Ticker.state` gives: values in the order of the columns. */
export interface TickerState {
  readonly topic: string;
  readonly resync: Json;
  readonly values: readonly (number | null)[] | null;
}
