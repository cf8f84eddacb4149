import { isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { DialectSession, SimulatedMarket, SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import { feedMeaning, type RouteClass, splitName, type Variant } from './feeds.ts';
import type { PayloadWriter } from './simulate-payloads.ts';

/** Streams one connection may have (protocols/binance.md 2). */
const STREAMS_MAX = 1024;

/** How often each variant speaks, compared with the others. */
const WEIGHTS: Readonly<Record<Variant, number>> = {
  trade: 3,
  aggTrade: 3,
  depth: 4,
  bookTicker: 5,
  ticker: 0.3,
  miniTicker: 0.3,
};

/** Trades looked back for what a stream has not sent yet. */
const TRADES_BACK = 30;

interface Subscription {
  readonly name: string;
  readonly variant: Variant;
  readonly symbol: SimulatedSymbol;
  /** Sequence of the book up to which this stream has reported. */
  sequence: number;
  /** Latest trade this stream has reported. */
  trade: number;
}

/** How a connection was opened: what its address decided. */
export interface SessionOptions {
  /** Payloads travel in the `{"stream":...}` wrapper. */
  readonly combined: boolean;
  /** The class of streams this address serves; null: every one. Others are acknowledged and stay silent. */
  readonly route: RouteClass | null;
}

/** One client's connection: its subscriptions and where each of them stands. */
export class BinanceSession implements DialectSession {
  readonly #model: SimulatedMarket;
  readonly #writer: PayloadWriter;
  readonly #route: RouteClass | null;
  readonly #send: (text: string) => void;
  readonly #symbols: ReadonlyMap<string, SimulatedSymbol>;
  #combined: boolean;
  /** Every name asked for; null where nothing will ever come. */
  readonly #names = new Map<string, Subscription | null>();
  readonly #speaking = new Map<Variant, Subscription[]>();

  constructor(
    model: SimulatedMarket,
    writer: PayloadWriter,
    options: SessionOptions,
    send: (text: string) => void,
  ) {
    this.#model = model;
    this.#writer = writer;
    this.#route = options.route;
    this.#combined = options.combined;
    this.#send = send;
    this.#symbols = new Map(model.symbols.map((symbol) => [symbol.name.toLowerCase(), symbol]));
  }

  get active(): number {
    let count = 0;
    for (const subscriptions of this.#speaking.values()) count += subscriptions.length;
    return count;
  }

  receive(text: string): void {
    const message = parseJson(text);
    const answer = isObject(message)
      ? this.#answer(message, message.id ?? null)
      : message === null
        ? refusal(3, 'Invalid JSON: expected value at line 1 column 1', null)
        : refusal(2, 'Invalid request: expected an object', null);
    this.#send(JSON.stringify(answer));
  }

  /** Carries out a request and gives the answer to it (protocols/binance.md 3). */
  #answer(message: JsonObject, id: unknown): object {
    const { method } = message;
    if (typeof method !== 'string')
      return refusal(2, 'Invalid request: missing field `method` at line 1 column 73', null);
    if (!isRequestId(id)) return refusal(2, 'Invalid request: request ID must be an unsigned integer', null);
    const params: readonly unknown[] = Array.isArray(message.params) ? message.params : [];
    switch (method) {
      case 'SUBSCRIBE':
        return this.#subscribe(params, id);
      case 'UNSUBSCRIBE':
        for (const name of params) if (typeof name === 'string') this.#remove(name);
        return { result: null, id };
      case 'LIST_SUBSCRIPTIONS':
        return { result: [...this.#names.keys()], id };
      case 'SET_PROPERTY':
      case 'GET_PROPERTY':
        return this.#property(method, params, id);
      default:
        return refusal(2, `Invalid request: unknown variant \`${method}\``, id);
    }
  }

  #subscribe(params: readonly unknown[], id: unknown): object {
    if (params.length === 0 || !params.every(isWellFormed))
      return refusal(2, 'Invalid request: invalid stream', id);
    if (new Set([...this.#names.keys(), ...params]).size > STREAMS_MAX)
      return refusal(2, 'Invalid request: too many streams', id);
    for (const name of params) this.add(name);
    return { result: null, id };
  }

  #property(method: 'SET_PROPERTY' | 'GET_PROPERTY', params: readonly unknown[], id: unknown): object {
    const [name, value] = params;
    if (name !== 'combined') return refusal(0, 'Unknown property', id);
    if (method === 'GET_PROPERTY') return { result: this.#combined, id };
    if (typeof value !== 'boolean') return refusal(1, 'Invalid value type: expected Boolean', id);
    this.#combined = value;
    return { result: null, id };
  }

  /** Starts a stream. An unknown name, or one of the other class, is accepted and never speaks. */
  add(name: string): void {
    if (this.#names.has(name)) return;
    const feed = splitName(name)?.feed;
    const meaning = feed === undefined ? null : feedMeaning(feed);
    const symbol = this.#symbols.get(name.slice(0, name.indexOf('@')));
    const variant = meaning?.variant ?? null;
    if (
      variant === null ||
      symbol === undefined ||
      (this.#route !== null && meaning?.route !== this.#route)
    ) {
      this.#names.set(name, null);
      return;
    }
    const trade = symbol.recentTrades(1)[0]?.id ?? 0;
    const subscription = { name, variant, symbol, sequence: symbol.sequence, trade };
    this.#names.set(name, subscription);
    const others = this.#speaking.get(variant);
    if (others === undefined) this.#speaking.set(variant, [subscription]);
    else others.push(subscription);
  }

  #remove(name: string): void {
    const subscription = this.#names.get(name);
    this.#names.delete(name);
    if (subscription === null || subscription === undefined) return;
    const others = this.#speaking.get(subscription.variant)?.filter((other) => other !== subscription) ?? [];
    this.#speaking.set(subscription.variant, others);
  }

  publish(): void {
    const subscription = this.#choose();
    if (subscription === null) return;
    const payload = this.#payload(subscription);
    this.#send(this.#combined ? `{"stream":"${subscription.name}","data":${payload}}` : payload);
  }

  #choose(): Subscription | null {
    let total = 0;
    for (const [variant, subscriptions] of this.#speaking) total += WEIGHTS[variant] * subscriptions.length;
    let left = this.#model.random() * total;
    for (const [variant, subscriptions] of this.#speaking) {
      const share = WEIGHTS[variant] * subscriptions.length;
      if (left < share) return subscriptions[Math.floor(left / WEIGHTS[variant])] ?? null;
      left -= share;
    }
    return null;
  }

  #payload(subscription: Subscription): string {
    const { symbol } = subscription;
    const writer = this.#writer;
    switch (subscription.variant) {
      case 'trade':
        return writer.trade(symbol, this.#nextTrade(subscription), this.#model.now());
      case 'aggTrade':
        return writer.aggTrade(symbol, this.#nextTrade(subscription), this.#model.now());
      case 'depth':
        return this.#depth(subscription);
      case 'bookTicker':
        symbol.move(1);
        return writer.bookTicker(symbol, this.#model.now());
      case 'ticker':
        return writer.ticker(symbol, this.#model.now());
      case 'miniTicker':
        return writer.miniTicker(symbol, this.#model.now());
    }
  }

  /** The trade after the last one sent, or a new one: all connections see the same tape. */
  #nextTrade(subscription: Subscription): SimulatedTrade {
    const recent = subscription.symbol.recentTrades(TRADES_BACK);
    const next = recent.findLast(({ id }) => id > subscription.trade) ?? subscription.symbol.trade();
    subscription.trade = next.id;
    return next;
  }

  /** A diff since the last one. Where the model has forgotten that far back, ids jump as after an engine restart. */
  #depth(subscription: Subscription): string {
    const { symbol } = subscription;
    if (symbol.changesSince(subscription.sequence) === null) subscription.sequence = symbol.sequence;
    symbol.move(1 + Math.floor(this.#model.random() * 8));
    const from = subscription.sequence;
    subscription.sequence = symbol.sequence;
    return this.#writer.depth(symbol, from, subscription.sequence, this.#model.now());
  }

  /** The only heartbeat is the protocol ping, which the server sends by itself. */
  tick(_nowMs: number): void {
    // Nothing is due: every message is a reaction or a publication.
  }
}

/** The nested shape that clients report from the wire (protocols/binance.md 3). */
function refusal(code: number, msg: string, id: unknown): object {
  return { error: { code, msg }, id };
}

/** Integers, short words, or none (protocols/binance.md 3). */
function isRequestId(id: unknown): boolean {
  return id === null || Number.isSafeInteger(id) || (typeof id === 'string' && /^[\w-]{1,36}$/.test(id));
}

/** A name that the real server accepts, whether or not it exists. */
function isWellFormed(name: unknown): name is string {
  return typeof name === 'string' && /^(!?[\p{L}\p{N}_-]+@[\w@.:+-]+|!?[\p{L}\p{N}_-]+)$/u.test(name);
}
