import type { Json, RestAnswer } from '../../record/index.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { type BookState, DepthBook, type HeldLength } from './book.ts';
import { type DepthDiff, DepthSnapshot } from './depth.ts';
import type { BinanceMarket } from './markets.ts';

/** Levels asked of REST: spot would give 5000 at five times the weight (protocols/binance.md 12.2). */
const DEPTH_LIMIT = 1000;

/** The books of one link, and the REST answers that are theirs. */
export class DepthBooks {
  readonly #market: BinanceMarket;
  readonly #host: DecoderHost;
  readonly #books = new Map<number, DepthBook>();
  readonly #heldLength: HeldLength = { total: 0 };
  readonly #diff: DepthDiff;
  readonly #snapshot: DepthSnapshot;

  constructor(market: BinanceMarket, host: DecoderHost, diff: DepthDiff) {
    this.#market = market;
    this.#host = host;
    this.#diff = diff;
    this.#snapshot = new DepthSnapshot(host.decimals, host.drift);
  }

  /** The book of a feed and symbol, made on first use. */
  of(feed: string, symbol: string): DepthBook {
    const stream = this.#host.stream('book', feed, symbol);
    let book = this.#books.get(stream);
    if (book === undefined) {
      const { depthPath, bookRule } = this.#market;
      const path = `${depthPath}?symbol=${encodeURIComponent(symbol)}&limit=${DEPTH_LIMIT}`;
      const name = { symbol, feed };
      book = new DepthBook(this.#host, stream, name, bookRule, path, this.#heldLength, this.#diff);
      this.#books.set(stream, book);
    }
    return book;
  }

  /** Takes a REST book: its address names the symbol, and every waiting book of that symbol can use it. */
  answer(answer: RestAnswer): Outcome {
    const url = URL.canParse(answer.url) ? new URL(answer.url) : null;
    if (url === null || !url.pathname.endsWith(this.#market.depthPath))
      return this.#host.undecoded('not-handled');
    const symbol = url.searchParams.get('symbol') ?? '';
    const books = this.#ofSymbol(symbol);
    if (books.length === 0) return this.#host.undecoded('no-context', 'book', symbol);
    const snapshot = answer.status === 200 && this.#snapshot.read(answer.body) ? this.#snapshot : null;
    const used = books.filter((book) => book.snapshot(snapshot));
    return used.length > 0 ? 'rows' : 'control';
  }

  /** The books of a symbol; before its first diff, those that were asked for. */
  #ofSymbol(symbol: string): DepthBook[] {
    const known = [...this.#books.values()].filter((book) => book.symbol === symbol);
    if (known.length > 0) return known;
    const feeds = this.#market.channels.book?.feeds ?? [];
    return feeds
      .filter((feed) => this.#host.asked(this.#host.stream('book', feed, symbol)))
      .map((feed) => this.of(feed, symbol));
  }

  /** See `LinkDecoder.invalidate`. */
  invalidate(stream: number | null): void {
    if (stream === null) {
      for (const book of this.#books.values()) book.drop();
      return;
    }
    const book = this.#books.get(stream);
    book?.drop();
    book?.ask();
  }

  openingSnapshots(): void {
    for (const book of this.#books.values()) book.keeper.openingSnapshot();
  }

  state(): Json {
    return [...this.#books.values()].map((book) => book.state());
  }

  /** Takes back what `state` gave, into books that have read nothing yet. */
  restore(state: readonly BookState[]): void {
    for (const book of state) this.of(book.feed, book.symbol).restore(book);
  }
}
