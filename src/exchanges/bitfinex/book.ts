import { interleavedChecksum, OrderBook } from '../../book/index.ts';
import type { BookSide, Json } from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { Breach, DecoderHost } from '../exchange.ts';
import { type BookParameters, bookFeed, type Served } from './feeds.ts';
import type { Tail } from './flags.ts';
import { decimalText, unsigned } from './values.ts';

/** One entry of a P book: `[PRICE, COUNT, AMOUNT]`, read (protocols/bitfinex.md 8.2). */
export interface Entry {
  readonly side: BookSide;
  readonly priceText: string;
  /** Absolute; '0' deletes. */
  readonly amountText: string;
}

/** The checksum covers 25 levels a side; of a shorter book it is not known what it covers (9.5). */
const CHECKSUM_DEPTH = 25;

const NO_TOP = [Number.NaN, Number.NaN, Number.NaN, Number.NaN] as const;
type Top = readonly [bidPrice: number, bidAmount: number, askPrice: number, askAmount: number];

/**
 * Entries of a message; null where one is no entry: read whole before anything is applied, so that a bad one leaves
 * no half message in a book.
 */
export function readEntries(list: readonly unknown[]): Entry[] | null {
  const entries: Entry[] = [];
  for (const item of list) {
    const entry = Array.isArray(item) ? readEntry(item) : null;
    if (entry === null) return null;
    entries.push(entry);
  }
  return entries;
}

/**
 * The sign of AMOUNT gives the side: above zero bid, below zero ask. COUNT 0 deletes, and AMOUNT is then only the
 * side; else AMOUNT is the level's new total (8.3).
 */
function readEntry(item: readonly unknown[]): Entry | null {
  const priceText = decimalText(item[0]);
  const countText = decimalText(item[1]);
  const amountText = decimalText(item[2]);
  if (priceText === null || countText === null || amountText === null) return null;
  const count = Number(countText);
  const amount = Number(amountText);
  if (count < 0 || amount === 0) return null;
  return {
    side: amount > 0 ? 'bid' : 'ask',
    priceText,
    amountText: count === 0 ? '0' : unsigned(amountText),
  };
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
  #top: Top = NO_TOP;

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
    for (const stream of [this.quotesStream, this.bookStream]) if (stream !== null) this.#host.heard(stream);
  }

  /** Replaces the book. */
  snapshot(entries: readonly Entry[], { sequence, timestamp }: Tail): void {
    if (this.#keeper === null) this.#book.clear();
    else this.#keeper.beginSnapshot(timestamp, 'feed', sequence);
    this.#valid = true;
    this.#apply(entries);
    for (const stream of [this.bookStream, this.quotesStream]) if (stream !== null) this.#host.proven(stream);
    this.#quote(timestamp);
  }

  /** Changes the book by one message. Returns whether that gave rows. */
  update(entries: readonly Entry[], { sequence, timestamp }: Tail): boolean {
    if (entries.length === 0) return false;
    this.#keeper?.beginUpdate(timestamp, sequence);
    this.#apply(entries);
    return this.#quote(timestamp) || this.#keeper !== null;
  }

  #apply(entries: readonly Entry[]): void {
    const { decimals } = this.#host;
    for (const { side, priceText, amountText } of entries) {
      const price = decimals.read(priceText);
      const amount = decimals.read(amountText);
      (this.#keeper ?? this).level(side, price, amount, priceText, amountText);
    }
  }

  /** A level without a row. */
  level(side: BookSide, price: number, amount: number, priceText: string, amountText: string): void {
    this.#book.apply(side, price, amount, priceText, amountText);
  }

  /** Writes the best prices where one of the four numbers changed; null where a side is empty. */
  #quote(timestamp: number): boolean {
    if (this.quotesStream === null) return false;
    const top = this.#bestOfBook();
    if (top.every((value, index) => Object.is(value, this.#top[index]))) return false;
    this.#top = top;
    this.#host.rows.quote(this.quotesStream, timestamp, ...top);
    return true;
  }

  #bestOfBook(): Top {
    const { bids, asks } = this.#book;
    return [bids.price(0), bids.amount(0), asks.price(0), asks.amount(0)];
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
    this.#top = NO_TOP;
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
    this.#top = this.#bestOfBook();
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
