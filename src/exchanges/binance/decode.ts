import {
  type Channel,
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
} from '../../record/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import type { BookState, DepthBook } from './book.ts';
import { DepthBooks } from './books.ts';
import { classify } from './control.ts';
import { readDelta, timeOf } from './depth.ts';
import { EVENT_OF, eventMeaning, feedMeaning, splitName, symbollessChannel, type Variant } from './feeds.ts';
import { type BinanceMarket, marketOf } from './markets.ts';

/** Where frames of one stream name go. `variant` null: documented, but not turned into rows. */
interface Route {
  readonly channel: Channel | null;
  readonly variant: Variant | null;
  readonly symbol: string;
  /** The stream's code; -1 where there is no variant. */
  readonly stream: number;
  readonly book: DepthBook | null;
}

/** Stream names one link may bring: far above the limit of 1024, there to bound what a broken server can make us keep. */
const ROUTES_MAX = 8192;

/** Reads one link over JSON.parse, one message variant per function: the reference for any faster reader. */
export class BinanceDecoder implements LinkDecoder {
  readonly #market: BinanceMarket;
  readonly #host: DecoderHost;
  readonly #routes = new Map<string, Route>();
  /** Routes of payloads without wrapper, by event and symbol. */
  readonly #bareRoutes = new Map<string, Route | null>();
  readonly #books: DepthBooks;

  constructor(link: LinkContext, host: DecoderHost, state?: Json) {
    this.#market = marketOf(link.market);
    this.#host = host;
    this.#books = new DepthBooks(this.#market, host);
    if (isObject(state)) this.#books.restore(state.books as unknown as BookState[]);
  }

  /** What is asked for may have changed: streams of bare payloads are looked for again. */
  sent(_frame: Frame): void {
    this.#bareRoutes.clear();
  }

  received(frame: Frame): Outcome {
    if (classify(frame) !== null) return 'control';
    const message = parseJson(frame.text());
    if (isObject(message)) {
      if (typeof message.stream === 'string') return this.#wrapped(frame, message.stream, message.data);
      return this.#bare(frame, message);
    }
    if (Array.isArray(message)) return this.#bareArray(message);
    return this.#host.undecoded(message === null ? 'malformed' : 'unknown');
  }

  /** Combined mode: `{"stream":"<name>","data":<payload>}`. */
  #wrapped(frame: Frame, name: string, data: unknown): Outcome {
    const known = this.#routes.get(name);
    if (known !== undefined) return this.#read(frame, known, data);
    const parts = splitName(name);
    if (parts === null) {
      const channel = symbollessChannel(name);
      return this.#host.undecoded(channel === undefined ? 'unknown' : 'not-handled', channel);
    }
    const meaning = feedMeaning(parts.feed);
    if (meaning === null || this.#routes.size >= ROUTES_MAX) return this.#host.undecoded('unknown');
    const symbol = spelling(parts.symbol, data);
    const route = this.#route(meaning.channel, meaning.variant, parts.feed, symbol);
    this.#routes.set(name, route);
    return this.#read(frame, route, data);
  }

  /** Raw mode: the payload alone. Its event says what it is; which feed it came by, only what was asked for. */
  #bare(frame: Frame, data: JsonObject): Outcome {
    if (Array.isArray(data.bids) && 'lastUpdateId' in data)
      return this.#host.undecoded('not-handled', 'book');
    const event = data.e === undefined && 'B' in data && 'A' in data ? 'bookTicker' : data.e;
    const meaning = eventMeaning(event);
    if (meaning === null) return this.#host.undecoded('unknown');
    const symbol = typeof data.s === 'string' ? data.s : null;
    if (meaning.variant === null || meaning.channel === null || symbol === null)
      return this.#host.undecoded(meaning.variant === null ? 'not-handled' : 'unknown', meaning.channel);
    const key = `${String(event)} ${symbol}`;
    let route = this.#bareRoutes.get(key);
    if (route === undefined) {
      if (this.#bareRoutes.size >= ROUTES_MAX) return this.#host.undecoded('unknown');
      const feed = this.#askedFeed(meaning.channel, meaning.variant, symbol);
      route = feed === null ? null : this.#route(meaning.channel, meaning.variant, feed, symbol);
      this.#bareRoutes.set(key, route);
    }
    if (route === null) return this.#host.undecoded('no-context', meaning.channel, symbol);
    return this.#read(frame, route, data);
  }

  /** Raw mode of the all-market streams: the payload is an array. */
  #bareArray(items: readonly unknown[]): Outcome {
    const first = items[0];
    const meaning = isObject(first) ? eventMeaning(first.e) : null;
    return this.#host.undecoded(meaning === null ? 'unknown' : 'not-handled', meaning?.channel);
  }

  /** The one feed of a variant that was asked for; the default where none was; null where several were. */
  #askedFeed(channel: Channel, variant: Variant, symbol: string): string | null {
    const declared = this.#market.channels[channel];
    if (declared === undefined) return null;
    const feeds = declared.feeds.filter((feed) => feedMeaning(feed)?.variant === variant);
    const asked = feeds.filter((feed) => this.#host.asked(this.#host.stream(channel, feed, symbol)));
    if (asked.length > 1) return null;
    const usual = feeds.find((feed) => feed === declared.defaultFeed) ?? feeds[0];
    return asked[0] ?? usual ?? null;
  }

  #route(channel: Channel | null, variant: Variant | null, feed: string, symbol: string): Route {
    if (variant === null || channel === null)
      return { channel, variant: null, symbol, stream: -1, book: null };
    const book = variant === 'depth' ? this.#books.of(feed, symbol) : null;
    const stream = book?.keeper.stream ?? this.#host.stream(channel, feed, symbol);
    return { channel, variant, symbol, stream, book };
  }

  #read(frame: Frame, route: Route, data: unknown): Outcome {
    const { variant } = route;
    if (variant === null) return this.#host.undecoded('not-handled', route.channel, route.symbol);
    if (!isObject(data) || data.s !== route.symbol || !isEvent(data.e, variant)) return this.#unknown(route);
    this.#host.heard(route.stream);
    switch (variant) {
      case 'trade':
        return this.#trade(route, data);
      case 'aggTrade':
        return this.#aggTrade(route, data);
      case 'depth':
        return this.#depth(frame, route, data);
      case 'bookTicker':
        return this.#bookTicker(route, data);
      case 'ticker':
        return this.#ticker(route, data);
      case 'miniTicker':
        return this.#miniTicker(route, data);
    }
  }

  #unknown(route: Route): Outcome {
    return this.#host.undecoded('unknown', route.channel, route.symbol);
  }

  /** One fill. On futures `X` says what the id was spent on (protocols/binance.md 6.1, 7.2). */
  #trade(route: Route, data: JsonObject): Outcome {
    switch (data.X) {
      case undefined:
      case 'MARKET':
        return this.#tradeRow(route, data, data.t);
      case 'NA':
        // A spent id: zero price and amount. With a price it would be something nobody has described.
        return Number(data.p) === 0 && Number(data.q) === 0 ? 'control' : this.#unknown(route);
      case 'INSURANCE_FUND':
      case 'ADL':
        return 'control';
      default:
        return this.#unknown(route);
    }
  }

  /** Fills of one taker order at one price. `q` counts RPI fills, as the exchange's own tape does (7.3). */
  #aggTrade(route: Route, data: JsonObject): Outcome {
    return this.#tradeRow(route, data, data.a);
  }

  /** `m`: the buyer was the maker, so the taker sold (protocols/binance.md 5). An id seen before came by another link. */
  #tradeRow(route: Route, data: JsonObject, id: unknown): Outcome {
    const { p, q, m } = data;
    if (!isId(id) || !isText(p) || !isText(q) || typeof m !== 'boolean') return this.#unknown(route);
    const { rows, decimals, trades } = this.#host;
    const price = decimals.read(p);
    const amount = decimals.read(q);
    if (!trades.isNewNumber(route.stream, id)) return 'repeat';
    rows.trade(route.stream, timeOf(data), String(id), m ? 'sell' : 'buy', price, amount);
    return 'rows';
  }

  /** A diff of the book (protocols/binance.md 6.4, 7.4); what may be applied, the book decides. */
  #depth(frame: Frame, route: Route, data: JsonObject): Outcome {
    const delta = readDelta(data, this.#market.bookRule);
    if (delta === null || route.book === null) return this.#unknown(route);
    return route.book.delta(delta, frame.text());
  }

  /** Best bid and ask. On spot without `e` and without any time (6.6), on futures with both (7.5). */
  #bookTicker(route: Route, data: JsonObject): Outcome {
    const { b, B, a, A } = data;
    if (!isText(b) || !isText(B) || !isText(a) || !isText(A)) return this.#unknown(route);
    const { rows, decimals } = this.#host;
    rows.quote(
      route.stream,
      timeOf(data),
      decimals.read(b),
      decimals.read(B),
      decimals.read(a),
      decimals.read(A),
    );
    return 'rows';
  }

  /** The last 24 hours; futures send no best quotes (6.7, 7.8). */
  #ticker(route: Route, data: JsonObject): Outcome {
    if (!isText(data.c)) return this.#unknown(route);
    this.#host.rows.ticker(route.stream, timeOf(data), {
      ...this.#dayValues(data),
      bidPrice: this.#optional(data.b),
      bidAmount: this.#optional(data.B),
      askPrice: this.#optional(data.a),
      askAmount: this.#optional(data.A),
    });
    return 'rows';
  }

  /** The last 24 hours, prices and volumes alone (6.7, 7.8). */
  #miniTicker(route: Route, data: JsonObject): Outcome {
    if (!isText(data.c)) return this.#unknown(route);
    this.#host.rows.ticker(route.stream, timeOf(data), this.#dayValues(data));
    return 'rows';
  }

  #dayValues(data: JsonObject) {
    return {
      lastPrice: this.#optional(data.c),
      openPrice: this.#optional(data.o),
      highPrice: this.#optional(data.h),
      lowPrice: this.#optional(data.l),
      volume: this.#optional(data.v),
      quoteVolume: this.#optional(data.q),
    };
  }

  /** A field that a variant may leave out; the reader refuses what is neither absent nor a decimal. */
  #optional(value: unknown): number {
    return this.#host.decimals.read(value as string | undefined);
  }

  rest(_frame: Frame, answer: RestAnswer): Outcome {
    return this.#books.answer(answer);
  }

  invalidate(stream: number | null): void {
    this.#books.invalidate(stream);
  }

  openingSnapshots(): void {
    this.#books.openingSnapshots();
  }

  /** Every frame names its stream, and the session knows what was asked for: nothing to keep. */
  routing(): Json {
    return null;
  }

  state(): Json {
    return { books: this.#books.state() };
  }
}

/** The payload's own spelling of a symbol where it is one; names in lower case cannot always be put back. */
function spelling(symbol: string, data: unknown): string {
  if (!isObject(data) || typeof data.s !== 'string') return symbol;
  return data.s.toLowerCase() === symbol.toLowerCase() ? data.s : symbol;
}

/** Spot's bookTicker is the one payload without `e`. */
function isEvent(event: unknown, variant: Variant): boolean {
  return event === EVENT_OF[variant] || (event === undefined && variant === 'bookTicker');
}

/** Ids count from 0 and are exact in a double; anything else is not stored as something it is not. */
function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
