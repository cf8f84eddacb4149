import type { Dialect, SimulatedMarket } from '../simulation.ts';
import { marketOf } from './markets.ts';
import { answerRest } from './simulate-rest.ts';
import { BybitSession } from './simulate-session.ts';

/**
 * The server side of a market: its address, control messages, topics, and the REST book and listing.
 * Not served: topics that this module does not read, options, and the limit of 21 000 characters, whose refusal
 * nobody has described.
 */
export function simulate(name: string, model: SimulatedMarket): Dialect {
  const market = marketOf(name);
  return {
    framing: 'text',
    // The server sends no protocol pings (protocols/bybit.md 4).
    pingMs: null,
    connect: (url, send) => (url.pathname === market.path ? new BybitSession(market, model, send) : null),
    rest: (url) => answerRest(market, model, url),
  };
}
