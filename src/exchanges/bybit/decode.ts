import {
  type Channel,
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
  type TakerSide,
} from '../../record/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import { type BookState, DepthBook } from './book.ts';
import { classify } from './control.ts';
import { checkSymbol, shown, textOf, timeOf } from './message.ts';
import { Quote, type QuoteState } from './quote.ts';
import { readRequest } from './subscribe.ts';
import { Ticker, type TickerState } from './ticker.ts';
import { readTopic, topicOf } from './topics.ts';

/** Where the messages of one topic go. */
type Route =
  | { readonly kind: 'trades'; readonly stream: number; readonly symbol: string }
  | { readonly kind: 'book'; readonly stream: number; readonly book: DepthBook }
  | { readonly kind: 'quote'; readonly stream: number; readonly quote: Quote }
  | { readonly kind: 'ticker'; readonly stream: number; readonly ticker: Ticker }
  /** Documented, but not turned into rows; `stream` null where it is none. */
  | {
      readonly kind: 'not-handled';
      readonly stream: number | null;
      readonly channel: Channel | null;
      readonly symbol: string | null;
    };

/** Topics one link may bring: far above what a link asks for, there to bound what a broken server can make us keep. */
const ROUTES_MAX = 4096;

/**
 * Reads one link over JSON.parse, one message variant per function: the reference for any faster reader. A message of
 * a known topic that has not the documented shape throws: the session then says that this stream has a break.
 */
export class BybitDecoder implements LinkDecoder {
  readonly #market: string;
  readonly #host: DecoderHost;
  readonly #routes = new Map<string, Route>();

  constructor(link: LinkContext, host: DecoderHost, state?: Json) {
    this.#market = link.market;
    this.#host = host;
    if (isObject(state)) this.#restore(state as unknown as DecoderState);
  }

  /** After an unsubscription nothing keeps the topic's state up to date any more. */
  sent(frame: Frame): void {
    const request = readRequest(this.#market, frame.text());
    if (request.kind !== 'unsubscribe') return;
    for (const stream of request.streams) drop(this.#routes.get(topicOf(stream)));
  }

  received(frame: Frame): Outcome {
    if (classify(frame) !== null) return 'control';
    const message = parseJson(frame.text());
    if (message === null) return this.#host.undecoded('malformed');
    if (!isObject(message) || typeof message.topic !== 'string') return this.#host.undecoded('unknown');
    const route = this.#routeOf(message.topic);
    if (route === null) return this.#host.undecoded('unknown');
    if (route.stream !== null) this.#host.heard(route.stream);
    switch (route.kind) {
      case 'trades':
        return this.#trades(route.stream, route.symbol, message);
      case 'book':
        return route.book.read(message);
      case 'quote':
        return route.quote.read(message);
      case 'ticker':
        return route.ticker.read(message);
      case 'not-handled':
        return this.#host.undecoded('not-handled', route.channel, route.symbol);
    }
  }

  /** Trades in the order they were matched, up to 1024 (protocols/bybit.md 7). `type` is always `snapshot` and means nothing. */
  #trades(stream: number, symbol: string, message: JsonObject): Outcome {
    const { data } = message;
    if (!Array.isArray(data)) throw new TypeError(`expected data to be an array, got ${shown(data)}`);
    let rows = 0;
    for (const trade of data) if (this.#trade(stream, symbol, trade, message.ts)) rows++;
    return rows > 0 ? 'rows' : 'repeat';
  }

  /** One trade, block and RPI trades included; false where its id was seen before (by another link, or sent twice). */
  #trade(stream: number, symbol: string, trade: unknown, pushed: unknown): boolean {
    if (!isObject(trade)) throw new TypeError(`expected a trade, got ${shown(trade)}`);
    checkSymbol(trade.s, symbol);
    const { rows, decimals, trades } = this.#host;
    const id = textOf(trade.i, 'i');
    const price = decimals.read(textOf(trade.p, 'p'));
    const amount = decimals.read(textOf(trade.v, 'v'));
    if (!trades.isNew(stream, id)) return false;
    rows.trade(stream, timeOf(trade.T, pushed), id, takerSide(trade.S), price, amount);
    return true;
  }

  /** The route of a topic, made on first use; null of a topic that no documentation has. */
  #routeOf(name: string): Route | null {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const route = this.#makeRoute(name);
    if (route === null || this.#routes.size >= ROUTES_MAX) return null;
    this.#routes.set(name, route);
    return route;
  }

  #makeRoute(name: string): Route | null {
    const topic = readTopic(name);
    if (topic === null) return null;
    const { channel, feed, symbol, variant } = topic;
    const stream = channel === null || symbol === null ? null : this.#host.stream(channel, feed, symbol);
    if (stream === null || symbol === null) return { kind: 'not-handled', stream, channel, symbol };
    switch (variant) {
      case 'trade':
        return { kind: 'trades', stream, symbol };
      case 'book':
        return { kind: 'book', stream, book: new DepthBook(this.#host, stream, name, symbol) };
      case 'quote':
        return { kind: 'quote', stream, quote: new Quote(this.#host, stream, name, symbol) };
      case 'ticker':
        return { kind: 'ticker', stream, ticker: new Ticker(this.#host, stream, name, symbol) };
      case null:
        return { kind: 'not-handled', stream, channel, symbol };
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

/** `S` is the taker's side (protocols/bybit.md 7). */
function takerSide(side: unknown): TakerSide {
  if (side === 'Buy') return 'buy';
  return side === 'Sell' ? 'sell' : 'unknown';
}
