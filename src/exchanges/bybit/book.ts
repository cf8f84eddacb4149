import type { BookSide, Json, JsonObject } from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { type BookMessage, pairOf, readBookMessage, shown } from './message.ts';
import { Resync } from './resync.ts';

/** `u` of the snapshot after a restart of the service (protocols/bybit.md 6.1). */
const RESTARTED = 1;

/**
 * So many old deltas in a row, and it is not they that are old: `u` has been reset (protocols/bybit.md 14.18) and
 * the snapshot that should have said so was missed.
 */
const STALE_MAX = 100;

/**
 * A book of depth 50, 200 or 1000 and its rule (protocols/bybit.md 11.1):
 *
 *     snapshot, or u = 1     replaces the book, whenever it comes     last = u
 *     delta, u = last + 1    is applied                               last = u
 *     delta, u <= last       is old: no row
 *     delta, u > last + 1    breaks the book: gap, subscribe again
 *     delta, no valid book   cannot be used: counted as held, though nothing is kept
 *
 * Levels that leave the window of the depth arrive as size "0", so the book needs no trimming.
 */
export class DepthBook {
  readonly topic: string;
  readonly keeper: BookKeeper;
  readonly #symbol: string;
  readonly #host: DecoderHost;
  readonly #resync: Resync;
  /** Old deltas in a row. */
  #stale = 0;

  constructor(host: DecoderHost, stream: number, topic: string, symbol: string) {
    this.topic = topic;
    this.keeper = new BookKeeper(host, stream);
    this.#symbol = symbol;
    this.#host = host;
    this.#resync = new Resync(host, stream, topic);
  }

  /** Takes a message of the topic. Throws on one that is none; the book must then be invalidated. */
  read(message: JsonObject): Outcome {
    const book = readBookMessage(message, this.#symbol);
    if (message.type === 'snapshot' || book.u === RESTARTED) return this.#snapshot(book);
    if (message.type === 'delta') return this.#delta(book);
    throw new TypeError(`expected the type snapshot or delta, got ${shown(message.type)}`);
  }

  #snapshot(message: BookMessage): Outcome {
    this.keeper.beginSnapshot(message.timestamp, 'feed', message.u);
    this.#levels(message);
    this.#stale = 0;
    this.#resync.done();
    this.keeper.proven();
    return 'rows';
  }

  #delta(message: BookMessage): Outcome {
    if (!this.keeper.valid) {
      this.#resync.wait();
      return 'held';
    }
    const last = this.keeper.sequence;
    if (message.u <= last && ++this.#stale <= STALE_MAX) return 'repeat';
    if (message.u !== last + 1) return this.#break(message.u);
    this.#stale = 0;
    return this.#apply(message);
  }

  #apply(message: BookMessage): Outcome {
    const empty = message.bids.length + message.asks.length === 0;
    if (empty) this.keeper.sequence = message.u;
    else {
      this.keeper.beginUpdate(message.timestamp, message.u);
      this.#levels(message);
    }
    // A book that goes on without a hole has missed nothing: this ends a gap of silence or of a clock step.
    this.keeper.proven();
    return empty ? 'repeat' : 'rows';
  }

  #levels(message: BookMessage): void {
    for (const level of message.bids) this.#level('bid', level);
    for (const level of message.asks) this.#level('ask', level);
  }

  #level(side: BookSide, level: unknown): void {
    const [price, amount] = pairOf(level);
    const { decimals } = this.#host;
    this.keeper.level(side, decimals.read(price), decimals.read(amount));
  }

  #break(u: number): Outcome {
    const last = this.keeper.sequence;
    this.#host.broken(this.keeper.stream, {
      cause: 'sequence',
      detail:
        u > last
          ? `expected u ${last + 1}, got ${u}`
          : `expected u ${last + 1}, got ${STALE_MAX} older ones, now ${u}`,
      fromSequence: last,
      toSequence: u,
    });
    this.invalidate();
    return 'held';
  }

  /** Distrusts the book and asks for a snapshot. */
  invalidate(): void {
    this.drop();
    this.#resync.ask();
  }

  /** Distrusts the book; nothing is asked for. */
  drop(): void {
    this.keeper.invalidate();
    this.#stale = 0;
  }

  state(): Json {
    return {
      topic: this.topic,
      keeper: this.keeper.state(),
      resync: this.#resync.state(),
      stale: this.#stale,
    };
  }

  /** Takes back what `state` gave, into a new book. */
  restore(state: BookState): void {
    this.keeper.restore(state.keeper);
    this.#resync.restore(state.resync);
    this.#stale = state.stale;
  }
}

/** What `DepthBook.state` gives. */
export interface BookState {
  readonly topic: string;
  readonly keeper: Json;
  readonly resync: Json;
  readonly stale: number;
}
