import { interleavedChecksum, OrderBook } from '../../book/index.ts';
import type { BookSide, Json } from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { Breach, DecoderHost } from '../exchange.ts';
import type { Entries } from './entries.ts';
import { type BookParameters, bookFeed, type Served } from './feeds.ts';
import type { Tail } from './flags.ts';

/** The checksum covers 25 levels a side; of a shorter book it is not known what it covers (9.5). */
const CHECKSUM_DEPTH = 25;

/** The best prices of a book, and the amounts there; NaN where a side is empty. */
class Top {
  bidPrice = Number.NaN;
  bidAmount = Number.NaN;
  askPrice = Number.NaN;
  askAmount = Number.NaN;

  /** Takes over a book's; false where nothing changed. */
  take({ bids, asks }: OrderBook): boolean {
    const isSame =
      Object.is(bids.price(0), this.bidPrice) &&
      Object.is(bids.amount(0), this.bidAmount) &&
      Object.is(asks.price(0), this.askPrice) &&
      Object.is(asks.amount(0), this.askAmount);
    if (isSame) return false;
    this.bidPrice = bids.price(0);
    this.bidAmount = bids.amount(0);
    this.askPrice = asks.price(0);
    this.askAmount = asks.amount(0);
    return true;
  }

  forget(): void {
    this.bidPrice = Number.NaN;
    this.bidAmount = Number.NaN;
    this.askPrice = Number.NaN;
    this.askAmount = Number.NaN;
  }
}

/**
 * The book of one symbol and feed, and what it serves: rows of the book, rows of its best prices, or both. It is
 * valid from its snapshot to the next breach.
 */
export class PriceBook {
  readonly symbol: string;
  readonly parameters: BookParameters;
  /** Stream codes; null where not served. */
  readonly bookStream: number | null;
  readonly quotesStream: number | null;
  readonly #host: DecoderHost;
  readonly #keeper: BookKeeper | null;
  /** The keeper's book, or one without rows where only quotes are served. */
  readonly #book: OrderBook;
  #valid = false;
  /** As told last. */
  readonly #top = new Top();

  constructor(host: DecoderHost, symbol: string, parameters: BookParameters, served: Served) {
    const feed = bookFeed(parameters);
    this.#host = host;
    this.symbol = symbol;
    this.parameters = parameters;
    this.bookStream = served.book ? host.stream('book', feed, symbol) : null;
    this.quotesStream = served.quotes ? host.stream('quotes', feed, symbol) : null;
    this.#keeper = this.bookStream === null ? null : new BookKeeper(host, this.bookStream, true);
    this.#book = this.#keeper?.book ?? new OrderBook(true);
  }

  get valid(): boolean {
    return this.#valid;
  }

  get served(): Served {
    return { book: this.bookStream !== null, quotes: this.quotesStream !== null };
  }

  /** The stream that stands for both where only one can be named. */
  get stream(): number {
    return this.bookStream ?? this.quotesStream ?? 0;
  }

  /** A message of the channel came. The book is named last, so that it is blamed first. */
  heard(): void {
    if (this.quotesStream !== null) this.#host.heard(this.quotesStream);
    if (this.bookStream !== null) this.#host.heard(this.bookStream);
  }

  /** Replaces the book. */
  snapshot(entries: Entries, { sequence, timestamp }: Tail): void {
    if (this.#keeper === null) this.#book.clear();
    else this.#keeper.beginSnapshot(timestamp, 'feed', sequence);
    this.#valid = true;
    this.#apply(entries);
    for (const stream of [this.bookStream, this.quotesStream]) if (stream !== null) this.#host.proven(stream);
    this.#quote(timestamp);
  }

  /** Changes the book by one message. Returns whether that gave rows. */
  update(entries: Entries, { sequence, timestamp }: Tail): boolean {
    if (entries.count === 0) return false;
    this.#keeper?.beginUpdate(timestamp, sequence);
    this.#apply(entries);
    return this.#quote(timestamp) || this.#keeper !== null;
  }

  /** The texts become strings here, and only those of levels that stay. */
  #apply(entries: Entries): void {
    const levels = this.#keeper ?? this;
    for (let i = 0; i < entries.count; i++) {
      const amount = entries.amount(i);
      if (amount === 0) levels.level(entries.side(i), entries.price(i), 0, '', '');
      else
        levels.level(entries.side(i), entries.price(i), amount, entries.priceText(i), entries.amountText(i));
    }
  }

  /** A level without a row. */
  level(side: BookSide, price: number, amount: number, priceText: string, amountText: string): void {
    this.#book.apply(side, price, amount, priceText, amountText);
  }

  /** Writes the best prices where one of the four numbers changed; null where a side is empty. */
  #quote(timestamp: number): boolean {
    const top = this.#top;
    if (this.quotesStream === null || !top.take(this.#book)) return false;
    const { bidPrice, bidAmount, askPrice, askAmount } = top;
    this.#host.rows.quote(this.quotesStream, timestamp, bidPrice, bidAmount, askPrice, askAmount);
    return true;
  }

  /** Compares a checksum with the book, where it is known what the checksum covers; the result is only counted. */
  verify(checksum: number): void {
    const { prec, len } = this.parameters;
    if (!this.#valid || prec !== 'P0' || Number(len) < CHECKSUM_DEPTH) return;
    this.#host.checksum(this.stream, interleavedChecksum(this.#book, CHECKSUM_DEPTH) === checksum);
  }

  /** Distrusts the book until its next snapshot. */
  invalidate(): void {
    this.#keeper?.invalidate();
    this.#book.clear();
    this.#valid = false;
    this.#top.forget();
  }

  /** The same, and says why. */
  break(breach: Breach): void {
    this.invalidate();
    for (const stream of [this.bookStream, this.quotesStream])
      if (stream !== null) this.#host.broken(stream, breach);
  }

  /** This book takes the place of another on the same stream: its steps go on from there. */
  continueSteps(other: PriceBook): void {
    if (this.#keeper !== null && other.#keeper !== null) this.#keeper.step = other.#keeper.step;
  }

  openingSnapshot(): void {
    this.#keeper?.openingSnapshot();
  }

  state(): Json {
    return {
      symbol: this.symbol,
      parameters: { ...this.parameters },
      served: { ...this.served },
      valid: this.#valid,
      keeper: this.#keeper?.state() ?? null,
      book: this.#keeper === null ? this.#book.state() : null,
    };
  }

  /** Takes back what `state` gave, into a new book. */
  restore(state: BookState): void {
    if (state.keeper !== null) this.#keeper?.restore(state.keeper);
    if (state.book !== null) this.#book.restore(state.book);
    this.#valid = state.valid;
    this.#top.take(this.#book);
  }
}

/** What `PriceBook.state` gives. */
export interface BookState {
  readonly symbol: string;
  readonly parameters: BookParameters;
  readonly served: Served;
  readonly valid: boolean;
  readonly keeper: Json;
  readonly book: Json;
}
