import type { Json, TickerValues } from '../../record/index.ts';
import type { BothSlot, Reading } from '../../shape/index.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import type { SymbolName } from './message.ts';
import { Resync } from './resync.ts';
import { TICKER } from './shapes.ts';

type Column = keyof TickerValues;

const { data: DATA } = TICKER.slots;
/** What `type` says, by the index of its choice in shapes.ts. */
const SNAPSHOT = 0;

/** The fields that become columns (protocols/bybit.md 8), in the order of a saved state. Spot sends no best quotes. */
const COLUMN_OF: readonly (readonly [slot: BothSlot, column: Column])[] = [
  [DATA.lastPrice, 'lastPrice'],
  [DATA.prevPrice24h, 'openPrice'],
  [DATA.highPrice24h, 'highPrice'],
  [DATA.lowPrice24h, 'lowPrice'],
  [DATA.volume24h, 'volume'],
  [DATA.turnover24h, 'quoteVolume'],
  [DATA.bid1Price, 'bidPrice'],
  [DATA.bid1Size, 'bidAmount'],
  [DATA.ask1Price, 'askPrice'],
  [DATA.ask1Size, 'askAmount'],
];

/**
 * A ticker and its merged state (protocols/bybit.md 8). Linear and inverse send a snapshot, then deltas in which a
 * missing field is unchanged; spot sends snapshots alone. An empty text is "not applicable": null, never zero.
 */
export class Ticker {
  readonly topic: string;
  readonly stream: number;
  readonly #symbol: SymbolName;
  readonly #host: DecoderHost;
  /** The link's, of the message that has just come. */
  readonly #reading: Reading;
  readonly #resync: Resync;
  /** The merged state; NaN is null. */
  readonly #values = noValues();
  /** False before the first snapshot, and once the state is distrusted. */
  #isKnown = false;

  constructor(host: DecoderHost, stream: number, topic: string, symbol: SymbolName, reading: Reading) {
    this.topic = topic;
    this.stream = stream;
    this.#symbol = symbol;
    this.#host = host;
    this.#reading = reading;
    this.#resync = new Resync(host, stream, topic);
  }

  /** Takes the message read last. Throws where it is of another symbol; the state must then be invalidated. */
  take(): Outcome {
    const { type, ts, data } = TICKER.slots;
    this.#symbol.check(this.#reading, data.symbol);
    const timestamp = this.#reading.number(ts);
    return this.#reading.number(type) === SNAPSHOT ? this.#snapshot(timestamp) : this.#delta(timestamp);
  }

  #snapshot(timestamp: number): Outcome {
    for (const [, column] of COLUMN_OF) this.#values[column] = Number.NaN;
    this.#merge();
    this.#isKnown = true;
    this.#resync.done();
    this.#host.rows.ticker(this.stream, timestamp, this.#values);
    return 'rows';
  }

  /** A row of the merged state, if one of its columns changed. */
  #delta(timestamp: number): Outcome {
    if (!this.#isKnown) return this.#withoutSnapshot();
    if (!this.#merge()) return 'repeat';
    this.#host.rows.ticker(this.stream, timestamp, this.#values);
    return 'rows';
  }

  /** The fields it leaves out are unknown: no row can be made of it, unless it holds none of ours anyway. */
  #withoutSnapshot(): Outcome {
    if (!COLUMN_OF.some(([slot]) => this.#reading.hasText(slot))) return 'repeat';
    this.#resync.wait();
    return this.#host.undecoded('no-context', 'ticker', this.#symbol.text);
  }

  /** Takes over the fields that are there, empty ones as null; true where a column changed. */
  #merge(): boolean {
    let changed = false;
    for (let i = 0; i < COLUMN_OF.length; i++) {
      const [slot, column] = COLUMN_OF[i] as (typeof COLUMN_OF)[number];
      if (!this.#reading.hasText(slot)) continue;
      const value = this.#reading.number(slot);
      if (Object.is(value, this.#values[column])) continue;
      this.#values[column] = value;
      changed = true;
    }
    return changed;
  }

  /** Forgets the merged state and asks for a snapshot. */
  invalidate(): void {
    this.drop();
    this.#resync.ask();
  }

  /** Forgets the merged state; nothing is asked for. */
  drop(): void {
    this.#isKnown = false;
  }

  state(): Json {
    return {
      topic: this.topic,
      resync: this.#resync.state(),
      values: this.#isKnown ? COLUMN_OF.map(([, column]) => jsonNumber(this.#values[column])) : null,
    };
  }

  /** Takes back what `state` gave, into a new ticker. */
  restore(state: TickerState): void {
    this.#resync.restore(state.resync);
    if (state.values === null) return;
    this.#isKnown = true;
    for (const [index, [, column]] of COLUMN_OF.entries())
      this.#values[column] = state.values[index] ?? Number.NaN;
  }
}

function noValues(): Required<TickerValues> {
  return {
    lastPrice: Number.NaN,
    openPrice: Number.NaN,
    highPrice: Number.NaN,
    lowPrice: Number.NaN,
    volume: Number.NaN,
    quoteVolume: Number.NaN,
    bidPrice: Number.NaN,
    bidAmount: Number.NaN,
    askPrice: Number.NaN,
    askAmount: Number.NaN,
  };
}

function jsonNumber(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** What `Ticker.state` gives: values in the order of the columns. */
export interface TickerState {
  readonly topic: string;
  readonly resync: Json;
  readonly values: readonly (number | null)[] | null;
}
