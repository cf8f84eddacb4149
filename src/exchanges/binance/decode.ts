import {
  BytePattern,
  ByteTable,
  type Channel,
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
} from '../../record/index.ts';
import { type BothSlot, type Reading, startsWith, type TextSlot } from '../../shape/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import type { BookState, DepthBook } from './book.ts';
import { DepthBooks } from './books.ts';
import { classify, WRAPPER } from './control.ts';
import { DepthDiff, timeOf } from './depth.ts';
import { eventMeaning, feedMeaning, splitName, symbollessChannel, type Variant } from './feeds.ts';
import { type BinanceMarket, marketOf } from './markets.ts';
import {
  type AggregateSlots,
  type DiffSlots,
  type MiniSlots,
  type Mode,
  openSources,
  type QuoteSlots,
  type Source,
  type Sources,
  type TickerSlots,
  type TradeSlots,
} from './sources.ts';

/** Where frames of one stream name go. `variant` null: documented, but not turned into rows. */
interface Route {
  readonly channel: Channel | null;
  readonly variant: Variant | null;
  readonly symbol: string;
  /** The symbol as its payloads have it. */
  readonly symbolBytes: Buffer;
  /** The stream's code; -1 where there is no variant. */
  readonly stream: number;
  readonly book: DepthBook | null;
  /** How its frames begin in combined mode, up to the payload; null before it is known. */
  wrapper: BytePattern | null;
}

/** What of a frame is read: all of it, wrapped or bare, or first the payload in a wrapper that is known. */
type Part = Mode | 'payload';

/** Stream names one link may bring: far above the limit of 1024, there to bound what a broken server can make us keep. */
const ROUTES_MAX = 8192;

const QUOTE = '"'.charCodeAt(0);
const CLOSE_BRACE = '}'.charCodeAt(0);
/** What a futures trade may be besides a fill, by the index of its choice in shapes.ts. */
const FILL = 0;
const SPENT_ID = 1;

/** Reads one link, one message variant per function. The stream is found by the bytes of its name. */
export class BinanceDecoder implements LinkDecoder {
  readonly #market: BinanceMarket;
  readonly #host: DecoderHost;
  readonly #routes = new ByteTable<Route>();
  /** Routes of payloads without wrapper, by event and symbol. */
  readonly #bareRoutes = new Map<string, Route | null>();
  readonly #sources: ReturnType<typeof openSources>;
  readonly #diff: DepthDiff;
  readonly #books: DepthBooks;
  /** The route of the last frame that was found by its name. */
  #last: Route | null = null;
  /** What became of a frame that could not be read. */
  #refused: Outcome = 'control';

  constructor(link: LinkContext, host: DecoderHost, state?: Json) {
    this.#market = marketOf(link.market);
    this.#host = host;
    this.#sources = openSources(host.decimals, host.drift);
    this.#diff = new DepthDiff(this.#sources.depth, this.#market.bookRule);
    this.#books = new DepthBooks(this.#market, host, this.#diff);
    if (isObject(state)) this.#books.restore(state.books as unknown as BookState[]);
  }

  /** What is asked for may have changed: streams of bare payloads are looked for again. */
  sent(_frame: Frame): void {
    this.#bareRoutes.clear();
  }

  received(frame: Frame): Outcome {
    const last = this.#last;
    if (last !== null && isWrapped(frame, last)) return this.#read(frame, last, 'payload');
    const known = this.#knownRoute(frame);
    if (known !== undefined) {
      this.#last = known;
      return this.#read(frame, known, isWrapped(frame, known) ? 'payload' : 'wrapped');
    }
    if (classify(frame) !== null) return 'control';
    const message = parseJson(frame.text());
    if (isObject(message)) {
      if (typeof message.stream === 'string') return this.#wrapped(frame, message.stream, message.data);
      return this.#bare(frame, message);
    }
    if (Array.isArray(message)) return this.#bareArray(message);
    return this.#host.undecoded(message === null ? 'malformed' : 'unknown');
  }

  /** Combined mode: `{"stream":"<name>","data":<payload>}`; nearly every frame's name is known. */
  #knownRoute({ bytes, start, end }: Frame): Route | undefined {
    if (!startsWith(bytes, start, end, WRAPPER)) return undefined;
    return this.#routes.getUntil(QUOTE, bytes, start + WRAPPER.length, end);
  }

  #wrapped(frame: Frame, name: string, data: unknown): Outcome {
    const parts = splitName(name);
    if (parts === null) {
      const channel = symbollessChannel(name);
      return this.#host.undecoded(channel === undefined ? 'unknown' : 'not-handled', channel);
    }
    const meaning = feedMeaning(parts.feed);
    const bytes = Buffer.from(name);
    const known = this.#routes.get(bytes, 0, bytes.length);
    if (known === undefined && (meaning === null || this.#routes.size >= ROUTES_MAX))
      return this.#host.undecoded('unknown');
    if (known !== undefined || meaning === null) return this.#read(frame, known as Route, 'wrapped');
    const symbol = spelling(parts.symbol, data);
    const route = this.#route(meaning.channel, meaning.variant, parts.feed, symbol);
    route.wrapper = new BytePattern(Buffer.from(`{"stream":"${name}","data":`));
    this.#routes.set(bytes, route);
    return this.#read(frame, route, 'wrapped');
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
    return this.#read(frame, route, 'bare');
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
    const symbolBytes = Buffer.from(symbol);
    if (variant === null || channel === null)
      return { channel, variant: null, symbol, symbolBytes, stream: -1, book: null, wrapper: null };
    const book = variant === 'depth' ? this.#books.of(feed, symbol) : null;
    const stream = book?.keeper.stream ?? this.#host.stream(channel, feed, symbol);
    return { channel, variant, symbol, symbolBytes, stream, book, wrapper: null };
  }

  #read(frame: Frame, route: Route, part: Part): Outcome {
    switch (route.variant) {
      case null:
        return this.#host.undecoded('not-handled', route.channel, route.symbol);
      case 'trade':
        return this.#trade(frame, route, this.#sources.trade, part);
      case 'aggTrade':
        return this.#aggTrade(frame, route, this.#sources.aggTrade, part);
      case 'depth':
        return this.#depth(frame, route, this.#sources.depth, part);
      case 'bookTicker':
        return this.#bookTicker(frame, route, this.#sources.bookTicker, part);
      case 'ticker':
        return this.#ticker(frame, route, this.#sources.ticker, part);
      case 'miniTicker':
        return this.#miniTicker(frame, route, this.#sources.miniTicker, part);
    }
  }

  /**
   * Reads a frame by its shape. Of a wrapped one that is as it mostly is, the payload alone: what stands around it is known.
   * @returns by which source; null where it cannot be read, and `#refused` says what became of it.
   */
  #by<S extends { readonly s: TextSlot }>(frame: Frame, route: Route, sources: Sources<S>, part: Part) {
    const source =
      part === 'payload'
        ? (this.#payload(frame, route, sources.bare) ?? this.#whole(frame, route, sources.wrapped))
        : this.#whole(frame, route, sources[part]);
    if (source !== null) this.#host.heard(route.stream);
    return source;
  }

  #payload<S extends { readonly s: TextSlot }>(
    { bytes, start, end }: Frame,
    { wrapper, symbolBytes }: Route,
    source: Source<S>,
  ): Source<S> | null {
    if (!source.reader.readPart(bytes, start + (wrapper?.length ?? 0), end - 1)) return null;
    return source.reading.equals(source.slots.s, symbolBytes) ? source : null;
  }

  #whole<S extends { readonly s: TextSlot }>(
    frame: Frame,
    route: Route,
    source: Source<S>,
  ): Source<S> | null {
    const verdict = source.reader.read(frame);
    if (verdict === 'read' && source.reading.equals(source.slots.s, route.symbolBytes)) return source;
    if (verdict === 'mismatch' && source.reader.isBadDecimal && isOf(route, frame)) {
      // The message is this stream's and cannot be read: the session says so with a gap.
      this.#host.heard(route.stream);
      throw new TypeError(source.reader.problem);
    }
    this.#refused =
      verdict === 'malformed'
        ? this.#host.undecoded('malformed', route.channel, route.symbol)
        : this.#unknown(route);
    return null;
  }

  #unknown(route: Route): Outcome {
    return this.#host.undecoded('unknown', route.channel, route.symbol);
  }

  /** One fill. On futures `X` says what the id was spent on (protocols/binance.md 6.1, 7.2). */
  #trade(frame: Frame, route: Route, sources: Sources<TradeSlots>, part: Part): Outcome {
    const source = this.#by(frame, route, sources, part);
    if (source === null) return this.#refused;
    const { reading, slots } = source;
    const spentOn = reading.number(slots.X);
    if (spentOn === FILL || !reading.hasText(slots.X)) return this.#tradeRow(route, reading, slots, slots.t);
    if (Number.isNaN(spentOn)) return this.#unknown(route);
    // A spent id: zero price and amount. With a price it would be something nobody has described.
    const isEmpty = reading.number(slots.p) === 0 && reading.number(slots.q) === 0;
    return spentOn !== SPENT_ID || isEmpty ? 'control' : this.#unknown(route);
  }

  /** Fills of one taker order at one price. `q` counts RPI fills, as the exchange's own tape does (7.3). */
  #aggTrade(frame: Frame, route: Route, sources: Sources<AggregateSlots>, part: Part): Outcome {
    const source = this.#by(frame, route, sources, part);
    if (source === null) return this.#refused;
    return this.#tradeRow(route, source.reading, source.slots, source.slots.a);
  }

  /** `m`: the buyer was the maker, so the taker sold (protocols/binance.md 5). An id seen before came by another link. */
  #tradeRow(
    route: Route,
    reading: Reading,
    slots: Pick<TradeSlots, 'p' | 'q' | 'm' | 'T' | 'E'>,
    id: BothSlot,
  ): Outcome {
    const number = reading.number(id);
    // Ids count from 0 and are exact in a double; text would be something nobody has described.
    if (Number.isNaN(number)) return this.#unknown(route);
    const { rows, trades } = this.#host;
    if (!trades.isNewNumber(route.stream, number)) return 'repeat';
    rows.tradeFrom(
      route.stream,
      timeOf(reading, slots),
      reading.bytes,
      reading.start(id),
      reading.end(id),
      reading.number(slots.m) === 1 ? 'sell' : 'buy',
      reading.number(slots.p),
      reading.number(slots.q),
    );
    return 'rows';
  }

  /** A diff of the book (protocols/binance.md 6.4, 7.4); what may be applied, the book decides. */
  #depth(frame: Frame, route: Route, sources: Sources<DiffSlots>, part: Part): Outcome {
    const source = this.#by(frame, route, sources, part);
    if (source === null) return this.#refused;
    if (route.book === null || !this.#diff.take(source)) return this.#unknown(route);
    return route.book.take(frame);
  }

  /** Best bid and ask. On spot without `e` and without any time (6.6), on futures with both (7.5). */
  #bookTicker(frame: Frame, route: Route, sources: Sources<QuoteSlots>, part: Part): Outcome {
    const source = this.#by(frame, route, sources, part);
    if (source === null) return this.#refused;
    const { reading, slots } = source;
    this.#host.rows.quote(
      route.stream,
      timeOf(reading, slots),
      reading.number(slots.b),
      reading.number(slots.B),
      reading.number(slots.a),
      reading.number(slots.A),
    );
    return 'rows';
  }

  /** The last 24 hours; futures send no best quotes (6.7, 7.8). */
  #ticker(frame: Frame, route: Route, sources: Sources<TickerSlots>, part: Part): Outcome {
    const source = this.#by(frame, route, sources, part);
    if (source === null) return this.#refused;
    const { reading, slots } = source;
    this.#host.rows.ticker(route.stream, timeOf(reading, slots), {
      ...dayValues(reading, slots),
      bidPrice: reading.number(slots.b),
      bidAmount: reading.number(slots.B),
      askPrice: reading.number(slots.a),
      askAmount: reading.number(slots.A),
    });
    return 'rows';
  }

  /** The last 24 hours, prices and volumes alone (6.7, 7.8). */
  #miniTicker(frame: Frame, route: Route, sources: Sources<MiniSlots>, part: Part): Outcome {
    const source = this.#by(frame, route, sources, part);
    if (source === null) return this.#refused;
    const { reading, slots } = source;
    this.#host.rows.ticker(route.stream, timeOf(reading, slots), dayValues(reading, slots));
    return 'rows';
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

/** Whether a frame is a payload of this route in the wrapper as it is always written. */
function isWrapped({ bytes, start, end, view }: Frame, { wrapper }: Route): boolean {
  return wrapper?.standsAt(view, start, end) === true && bytes[end - 1] === CLOSE_BRACE;
}

function dayValues(reading: Reading, slots: Pick<MiniSlots, 'c' | 'o' | 'h' | 'l' | 'v' | 'q'>) {
  return {
    lastPrice: reading.number(slots.c),
    openPrice: reading.number(slots.o),
    highPrice: reading.number(slots.h),
    lowPrice: reading.number(slots.l),
    volume: reading.number(slots.v),
    quoteVolume: reading.number(slots.q),
  };
}

/** The payload's own spelling of a symbol where it is one; names in lower case cannot always be put back. */
function spelling(symbol: string, data: unknown): string {
  if (!isObject(data) || typeof data.s !== 'string') return symbol;
  return data.s.toLowerCase() === symbol.toLowerCase() ? data.s : symbol;
}

/** Whether a frame that could not be read is about the route's symbol and of its kind, by what JSON.parse makes of it. */
function isOf({ symbol, variant }: Route, frame: Frame): boolean {
  const message = parseJson(frame.text());
  const payload = isObject(message) && isObject(message.data) ? message.data : message;
  if (!isObject(payload) || payload.s !== symbol) return false;
  const meaning = eventMeaning(payload.e);
  return payload.e === undefined ? variant === 'bookTicker' : meaning?.variant === variant;
}
