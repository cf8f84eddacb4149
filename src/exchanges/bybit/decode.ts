import {
  ByteTable,
  type Channel,
  type Frame,
  isObject,
  type Json,
  parseJson,
  type RestAnswer,
  type TakerSide,
} from '../../record/index.ts';
import { ShapeReader, startsWith, type TextSlot } from '../../shape/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import { type BookState, DepthBook } from './book.ts';
import { classify, TOPIC_FIRST } from './control.ts';
import { SymbolName } from './message.ts';
import { Quote, type QuoteState } from './quote.ts';
import { BOOK, QUOTE, TICKER, TRADES } from './shapes.ts';
import { readRequest } from './subscribe.ts';
import { Ticker, type TickerState } from './ticker.ts';
import { readTopic, topicOf } from './topics.ts';

/** How the messages of a topic are read: the link's reader of their shape, and where that finds the topic's name. */
interface Source {
  readonly reader: ShapeReader;
  readonly topicSlot: TextSlot;
}

interface ReadRoute extends Source {
  readonly stream: number;
  /** The topic as its messages have it. */
  readonly topic: Buffer;
}

/** Where the messages of one topic go. */
type DataRoute =
  | (ReadRoute & { readonly kind: 'trades'; readonly symbol: SymbolName })
  | (ReadRoute & { readonly kind: 'book'; readonly book: DepthBook })
  | (ReadRoute & { readonly kind: 'quote'; readonly quote: Quote })
  | (ReadRoute & { readonly kind: 'ticker'; readonly ticker: Ticker });

type Route =
  | DataRoute
  /** Documented, but not turned into rows; `stream` null where it is none. */
  | {
      readonly kind: 'not-handled';
      readonly stream: number | null;
      readonly channel: Channel | null;
      readonly symbol: string | null;
    };

/** Topics one link may bring: far above what a link asks for, there to bound what a broken server can make us keep. */
const ROUTES_MAX = 4096;

const QUOTATION_MARK = '"'.charCodeAt(0);
/** What `S` of a trade says, by the index of its choice in shapes.ts; anything else is unknown. */
const SIDES: readonly TakerSide[] = ['buy', 'sell'];

/**
 * Reads one link, one message variant per function. The topic is found by the bytes of its name. A message of a known
 * topic that has not the documented shape throws: the session then says that this stream has a break.
 */
export class BybitDecoder implements LinkDecoder {
  readonly #market: string;
  readonly #host: DecoderHost;
  readonly #routes = new Map<string, Route>();
  /** Those of the routes that have a reader. */
  readonly #dataRoutes = new ByteTable<DataRoute>();
  readonly #sources: Readonly<Record<'trade' | 'book' | 'quote' | 'ticker', Source>>;

  constructor(link: LinkContext, host: DecoderHost, state?: Json) {
    this.#market = link.market;
    this.#host = host;
    const { decimals, drift } = host;
    this.#sources = {
      trade: { reader: new ShapeReader(TRADES, decimals, drift), topicSlot: TRADES.slots.topic },
      book: { reader: new ShapeReader(BOOK, decimals, drift), topicSlot: BOOK.slots.topic },
      quote: { reader: new ShapeReader(QUOTE, decimals, drift), topicSlot: QUOTE.slots.topic },
      ticker: { reader: new ShapeReader(TICKER, decimals, drift), topicSlot: TICKER.slots.topic },
    };
    if (isObject(state)) this.#restore(state as unknown as DecoderState);
  }

  /** After an unsubscription nothing keeps the topic's state up to date any more. */
  sent(frame: Frame): void {
    const request = readRequest(this.#market, frame.text());
    if (request.kind !== 'unsubscribe') return;
    for (const stream of request.streams) drop(this.#routes.get(topicOf(stream)));
  }

  received(frame: Frame): Outcome {
    const route = this.#knownRoute(frame);
    return route !== undefined && isRead(frame, route) ? this.#take(route) : this.#parsed(frame);
  }

  /** Nearly every frame begins with a topic that is known. */
  #knownRoute({ bytes, start, end }: Frame): DataRoute | undefined {
    if (!startsWith(bytes, start, end, TOPIC_FIRST)) return undefined;
    return this.#dataRoutes.getUntil(QUOTATION_MARK, bytes, start + TOPIC_FIRST.length, end);
  }

  /** A frame whose topic is new or not first, one that has none, or one that is not as its topic says. */
  #parsed(frame: Frame): Outcome {
    if (classify(frame) !== null) return 'control';
    const message = parseJson(frame.text());
    if (message === null) return this.#host.undecoded('malformed');
    if (!isObject(message) || typeof message.topic !== 'string') return this.#host.undecoded('unknown');
    const route = this.#routeOf(message.topic);
    if (route === null) return this.#host.undecoded('unknown');
    if (route.kind === 'not-handled') {
      if (route.stream !== null) this.#host.heard(route.stream);
      return this.#host.undecoded('not-handled', route.channel, route.symbol);
    }
    if (isRead(frame, route)) return this.#take(route);
    this.#host.heard(route.stream);
    throw new TypeError(route.reader.problem);
  }

  /** Takes the message that the route's reader has just read. */
  #take(route: DataRoute): Outcome {
    this.#host.heard(route.stream);
    switch (route.kind) {
      case 'trades':
        return this.#trades(route.stream, route.symbol);
      case 'book':
        return route.book.take();
      case 'quote':
        return route.quote.take();
      case 'ticker':
        return route.ticker.take();
    }
  }

  /** Trades in the order they were matched, up to 1024 (protocols/bybit.md 7). `type` is always `snapshot` and means nothing. */
  #trades(stream: number, symbol: SymbolName): Outcome {
    const count = this.#sources.trade.reader.reading.count(TRADES.slots.data.list);
    let rows = 0;
    for (let item = 0; item < count; item++) if (this.#trade(stream, symbol, item)) rows++;
    return rows > 0 ? 'rows' : 'repeat';
  }

  /** One trade, block and RPI trades included; false where its id was seen before (by another link, or sent twice). */
  #trade(stream: number, symbol: SymbolName, index: number): boolean {
    const { reading } = this.#sources.trade.reader;
    const { list, item } = TRADES.slots.data;
    symbol.checkAt(reading, list, index, item.s);
    const { bytes } = reading;
    const start = reading.startAt(list, index, item.i);
    const end = reading.endAt(list, index, item.i);
    if (end <= start) throw new TypeError('expected a trade id, got an empty text');
    const { rows, trades } = this.#host;
    if (!trades.isNewBytes(stream, bytes, start, end)) return false;
    const matched = reading.numberAt(list, index, item.T);
    rows.tradeFrom(
      stream,
      Number.isNaN(matched) ? reading.number(TRADES.slots.ts) : matched,
      bytes,
      start,
      end,
      SIDES[reading.numberAt(list, index, item.S)] ?? 'unknown',
      reading.numberAt(list, index, item.p),
      reading.numberAt(list, index, item.v),
    );
    return true;
  }

  /** The route of a topic, made on first use; null of a topic that no documentation has. */
  #routeOf(name: string): Route | null {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const route = this.#makeRoute(name);
    if (route === null || this.#routes.size >= ROUTES_MAX) return null;
    this.#routes.set(name, route);
    if (route.kind !== 'not-handled') this.#dataRoutes.set(route.topic, route);
    return route;
  }

  #makeRoute(name: string): Route | null {
    const topic = readTopic(name);
    if (topic === null) return null;
    const { channel, feed, symbol, variant } = topic;
    const stream = channel === null || symbol === null ? null : this.#host.stream(channel, feed, symbol);
    if (stream === null || symbol === null || variant === null)
      return { kind: 'not-handled', stream, channel, symbol };
    const source = this.#sources[variant];
    const { reading } = source.reader;
    const route = { ...source, stream, topic: Buffer.from(name) };
    const payload = new SymbolName(symbol);
    switch (variant) {
      case 'trade':
        return { ...route, kind: 'trades', symbol: payload };
      case 'book':
        return { ...route, kind: 'book', book: new DepthBook(this.#host, stream, name, payload, reading) };
      case 'quote':
        return { ...route, kind: 'quote', quote: new Quote(this.#host, stream, name, payload, reading) };
      case 'ticker':
        return { ...route, kind: 'ticker', ticker: new Ticker(this.#host, stream, name, payload, reading) };
    }
  }

  /** This module asks for no REST data; a book is renewed by subscribing again (protocols/bybit.md 11.4). */
  rest(_frame: Frame, _answer: RestAnswer): Outcome {
    return 'control';
  }

  invalidate(stream: number | null): void {
    for (const route of this.#routes.values()) {
      if (stream === null) drop(route);
      else if (route.stream === stream) renew(route);
    }
  }

  openingSnapshots(): void {
    for (const route of this.#routes.values()) if (route.kind === 'book') route.book.keeper.openingSnapshot();
  }

  /** Every frame names its topic: nothing to keep. */
  routing(): Json {
    return null;
  }

  state(): Json {
    const routes = [...this.#routes.values()];
    return {
      books: routes.flatMap((route) => (route.kind === 'book' ? [route.book.state()] : [])),
      quotes: routes.flatMap((route) => (route.kind === 'quote' ? [route.quote.state()] : [])),
      tickers: routes.flatMap((route) => (route.kind === 'ticker' ? [route.ticker.state()] : [])),
    };
  }

  #restore(state: DecoderState): void {
    for (const saved of state.books) {
      const route = this.#routeOf(saved.topic);
      if (route?.kind === 'book') route.book.restore(saved);
    }
    for (const saved of state.quotes) {
      const route = this.#routeOf(saved.topic);
      if (route?.kind === 'quote') route.quote.restore(saved);
    }
    for (const saved of state.tickers) {
      const route = this.#routeOf(saved.topic);
      if (route?.kind === 'ticker') route.ticker.restore(saved);
    }
  }
}

/** What `BybitDecoder.state` gives. */
interface DecoderState {
  readonly books: readonly BookState[];
  readonly quotes: readonly QuoteState[];
  readonly tickers: readonly TickerState[];
}

/** Distrusts what a topic has built up. Trades build up nothing, and a quote is whole in each message. */
function drop(route: Route | undefined): void {
  if (route?.kind === 'book') route.book.drop();
  else if (route?.kind === 'ticker') route.ticker.drop();
}

/** The same, and asks for a snapshot. */
function renew(route: Route): void {
  if (route.kind === 'book') route.book.invalidate();
  else if (route.kind === 'ticker') route.ticker.invalidate();
}

/** Reads a frame by its route's shape; false where it is not of that shape, or of that topic after all (a key given twice). */
function isRead(frame: Frame, { reader, topicSlot, topic }: ReadRoute): boolean {
  return reader.read(frame) === 'read' && reader.reading.equals(topicSlot, topic);
}
