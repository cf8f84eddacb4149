import type { Json, JsonObject } from '../../record/index.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { pairOf, readBookMessage } from './message.ts';

/** After a restart of the service every topic begins with this `u` again: two such messages may differ. */
const RESTARTED = 1;

/**
 * Level 1 (protocols/bybit.md 6.3, 11.2): every message is the whole quote. An unchanged quote is sent again every 3 s
 * with the same `u`, which gives no row. `u` need not be consecutive here, so there is no gap to see.
 */
export class Quote {
  readonly topic: string;
  readonly #stream: number;
  readonly #symbol: string;
  readonly #host: DecoderHost;
  #u: number | null = null;
  #seq: number | null = null;

  constructor(host: DecoderHost, stream: number, topic: string, symbol: string) {
    this.topic = topic;
    this.#stream = stream;
    this.#symbol = symbol;
    this.#host = host;
  }

  /** Takes a message of the topic. Throws on one that is none. */
  read(message: JsonObject): Outcome {
    const { u, seq, bids, asks, timestamp } = readBookMessage(message, this.#symbol);
    if (u === this.#u && (u !== RESTARTED || seq === this.#seq)) return 'repeat';
    const [bidPrice, bidAmount] = this.#best(bids);
    const [askPrice, askAmount] = this.#best(asks);
    this.#host.rows.quote(this.#stream, timestamp, bidPrice, bidAmount, askPrice, askAmount);
    this.#u = u;
    this.#seq = seq;
    return 'rows';
  }

  /** A side may be empty: null in the row. */
  #best(levels: readonly unknown[]): readonly [number, number] {
    if (levels.length === 0) return [Number.NaN, Number.NaN];
    const [price, amount] = pairOf(levels[0]);
    return [this.#host.decimals.read(price), this.#host.decimals.read(amount)];
  }

  state(): Json {
    return { topic: this.topic, u: this.#u, seq: this.#seq };
  }

  /** Takes back what `state` gave. */
  restore(state: QuoteState): void {
    this.#u = state.u;
    this.#seq = state.seq;
  }
}

/** What `Quote.state` gives. */
export interface QuoteState {
  readonly topic: string;
  readonly u: number | null;
  readonly seq: number | null;
}
