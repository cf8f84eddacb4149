import { parseJson } from '../../record/index.ts';
import type { Listing } from '../exchange.ts';
import { isDerivative } from './feeds.ts';

/** Test pairs live on production (protocols/bitfinex.md 12): `TESTBTC:TESTUSD`, `AAABBB`. */
const TEST_PAIR = /^TEST|:TEST|^AAA:?BBB$/;

/** Pairs of the exchange market. */
export const spotListing: Listing = {
  path: '/v2/conf/pub:list:pair:exchange',
  read: (body) => readPairs(body).filter((symbol) => !isDerivative(symbol)),
};

/** Perpetual futures: both legs end in `F0`. */
export const derivativesListing: Listing = {
  path: '/v2/conf/pub:list:pair:futures',
  read: (body) => readPairs(body).filter(isDerivative),
};

/**
 * Symbols of a `conf` answer: a list with one list of pairs for the one item asked (protocols/bitfinex.md 11). A
 * pair's symbol has a `t` in front. Errors are arrays too: `["error", CODE, "text"]`.
 */
function readPairs(body: string): string[] {
  const answer = parseJson(body);
  const pairs: unknown = Array.isArray(answer) ? answer[0] : null;
  if (!Array.isArray(pairs) || !pairs.every((pair) => typeof pair === 'string'))
    throw new Error(`expected a list holding one list of pairs, got ${JSON.stringify(body.slice(0, 120))}`);
  return pairs.filter((pair) => !TEST_PAIR.test(pair)).map((pair) => `t${pair}`);
}
