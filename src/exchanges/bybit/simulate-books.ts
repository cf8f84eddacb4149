import type { SimulatedLevel, SimulatedSymbol } from '../simulation.ts';
import {
  crossSequence,
  envelope,
  pushedMs,
  type SimulatedTopic,
  type TopicContext,
} from './simulate-envelope.ts';

type Level = readonly [price: string, amount: string];

/** More changed levels than this come as a snapshot (protocols/bybit.md 11.1, from the SBE page). */
const DELTA_LEVELS_MAX = 100;
/** Moves of the market in which a window or a best price may stay as it was, before a trade moves it. */
const MOVES_MAX = 6;
/** An unchanged level 1 is sent again after this long, ms (protocols/bybit.md 6.3). */
const REPEAT_MS = 3000;

/** `orderbook.50`, `.200`, `.1000`: the best levels of both sides, as changes. */
export class BookTopic implements SimulatedTopic {
  readonly name: string;
  readonly weight = 1;
  readonly #context: TopicContext;
  readonly #symbol: SimulatedSymbol;
  readonly #depth: number;
  /** The window the client holds. */
  #bids: readonly SimulatedLevel[] = [];
  #asks: readonly SimulatedLevel[] = [];
  #u: number;

  constructor(context: TopicContext, symbol: SimulatedSymbol, depth: number) {
    this.name = context.topic;
    this.#context = context;
    this.#symbol = symbol;
    this.#depth = depth;
    this.#u = firstUpdate(symbol);
  }

  first(): string {
    this.#take();
    return this.#message('snapshot', this.#bids.map(pair), this.#asks.map(pair));
  }

  next(): string | null {
    for (let move = 0; move <= MOVES_MAX; move++) {
      if (move < MOVES_MAX) this.#symbol.move(1 + Math.floor(this.#context.model.random() * 4));
      else this.#symbol.trade();
      const bids = this.#bids;
      const asks = this.#asks;
      this.#take();
      const b = windowChanges(bids, this.#bids, -1);
      const a = windowChanges(asks, this.#asks, 1);
      if (b.length + a.length > DELTA_LEVELS_MAX) return this.first();
      if (b.length + a.length > 0) return this.#message('delta', b, a);
    }
    return null;
  }

  #take(): void {
    this.#bids = this.#symbol.levels('bid', this.#depth);
    this.#asks = this.#symbol.levels('ask', this.#depth);
  }

  #message(type: 'snapshot' | 'delta', b: readonly Level[], a: readonly Level[]): string {
    const { model } = this.#context;
    const data = { s: this.#symbol.name, b, a, u: this.#u++, seq: crossSequence(this.#symbol) };
    const cts = Math.floor(this.#symbol.time / 1000);
    return envelope(this.#context, type, pushedMs(model, this.#symbol), data, cts);
  }

  tick(): null {
    return null;
  }
}

/** `orderbook.1`: the whole quote each time; the update id need not be consecutive (protocols/bybit.md 11.2). */
export class QuoteTopic implements SimulatedTopic {
  readonly name: string;
  readonly weight = 0.8;
  readonly #context: TopicContext;
  readonly #symbol: SimulatedSymbol;
  #data = { s: '', b: [] as Level[], a: [] as Level[], u: 0, seq: 0 };
  #cts = 0;
  #sentMs = 0;
  #u: number;

  constructor(context: TopicContext, symbol: SimulatedSymbol) {
    this.name = context.topic;
    this.#context = context;
    this.#symbol = symbol;
    this.#u = firstUpdate(symbol);
  }

  first(): string {
    const b = this.#symbol.levels('bid', 1).map(pair);
    const a = this.#symbol.levels('ask', 1).map(pair);
    this.#data = { s: this.#symbol.name, b, a, u: this.#u, seq: crossSequence(this.#symbol) };
    this.#cts = Math.floor(this.#symbol.time / 1000);
    this.#u += 1 + Math.floor(this.#context.model.random() * 3);
    return this.#send(pushedMs(this.#context.model, this.#symbol));
  }

  next(): string | null {
    for (let move = 0; move <= MOVES_MAX; move++) {
      if (move < MOVES_MAX) this.#symbol.move(1 + Math.floor(this.#context.model.random() * 4));
      else this.#symbol.trade();
      if (this.#changed()) return this.first();
    }
    return null;
  }

  #changed(): boolean {
    const same = (held: readonly Level[], now: readonly SimulatedLevel[]): boolean =>
      held.length === now.length &&
      held.every(([price, amount], n) => price === now[n]?.price && amount === now[n]?.amount);
    return (
      !same(this.#data.b, this.#symbol.levels('bid', 1)) || !same(this.#data.a, this.#symbol.levels('ask', 1))
    );
  }

  #send(ms: number): string {
    this.#sentMs = ms;
    return envelope(this.#context, 'snapshot', ms, this.#data, this.#cts);
  }

  /** The same state with the same `u`, 3 s after it was last sent. */
  tick(nowMs: number): string | null {
    return nowMs - this.#sentMs >= REPEAT_MS ? this.#send(Math.floor(nowMs)) : null;
  }
}

/** An update id to begin with: never 1, which means a restart of the service. */
function firstUpdate(symbol: SimulatedSymbol): number {
  return 1000 + symbol.sequence;
}

function pair({ price, amount }: SimulatedLevel): Level {
  return [price, amount];
}

/**
 * What turns one window into the other: changed and new levels, and those that are gone, be it from the market or
 * only out of the window, with size "0" (protocols/bybit.md 11.1). `direction` 1: prices rise from the best on.
 */
export function windowChanges(
  before: readonly SimulatedLevel[],
  after: readonly SimulatedLevel[],
  direction: 1 | -1,
): Level[] {
  const changes: Level[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const old = before[i];
    const now = after[j];
    if (old === undefined && now === undefined) return changes;
    if (old !== undefined && now !== undefined && old.price === now.price) {
      if (old.amount !== now.amount) changes.push([now.price, now.amount]);
      i++;
      j++;
    } else if (
      now === undefined ||
      (old !== undefined && (Number(old.price) - Number(now.price)) * direction < 0)
    ) {
      if (old !== undefined) changes.push([old.price, '0']);
      i++;
    } else {
      changes.push([now.price, now.amount]);
      j++;
    }
  }
}
