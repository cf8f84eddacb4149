import type { Json } from '../../record/index.ts';
import type { Reading } from '../../shape/index.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { type SymbolName, timeOf } from './message.ts';
import { QUOTE } from './shapes.ts';

/** After a restart of the service every topic begins with this `u` again: two such messages may differ. */
const RESTARTED = 1;

/**
 * Level 1 (protocols/bybit.md 6.3, 11.2): every message is the whole quote. An unchanged quote is sent again every 3 s
 * with the same `u`, which gives no row. `u` need not be consecutive here, so there is no gap to see.
 */
export class Quote {
  readonly topic: string;
  readonly #stream: number;
  readonly #symbol: SymbolName;
  readonly #host: DecoderHost;
  /** The link's, of the message that has just come. */
  readonly #reading: Reading;
  #u: number | null = null;
  #seq: number | null = null;

  constructor(host: DecoderHost, stream: number, topic: string, symbol: SymbolName, reading: Reading) {
    this.topic = topic;
    this.#stream = stream;
    this.#symbol = symbol;
    this.#host = host;
    this.#reading = reading;
  }

  /** Takes the message read last. Throws where it is of another symbol. */
  take(): Outcome {
    const reading = this.#reading;
    const { data } = QUOTE.slots;
    this.#symbol.check(reading, data.s);
    const u = reading.number(data.u);
    const seq = Number.isNaN(reading.number(data.seq)) ? null : reading.number(data.seq);
    if (u === this.#u && (u !== RESTARTED || seq === this.#seq)) return 'repeat';
    // A side may be empty: null in the row.
    const hasBid = reading.count(data.b.list) > 0;
    const hasAsk = reading.count(data.a.list) > 0;
    this.#host.rows.quote(
      this.#stream,
      timeOf(reading, QUOTE.slots),
      hasBid ? reading.numberAt(data.b.list, 0, data.b.item[0]) : Number.NaN,
      hasBid ? reading.numberAt(data.b.list, 0, data.b.item[1]) : Number.NaN,
      hasAsk ? reading.numberAt(data.a.list, 0, data.a.item[0]) : Number.NaN,
      hasAsk ? reading.numberAt(data.a.list, 0, data.a.item[1]) : Number.NaN,
    );
    this.#u = u;
    this.#seq = seq;
    return 'rows';
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
