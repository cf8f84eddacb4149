import { isObject, type Json, type JsonObject } from '../../record/index.ts';
import type { DecoderHost } from '../exchange.ts';
import { type BookState, PriceBook } from './book.ts';
import {
  type BookParameters,
  bookFeed,
  isHandled,
  readSubscription,
  type Served,
  type Subscription,
  servedByTag,
} from './feeds.ts';

/** What a channel id stands for on this connection. */
export interface ChannelRoute {
  readonly id: number;
  readonly subscription: Subscription;
  /** What its messages are read as; `other` is not turned into rows. */
  readonly kind: 'trades' | 'ticker' | 'book' | 'other';
  /** The stream of trades and tickers; -1 of other kinds. */
  readonly stream: number;
  readonly book: PriceBook | null;
  /** Of a book: the next array payload is the snapshot. */
  awaitsSnapshot: boolean;
  /** Of a book: false once its numbers cannot be trusted until the channel is subscribed again. */
  live: boolean;
}

/** Channels one link may bring: far above the limit of 25 to 30, there to bound what a broken server makes us keep. */
const CHANNELS_MAX = 1000;

/**
 * The channels of one connection by id, and their books. Ids are valid for this connection only (5). A book outlives
 * its channel id, so that its steps go on when the symbol is subscribed again.
 */
export class ChannelMap {
  readonly #host: DecoderHost;
  readonly #routes = new Map<number, ChannelRoute>();
  readonly #books = new Map<string, PriceBook>();

  constructor(host: DecoderHost) {
    this.#host = host;
  }

  get(id: number): ChannelRoute | undefined {
    return this.#routes.get(id);
  }

  books(): Iterable<PriceBook> {
    return this.#books.values();
  }

  /** Takes an ack. Returns false where it cannot be understood or is one too many. */
  acknowledged(ack: JsonObject): boolean {
    const subscription = readSubscription(ack);
    const id = ack.chanId;
    if (subscription === null || !Number.isSafeInteger(id)) return false;
    if (this.#routes.size >= CHANNELS_MAX && !this.#routes.has(Number(id))) return false;
    const route = this.#open(Number(id), subscription, this.#servedBy(subscription));
    if (route.book !== null) this.#supersede(route.book);
    this.#routes.set(route.id, route);
    return true;
  }

  /** What was asked for, by our own tag in the ack or by what the link asks for; else a book is a book. */
  #servedBy(subscription: Subscription): Served {
    const { book, subject } = subscription;
    if (book === null) return { book: false, quotes: false };
    const feed = bookFeed(book);
    const tagged = servedByTag(subscription);
    const asked = (channel: 'book' | 'quotes') =>
      tagged?.[channel] === true || this.#host.asked(this.#host.stream(channel, feed, subject));
    const quotes = book.prec === 'P0' && asked('quotes');
    return { book: !quotes || asked('book'), quotes };
  }

  #open(id: number, subscription: Subscription, served: Served): ChannelRoute {
    const { channel, subject, book } = subscription;
    const route = { id, subscription, stream: -1, book: null, awaitsSnapshot: false, live: true };
    if (!isHandled(subscription)) return { ...route, kind: 'other' };
    if (channel === 'book' && book !== null)
      return { ...route, kind: 'book', book: this.#book(subject, book, served), awaitsSnapshot: true };
    const kind = channel === 'ticker' ? 'ticker' : 'trades';
    return { ...route, kind, stream: this.#host.stream(kind, kind, subject) };
  }

  #book(symbol: string, parameters: BookParameters, served: Served): PriceBook {
    const key = bookKey(symbol, parameters);
    const known = this.#books.get(key);
    if (known?.served.book === served.book && known.served.quotes === served.quotes) return known;
    known?.invalidate();
    const book = new PriceBook(this.#host, symbol, parameters, served);
    if (known !== undefined) book.continueSteps(known);
    this.#books.set(key, book);
    return book;
  }

  /** A new channel takes over its book: what still comes by an older id no longer counts. */
  #supersede(book: PriceBook): void {
    book.invalidate();
    const key = bookKey(book.symbol, book.parameters);
    for (const route of this.#routes.values())
      if (route.book !== null && bookKey(route.book.symbol, route.book.parameters) === key)
        route.live = false;
  }

  unsubscribed(id: unknown): void {
    const route = this.#routes.get(Number(id));
    if (route === undefined) return;
    if (route.live) route.book?.invalidate();
    this.#routes.delete(route.id);
  }

  /** The live route of the book that serves this stream. */
  routeOf(stream: number): ChannelRoute | undefined {
    for (const route of this.#routes.values())
      if (route.live && (route.book?.bookStream === stream || route.book?.quotesStream === stream))
        return route;
    return undefined;
  }

  /** Distrusts every book until its channel is subscribed again. */
  invalidate(): void {
    for (const book of this.#books.values()) book.invalidate();
    for (const route of this.#routes.values()) if (route.book !== null) route.live = false;
  }

  routing(): Json {
    return [...this.#routes.values()].map(
      ({ id, subscription, book, awaitsSnapshot, live }): Json => ({
        id,
        channel: subscription.channel,
        subject: subscription.subject,
        book: subscription.book === null ? null : { ...subscription.book },
        subId: subscription.subId,
        served:
          book === null
            ? null
            : { ...(this.#books.get(bookKey(book.symbol, book.parameters)) ?? book).served },
        awaitsSnapshot,
        live,
      }),
    );
  }

  booksState(): Json {
    return [...this.#books.values()].map((book) => book.state());
  }

  /** Takes back what `routing` and, where there is one, `booksState` gave, into an empty map. */
  restore(routing: unknown, books: unknown): void {
    for (const book of (Array.isArray(books) ? books : []) as BookState[])
      this.#book(book.symbol, book.parameters, book.served).restore(book);
    for (const saved of (Array.isArray(routing) ? routing : []) as unknown[]) {
      if (!isObject(saved)) continue;
      const { id, channel, subject, book, subId, served, awaitsSnapshot, live } =
        saved as unknown as SavedRoute;
      const route = this.#open(
        id,
        { channel, subject, book, subId },
        served ?? { book: false, quotes: false },
      );
      route.awaitsSnapshot = awaitsSnapshot;
      route.live = live;
      this.#routes.set(id, route);
    }
  }
}

function bookKey(symbol: string, parameters: BookParameters): string {
  return `${symbol}|${bookFeed(parameters)}`;
}

interface SavedRoute {
  readonly id: number;
  readonly channel: string;
  readonly subject: string;
  readonly book: BookParameters | null;
  readonly subId: string | null;
  readonly served: Served | null;
  readonly awaitsSnapshot: boolean;
  readonly live: boolean;
}
