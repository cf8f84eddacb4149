/**
 * The registry of exchanges and their contract. Adding an exchange is a folder here and one line in `EXCHANGES`.
 */
import { binance } from './binance/index.ts';
import { bitfinex } from './bitfinex/index.ts';
import { bybit } from './bybit/index.ts';
import { coinex } from './coinex/index.ts';
import type { Exchange } from './exchange.ts';

export { BookKeeper } from './book-keeper.ts';
export type {
  Breach,
  ChannelFeeds,
  ClientRequest,
  Control,
  DecoderHost,
  DecoderRequest,
  Exchange,
  Heartbeat,
  Limits,
  LinkContext,
  LinkDecoder,
  LinkPlan,
  Listing,
  Market,
  Outcome,
  PlanRequest,
  RawMessage,
  SubscribeMessage,
  UrlMeaning,
} from './exchange.ts';
export { feedAllowed } from './plan.ts';
export type {
  Dialect,
  DialectSession,
  SimulatedChange,
  SimulatedDay,
  SimulatedLevel,
  SimulatedMarket,
  SimulatedSymbol,
  SimulatedTrade,
} from './simulation.ts';
export { TradeMemory } from './trade-memory.ts';

export const EXCHANGES: readonly Exchange[] = [binance, bybit, coinex, bitfinex];

/** The exchange of this name, or undefined. */
export function findExchange(name: string): Exchange | undefined {
  return EXCHANGES.find((exchange) => exchange.name === name);
}
