import { isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { Listing } from '../exchange.ts';

/** The market list of spot or futures; without `market=` it names all of them (protocols/coinex.md 10). */
export function listing(market: string): Listing {
  return { path: `/${market}/market`, read: readListing };
}

/**
 * Symbols of `GET /spot/market` or `/futures/market` that trade.
 * @throws Error on a body that is no such answer.
 */
export function readListing(body: string): string[] {
  const answer = parseJson(body);
  if (!isObject(answer) || answer.code !== 0 || !Array.isArray(answer.data))
    throw new Error(
      `CoinEx market list: expected {"code":0,"data":[...]}, got ${JSON.stringify(body.slice(0, 200))}`,
    );
  return answer.data.filter(isObject).filter(trades).map(symbolOf).filter(isTraded);
}

/**
 * Spot says `status`, and only `online` trades. The futures sample has no `status` but `is_market_available`; where
 * neither is said, being listed is all there is to go by (protocols/coinex.md 10).
 */
function trades(entry: JsonObject): boolean {
  if (entry.status !== undefined) return entry.status === 'online';
  return entry.is_market_available !== false;
}

function symbolOf(entry: JsonObject): string {
  return typeof entry.market === 'string' ? entry.market : '';
}

function isTraded(symbol: string): boolean {
  return symbol !== '' && !isPseudoMarket(symbol);
}

/** Mark price and index series that stand among the markets (protocols/coinex.md 7.1). */
export function isPseudoMarket(symbol: string): boolean {
  return symbol.endsWith('_SIGNPRICE') || symbol.endsWith('_INDEX');
}
