import { isObject, parseJson } from '../../record/index.ts';
import type { Listing } from '../exchange.ts';

/**
 * How a market lists its instruments: `exchangeInfo`, whose shape is the same everywhere but for the name of the
 * status (protocols/binance.md 12.3: COIN-M says `contractStatus`).
 */
export function listing(path: string, statusField: 'status' | 'contractStatus'): Listing {
  return { path, read: (body) => readListing(body, statusField) };
}

function readListing(body: string, statusField: string): string[] {
  const answer = parseJson(body);
  if (!isObject(answer) || !Array.isArray(answer.symbols)) {
    throw new Error(
      `expected an exchangeInfo answer with "symbols", got ${JSON.stringify(body.slice(0, 120))}`,
    );
  }
  const symbols: string[] = [];
  for (const entry of answer.symbols as unknown[]) {
    if (!isObject(entry) || typeof entry.symbol !== 'string')
      throw new Error('expected each entry of "symbols" to be an object with a "symbol"');
    if (entry[statusField] === 'TRADING') symbols.push(entry.symbol);
  }
  return symbols;
}
