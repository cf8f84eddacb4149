import { createHash } from 'node:crypto';
import type { SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import {
  crossSequence,
  envelope,
  pushedMs,
  type SimulatedTopic,
  type TopicContext,
} from './simulate-envelope.ts';

/** Most trades of one message (protocols/bybit.md 7). */
const TRADES_MAX = 1024;
/** Looked at first: nearly always enough. */
const TRADES_USUAL = 16;
/** What spot's trade ids look like (protocols/bybit.md 7). */
const SPOT_ID_BASE = 2_240_000_000_000_000_000n;

/** `publicTrade`: everything traded since the last message, oldest first. No history on subscribing. */
export class TradesTopic implements SimulatedTopic {
  readonly name: string;
  readonly weight = 0.6;
  readonly #context: TopicContext;
  readonly #symbol: SimulatedSymbol;
  #lastId: number;
  #lastPrice: string;
  #direction: 'PlusTick' | 'MinusTick' = 'PlusTick';

  constructor(context: TopicContext, symbol: SimulatedSymbol) {
    this.name = context.topic;
    this.#context = context;
    this.#symbol = symbol;
    const newest = symbol.recentTrades(1)[0];
    this.#lastId = newest?.id ?? -1;
    this.#lastPrice = newest?.price ?? '0';
  }

  first(): null {
    return null;
  }

  next(): string | null {
    const { model } = this.#context;
    const fills = model.random() < 0.1 ? 2 + Math.floor(model.random() * 6) : 1;
    for (let n = 0; n < fills; n++) this.#symbol.trade();
    const trades = this.#unsent();
    if (trades.length === 0) return null;
    const data = trades.map((trade) => this.#trade(trade));
    return envelope(this.#context, 'snapshot', pushedMs(model, this.#symbol), data);
  }

  #unsent(): SimulatedTrade[] {
    const isNew = ({ id }: SimulatedTrade): boolean => id > this.#lastId;
    let trades = this.#symbol.recentTrades(TRADES_USUAL);
    if (trades.every(isNew)) trades = this.#symbol.recentTrades(TRADES_MAX);
    const unsent = trades.filter(isNew).reverse();
    this.#lastId = unsent.at(-1)?.id ?? this.#lastId;
    return unsent;
  }

  #trade({ id, time, side, price, amount }: SimulatedTrade): object {
    const spot = this.#context.market.name === 'spot';
    const head = { T: Math.floor(time / 1000), s: this.#symbol.name, S: side === 'buy' ? 'Buy' : 'Sell' };
    const tick = spot ? {} : { L: this.#tickDirection(price) };
    const i = spot ? String(SPOT_ID_BASE + BigInt(id)) : uuidOf(this.#symbol.name, id);
    const seq = crossSequence(this.#symbol);
    return { ...head, v: amount, p: price, ...tick, i, BT: false, RPI: false, seq };
  }

  #tickDirection(price: string): string {
    if (price === this.#lastPrice) return `Zero${this.#direction}`;
    this.#direction = Number(price) > Number(this.#lastPrice) ? 'PlusTick' : 'MinusTick';
    this.#lastPrice = price;
    return this.#direction;
  }

  tick(): null {
    return null;
  }
}

/** A trade's id on the contracts: a UUID that follows from the trade, so that all connections tell the same one. */
function uuidOf(symbol: string, id: number): string {
  const hex = createHash('sha1').update(`${symbol} ${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-9${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
