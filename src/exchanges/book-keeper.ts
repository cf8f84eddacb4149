import { OrderBook } from '../book/index.ts';
import type { BookOrigin, BookSide, Json, Rows } from '../record/index.ts';
import type { ListSlot, NumberSlot, Reading } from '../shape/index.ts';
import type { DecoderHost } from './exchange.ts';

/** A list of levels in a message, and the slots of price and amount. */
export interface LevelSlots {
  readonly list: ListSlot<unknown>;
  readonly item: readonly [NumberSlot, NumberSlot];
}

function mustBeLevel(price: number, amount: number): void {
  if (!(price > 0 || price <= 0) || !(amount >= 0))
    throw new TypeError(`a level needs a price and an amount, got ${price} and ${amount}`);
}

/**
 * A book together with its rows: every change goes to both, so that the `book` table rebuilds exactly what was held.
 * `step` counts the messages applied to the stream's book, over links, and restarts with each file.
 *
 * The exchange's decoder decides what may be applied; this keeps what was.
 */
export class BookKeeper {
  readonly book: OrderBook;
  readonly stream: number;
  /** True from a snapshot to the next breach. */
  valid = false;
  /** The exchange's number of the last message applied; NaN where it has none. */
  sequence = Number.NaN;
  step = 0;
  readonly #host: DecoderHost;
  #origin: BookOrigin = 'feed';
  #snapshot = false;
  #timestamp = Number.NaN;
  /** The message whose rows are being written; 0 before its first. */
  #message = 0;

  constructor(host: DecoderHost, stream: number, keepTexts = false) {
    this.#host = host;
    this.stream = stream;
    this.book = new OrderBook(keepTexts);
  }

  /** Begins a snapshot: the old book is dropped, and the first row says so. `level` follows, then `proven`. */
  beginSnapshot(timestamp: number, origin: BookOrigin, sequence: number): void {
    this.book.clear();
    this.valid = true;
    this.#begin(timestamp, origin, sequence, true);
    this.#row(null, Number.NaN, Number.NaN);
  }

  /**
   * Begins the changes of one message, which the exchange's rule has found to follow the one before. `level` follows.
   * That the rule held ends a gap that was opened for silence alone.
   */
  beginUpdate(timestamp: number, sequence: number): void {
    this.#begin(timestamp, 'feed', sequence, false);
    if (this.valid) this.#host.proven(this.stream);
  }

  #begin(timestamp: number, origin: BookOrigin, sequence: number, snapshot: boolean): void {
    this.step = this.#host.rows.nextStep(this.stream);
    this.#timestamp = timestamp;
    this.#origin = origin;
    this.#snapshot = snapshot;
    this.sequence = sequence;
    this.#message = 0;
  }

  /** Sets or deletes (amount 0) one level, in the book and as a row. The texts matter only where texts are kept. */
  level(side: BookSide, price: number, amount: number, priceText = '', amountText = ''): void {
    mustBeLevel(price, amount);
    this.book.apply(side, price, amount, priceText, amountText);
    this.#row(side, price, amount);
  }

  /**
   * The same for all items of a list as they come, read off a message: their prices and amounts by these slots. Not for a
   * book that keeps texts.
   * @throws TypeError, nothing done with this list, where one has no price, or an amount that is none
   */
  levels(side: BookSide, reading: Reading, { list, item: [price, amount] }: LevelSlots): void {
    const { numbers, stride, count, isPlain } = reading.numbersOf(list);
    if (count === 0) return;
    if (!isPlain)
      for (let i = 0, at = 0; i < count; i++, at += stride)
        mustBeLevel(numbers[at + price] as number, numbers[at + amount] as number);
    this.book.unknownDeletes += this.book.side(side).setAll(numbers, count, stride, price, amount);
    this.#beginRows().levels(side, count, numbers, stride, price, amount);
  }

  #row(side: BookSide | null, price: number, amount: number): void {
    this.#beginRows().level(side, price, amount);
  }

  /** Where the rows of the present message go. */
  #beginRows(): Rows {
    const { rows } = this.#host;
    if (rows.bookMessage !== this.#message || this.#message === 0)
      this.#message = rows.beginBook(
        this.stream,
        this.#timestamp,
        this.#snapshot,
        this.#origin,
        this.step,
        this.sequence,
        this.valid,
      );
    return rows;
  }

  /** The snapshot is complete and the rule holds: the stream's gap, if any, ends here. */
  proven(): void {
    this.#host.proven(this.stream);
  }

  /**
   * From here on the book is unknown until its next snapshot: it is emptied, and one row with `valid` false says so
   * to whoever rebuilds it. Nothing happens to a book that is not valid.
   */
  invalidate(): void {
    if (!this.valid) return;
    this.valid = false;
    this.book.clear();
    this.#begin(Number.NaN, 'ours', Number.NaN, false);
    this.#row(null, Number.NaN, Number.NaN);
  }

  /** Writes a valid book as the snapshot a new journal file begins with; `step` restarts at 1. */
  openingSnapshot(): void {
    this.#host.rows.restartSteps(this.stream);
    if (!this.valid) return;
    this.#begin(Number.NaN, 'ours', this.sequence, true);
    this.#row(null, Number.NaN, Number.NaN);
    for (const side of ['bid', 'ask'] as const) {
      const levels = this.book.side(side);
      for (let n = 0; n < levels.count; n++) this.#row(side, levels.price(n), levels.amount(n));
    }
  }

  state(): Json {
    return {
      valid: this.valid,
      sequence: Number.isNaN(this.sequence) ? null : this.sequence,
      step: this.step,
      book: this.valid ? this.book.state() : null,
    };
  }

  restore(state: Json): void {
    const { valid, sequence, step, book } = state as {
      valid: boolean;
      sequence: number | null;
      step: number;
      book: Json;
    };
    this.valid = valid;
    this.sequence = sequence ?? Number.NaN;
    this.step = step;
    this.#host.rows.resumeSteps(this.stream, step);
    if (book !== null) this.book.restore(book);
  }
}
