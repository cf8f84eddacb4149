import { isObject, parseJson } from '../../record/index.ts';
import type { Listing } from '../exchange.ts';

/**
 * How a market lists its instruments (protocols/bybit.md 12). One page of at most 1000; the answer may name a next
 * page, which is not fetched (README, "Limits of this module"). `contractTypes` null: the family has none (spot).
 */
export function listing(category: string, contractTypes: readonly string[] | null): Listing {
  return {
    path: `/v5/market/instruments-info?category=${category}&limit=1000`,
    read: (body) => readListing(body, contractTypes),
  };
}

function readListing(body: string, contractTypes: readonly string[] | null): string[] {
  const answer = parseJson(body);
  const shown = JSON.stringify(body.slice(0, 120));
  if (!isObject(answer)) throw new Error(`expected an instruments-info answer, got ${shown}`);
  // An error comes with HTTP 200 too.
  if (answer.retCode !== 0)
    throw new Error(`Bybit refused the listing: retCode ${String(answer.retCode)}, ${String(answer.retMsg)}`);
  if (!isObject(answer.result) || !Array.isArray(answer.result.list))
    throw new Error(`expected an instruments-info answer with "result.list", got ${shown}`);
  const symbols: string[] = [];
  for (const entry of answer.result.list as unknown[]) {
    if (!isObject(entry) || typeof entry.symbol !== 'string')
      throw new Error('expected each entry of "result.list" to be an object with a "symbol"');
    if (entry.status !== 'Trading') continue;
    if (contractTypes === null || contractTypes.some((type) => type === entry.contractType))
      symbols.push(entry.symbol);
  }
  return symbols;
}
