import type { Json } from '../../record/index.ts';
import type { Reading } from '../../shape/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { type SymbolName, timeOf } from './message.ts';
import { Resync } from './resync.ts';
import { BOOK } from './shapes.ts';

/** What `type` says, by the index of its choice in shapes.ts. */
const SNAPSHOT = 0;
const DELTA = 1;

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
  readonly #symbol: SymbolName;
  readonly #host: DecoderHost;
  /** The link's, of the message that has just come. */
  readonly #reading: Reading;
  readonly #resync: Resync;
  /** Old deltas in a row. */
  #stale = 0;

  constructor(host: DecoderHost, stream: number, topic: string, symbol: SymbolName, reading: Reading) {
    this.topic = topic;
    this.keeper = new BookKeeper(host, stream);
    this.#symbol = symbol;
    this.#host = host;
    this.#reading = reading;
    this.#resync = new Resync(host, stream, topic);
  }

  /** Takes the message read last. Throws on one that is none; the book must then be invalidated. */
  take(): Outcome {
    const reading = this.#reading;
    const { type, data } = BOOK.slots;
    this.#symbol.check(reading, data.s);
    const u = reading.number(data.u);
    if (reading.number(type) === SNAPSHOT || u === RESTARTED) return this.#snapshot(u);
    if (reading.number(type) === DELTA) return this.#delta(u);
    throw new TypeError(`expected the type snapshot or delta, got ${JSON.stringify(reading.text(type))}`);
  }

  #snapshot(u: number): Outcome {
    this.keeper.beginSnapshot(timeOf(this.#reading, BOOK.slots), 'feed', u);
    this.#levels();
    this.#stale = 0;
    this.#resync.done();
    this.keeper.proven();
    return 'rows';
  }

  #delta(u: number): Outcome {
    if (!this.keeper.valid) {
      this.#resync.wait();
      return 'held';
    }
    const last = this.keeper.sequence;
    if (u <= last && ++this.#stale <= STALE_MAX) return 'repeat';
    if (u !== last + 1) return this.#break(u);
    this.#stale = 0;
    return this.#apply(u);
  }

  #apply(u: number): Outcome {
    const { b, a } = BOOK.slots.data;
    const empty = this.#reading.count(b.list) + this.#reading.count(a.list) === 0;
    if (empty) this.keeper.sequence = u;
    else {
      this.keeper.beginUpdate(timeOf(this.#reading, BOOK.slots), u);
      this.#levels();
    }
    // A book that goes on without a hole has missed nothing: this ends a gap of silence or of a clock step.
    this.keeper.proven();
    return empty ? 'repeat' : 'rows';
  }

  #levels(): void {
    this.keeper.levels('bid', this.#reading, BOOK.slots.data.b);
    this.keeper.levels('ask', this.#reading, BOOK.slots.data.a);
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
