import { isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { Dialect, DialectSession, SimulatedMarket, SimulatedSymbol } from '../simulation.ts';
import { DepthWindow } from './simulate-depth.ts';
import { deal, markSeries, push, quote, state } from './simulate-messages.ts';
import { answerRest } from './simulate-rest.ts';
import { readUrl } from './subscribe.ts';

/** A full book comes once a minute, whatever else comes (protocols/coinex.md 7.4). */
const FULL_EVERY_MS = 60_000;
/** Trades in the first push after subscribing; the true number is not documented. */
const FIRST_DEALS = 30;
/** How often each channel is the next to speak, where something is subscribed on it. */
const WEIGHTS = { deals: 35, depth: 40, bbo: 20, state: 5 };

type Kind = keyof typeof WEIGHTS;
const KINDS = Object.keys(WEIGHTS) as Kind[];

/** Error codes without the leading 2 (spot) or 3 (futures) (protocols/coinex.md 4). */
const BAD_PARAMETER = { code: 1, message: 'invalid parameters' };
const UNKNOWN_METHOD = { code: 2, message: 'method not found' };
const NEEDS_SIGN = { code: 1001, message: 'require auth' };

/** CoinEx's side: spot or futures, every message in one gzip member (protocols/coinex.md 2). */
export function simulate(market: string, model: SimulatedMarket): Dialect {
  return {
    framing: 'gzip',
    pingMs: null,
    connect: (url, send) => (readUrl(url)?.market === market ? new CoinexServer(market, model, send) : null),
    rest: (url) => answerRest(market, model, url),
  };
}

interface Answer {
  readonly reply: JsonObject;
  readonly then?: () => void;
}

class CoinexServer implements DialectSession {
  readonly #market: string;
  readonly #model: SimulatedMarket;
  readonly #send: (text: string) => void;
  /** By market: the last trade pushed. */
  readonly #deals = new Map<string, number>();
  readonly #depth = new Map<string, DepthWindow>();
  readonly #bbo = new Set<string>();
  /** By market: the entry last pushed, as text. */
  readonly #states = new Map<string, string>();
  #allStates = false;

  constructor(market: string, model: SimulatedMarket, send: (text: string) => void) {
    this.#market = market;
    this.#model = model;
    this.#send = send;
  }

  get active(): number {
    return this.#deals.size + this.#depth.size + this.#bbo.size + this.#states.size;
  }

  receive(text: string): void {
    const { reply, then } = this.#answer(parseJson(text));
    this.#send(JSON.stringify(reply));
    then?.();
  }

  /** The reply to a request, and the first pushes that follow it. */
  #answer(message: unknown): Answer {
    if (!isObject(message)) return this.#refusal(null, BAD_PARAMETER);
    const { method, params, id = null } = message;
    if (method === 'server.ping') return { reply: { id, code: 0, data: { result: 'pong' }, message: 'OK' } };
    if (method === 'server.sign') return this.#refusal(id, NEEDS_SIGN);
    const [word, verb] = typeof method === 'string' ? method.split('.') : [];
    const kind = KINDS.find((known) => known === word);
    if (kind === undefined || (verb !== 'subscribe' && verb !== 'unsubscribe'))
      return this.#refusal(id, UNKNOWN_METHOD);
    const list = isObject(params) ? params.market_list : undefined;
    if (!Array.isArray(list)) return this.#refusal(id, BAD_PARAMETER);
    const then = verb === 'subscribe' ? this.#subscribe(kind, list) : this.#unsubscribe(kind, list);
    return then === null ? this.#refusal(id, BAD_PARAMETER) : { reply: { id, code: 0, message: 'OK' }, then };
  }

  #refusal(id: unknown, { code, message }: { code: number; message: string }): Answer {
    return { reply: { id, code: (this.#market === 'spot' ? 20_000 : 30_000) + code, message } };
  }

  /** Null refuses the whole list: one bad entry is enough (protocols/coinex.md 4). What it returns follows the ack. */
  #subscribe(kind: Kind, list: readonly unknown[]): (() => void) | null {
    if (kind === 'depth') return this.#subscribeDepth(list);
    const names = list.length === 0 ? this.#model.symbols.map(({ name }) => name) : list;
    const symbols = this.#symbols(names);
    if (symbols === null) return null;
    if (kind === 'state' && list.length === 0) this.#allStates = true;
    return () => {
      for (const symbol of symbols) {
        if (kind === 'deals') this.#firstDeals(symbol);
        else if (kind === 'bbo') this.#bbo.add(symbol.name);
        else this.#states.set(symbol.name, '');
      }
      if (kind === 'state') this.#pushStates();
    };
  }

  #symbols(names: readonly unknown[]): SimulatedSymbol[] | null {
    const symbols: SimulatedSymbol[] = [];
    for (const name of names) {
      const symbol = typeof name === 'string' ? this.#model.symbol(name) : undefined;
      if (symbol === undefined) return null;
      symbols.push(symbol);
    }
    return symbols;
  }

  #subscribeDepth(list: readonly unknown[]): (() => void) | null {
    const windows: [string, DepthWindow][] = [];
    for (const entry of list) {
      const [name, limit, interval, isFull] = Array.isArray(entry) ? (entry as unknown[]) : [];
      const symbol = typeof name === 'string' ? this.#model.symbol(name) : undefined;
      if (symbol === undefined || ![5, 10, 20, 50].includes(limit as number)) return null;
      if (typeof interval !== 'string' || !/^(0|0\.0*1|10*)$/.test(interval) || typeof isFull !== 'boolean')
        return null;
      windows.push([symbol.name, new DepthWindow(symbol, limit as number, interval, isFull)]);
    }
    if (windows.length === 0) return null;
    return () => {
      for (const [name, window] of windows) {
        this.#depth.set(name, window);
        this.#pushFull(window);
      }
    };
  }

  /** Plain names, on depth too; an empty list ends them all (protocols/coinex.md 5). */
  #unsubscribe(kind: Kind, list: readonly unknown[]): (() => void) | null {
    if (!list.every((name) => typeof name === 'string')) return null;
    const held = { deals: this.#deals, depth: this.#depth, bbo: this.#bbo, state: this.#states }[kind];
    return () => {
      if (kind === 'state' && list.length === 0) this.#allStates = false;
      if (list.length === 0) held.clear();
      else for (const name of list) held.delete(name);
    };
  }

  publish(): void {
    const kinds = KINDS.filter((kind) => this.#names(kind).length > 0);
    const kind = chosen(kinds, this.#model.random());
    if (kind === undefined) return;
    const names = this.#names(kind);
    const symbol = this.#model.symbol(names[Math.floor(this.#model.random() * names.length)] ?? '');
    if (symbol === undefined) return;
    if (kind === 'deals') this.#pushDeals(symbol);
    else if (kind === 'depth') this.#pushDepth(symbol);
    else if (kind === 'bbo') this.#pushQuote(symbol);
    else this.#pushStates();
  }

  #names(kind: Kind): string[] {
    return [...{ deals: this.#deals, depth: this.#depth, bbo: this.#bbo, state: this.#states }[kind].keys()];
  }

  /** The snapshot of recent trades that a subscription begins with. */
  #firstDeals(symbol: SimulatedSymbol): void {
    const trades = symbol.recentTrades(FIRST_DEALS);
    this.#deals.set(symbol.name, trades[0]?.id ?? 0);
    this.#send(push('deals.update', { market: symbol.name, deal_list: trades.map(deal) }));
  }

  /** New trades, newest first, those that other connections caused included. */
  #pushDeals(symbol: SimulatedSymbol): void {
    for (let count = Math.floor(this.#model.random() * 3); count >= 0; count--) symbol.trade();
    const last = this.#deals.get(symbol.name) ?? 0;
    const trades = symbol.recentTrades(100).filter(({ id }) => id > last);
    this.#deals.set(symbol.name, trades[0]?.id ?? last);
    this.#send(push('deals.update', { market: symbol.name, deal_list: trades.map(deal) }));
  }

  /** Lets the market move until the window changes; a window that will not is pushed whole. */
  #pushDepth(symbol: SimulatedSymbol): void {
    const window = this.#depth.get(symbol.name);
    if (window === undefined) return;
    for (let tries = 0; tries < 8; tries++) {
      symbol.move(1 + Math.floor(this.#model.random() * 4));
      const data = window.isFull ? window.full() : window.changes();
      if (data !== null) {
        this.#send(push('depth.update', data));
        return;
      }
    }
    this.#pushFull(window);
  }

  #pushFull(window: DepthWindow): void {
    window.fullAtMs = this.#model.now() / 1000;
    this.#send(push('depth.update', window.full()));
  }

  #pushQuote(symbol: SimulatedSymbol): void {
    symbol.move(1);
    this.#send(push('bbo.update', quote(symbol)));
  }

  /** The subscribed markets whose figures changed; all of them where none did. */
  #pushStates(): void {
    const nowMs = this.#model.now() / 1000;
    const all: object[] = [];
    const changed: object[] = [];
    for (const name of this.#states.keys()) {
      const symbol = this.#model.symbol(name);
      if (symbol === undefined) continue;
      const entry = state(this.#market, symbol, nowMs);
      const text = JSON.stringify(entry);
      all.push(entry);
      if (this.#states.get(name) === text) continue;
      this.#states.set(name, text);
      changed.push(entry);
      if (this.#allStates && this.#market === 'futures') changed.push(markSeries(symbol));
    }
    this.#send(push('state.update', { state_list: changed.length > 0 ? changed : all }));
  }

  tick(nowMs: number): void {
    for (const window of this.#depth.values())
      if (!window.isFull && nowMs - window.fullAtMs >= FULL_EVERY_MS) this.#pushFull(window);
  }
}

/** One of the kinds, by their weights; `at` is in [0, 1). */
function chosen(kinds: readonly Kind[], at: number): Kind | undefined {
  let left = at * kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  for (const kind of kinds) {
    left -= WEIGHTS[kind];
    if (left < 0) return kind;
  }
  return kinds[0];
}
