import type { SimulatedMarket, SimulatedSymbol } from '../simulation.ts';
import type { BybitMarket } from './markets.ts';

/** One topic of one connection. */
export interface SimulatedTopic {
  readonly name: string;
  /** How often it speaks: the chance of being taken when it is drawn. */
  readonly weight: number;
  /** What is sent on subscribing; null where nothing is. */
  first(): string | null;
  /** The next message; null where there is nothing to say. */
  next(): string | null;
  /** What is due by the clock (ms), if anything. */
  tick(nowMs: number): string | null;
}

/** What all topics know: their names, and which family they speak for. */
export interface TopicContext {
  readonly market: BybitMarket;
  readonly model: SimulatedMarket;
  readonly topic: string;
}

/** A cross sequence begins at some large number, as on the exchange. */
const CROSS_SEQUENCE_BASE = 66_000_000_000;

type MessageType = 'snapshot' | 'delta';

/** Server time in ms, never before the matching time of what is being sent. */
export function pushedMs(model: SimulatedMarket, symbol: SimulatedSymbol): number {
  return Math.floor(Math.max(model.now(), symbol.time) / 1000);
}

/** The cross sequence: rises with every change of the book, so it orders all topics of a symbol. */
export function crossSequence(symbol: SimulatedSymbol): number {
  return CROSS_SEQUENCE_BASE + symbol.sequence;
}

/** A book or trade message. Spot writes `ts` before `type`, the contracts behind it (protocols/bybit.md 5). */
export function envelope(
  { market, topic }: TopicContext,
  type: MessageType,
  ts: number,
  data: unknown,
  cts?: number,
): string {
  const last = cts === undefined ? {} : { cts };
  return JSON.stringify(
    market.name === 'spot' ? { topic, ts, type, data, ...last } : { topic, type, ts, data, ...last },
  );
}

/** A ticker message, whose keys stand in yet another order (protocols/bybit.md 8). */
export function tickerEnvelope(
  { market, topic }: TopicContext,
  type: MessageType,
  ts: number,
  cs: number,
  data: unknown,
): string {
  return JSON.stringify(
    market.name === 'spot' ? { topic, ts, type, cs, data } : { topic, type, data, cs, ts },
  );
}
