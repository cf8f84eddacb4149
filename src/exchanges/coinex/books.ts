import type { Json } from '../../record/index.ts';
import type { Breach, DecoderHost } from '../exchange.ts';
import type { Asked } from './asked.ts';
import { CoinexBook } from './book.ts';
import { depthFeed, feedOf, marketOf, type WireRequest } from './requests.ts';

/**
 * The books of one link, by market, since a push names no more than that; and what is done when they cannot be
 * trusted: WAIT_FULL, and a fresh start by unsubscribe and subscribe (protocols/coinex.md 8.2 step 6).
 */
export class LinkBooks {
  readonly #host: DecoderHost;
  readonly #asked: Asked;
  readonly #books = new Map<string, CoinexBook>();

  constructor(host: DecoderHost, asked: Asked) {
    this.#host = host;
    this.#asked = asked;
  }

  /** The book of a market, in the feed that was asked for last; the default where no request is known. */
  of(market: string): CoinexBook {
    let book = this.#books.get(market);
    if (book === undefined) {
      const entry = this.#asked.depthEntry(market);
      const feed = entry === undefined ? null : feedOf('depth', entry);
      book = new CoinexBook(this.#host, market, feed ?? depthFeed(50, '0'));
      this.#books.set(market, book);
    }
    return book;
  }

  [Symbol.iterator](): Iterator<CoinexBook> {
    return this.#books.values();
  }

  /** A depth request went out: a book whose subscription ends or changes its feed waits for its next full push. */
  asked(request: WireRequest): void {
    if (request.verb === 'unsubscribe') {
      const markets = request.all ? [...this.#books.keys()] : request.entries.map(marketOf);
      for (const market of markets)
        this.#distrust(this.#books.get(market), { cause: 'sequence', detail: 'unsubscribed' });
      return;
    }
    for (const entry of request.entries) {
      const book = this.#books.get(marketOf(entry));
      const feed = feedOf('depth', entry);
      if (book === undefined || feed === null || feed === book.feed) continue;
      this.#distrust(book, { cause: 'sequence', detail: `replaced by ${feed} on the same link` });
      this.#books.delete(book.market);
    }
  }

  #distrust(book: CoinexBook | undefined, breach: Breach): void {
    if (book === undefined || !book.keeper.valid) return;
    this.#host.broken(book.stream, breach);
    book.invalidate();
  }

  /** One book broke. */
  breach(book: CoinexBook, breach: Breach): void {
    this.#host.broken(book.stream, breach);
    book.invalidate();
    this.resync([book]);
  }

  /** Any of them may have missed a change: all start afresh. */
  breachAll(breach: Breach): void {
    for (const book of this.#books.values()) this.#distrust(book, breach);
    this.resync([...this.#books.values()]);
  }

  /** Asks for full pushes. */
  resync(books: readonly CoinexBook[]): void {
    const first = books[0];
    if (first === undefined) return;
    this.#host.request({ kind: 'send', stream: first.stream, texts: this.#asked.resyncTexts(books) });
  }

  /** See `LinkDecoder.invalidate`. */
  invalidate(stream: number | null): void {
    for (const book of this.#books.values()) {
      if (stream !== null && book.stream !== stream) continue;
      book.invalidate();
      if (stream !== null) this.resync([book]);
    }
  }

  state(): Json {
    return [...this.#books.values()].map((book) => book.state());
  }

  restore(state: Json): void {
    for (const saved of state as Json[]) {
      const book = CoinexBook.restored(this.#host, saved);
      this.#books.set(book.market, book);
    }
  }
}
