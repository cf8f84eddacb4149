/**
 * Bybit V5: spot, linear and inverse. Public market data only.
 *
 * Guarantees: one kind of topic and at most ten topics a request, so that one bad topic costs little; books that hold
 * to the rule `u` = last + 1 or say that they do not; level 1 as quotes, each state once; tickers merged from their
 * deltas. Left to others: options, the RPI and full books, liquidations, candles and notices (kept in the journal
 * and counted as not handled).
 *
 * Facts and their evidence: README.md of this folder.
 */
import type { Exchange } from '../exchange.ts';
import { classify } from './control.ts';
import { BybitDecoder } from './decode.ts';
import { MARKETS } from './markets.ts';
import { SHAPES } from './shapes.ts';
import { simulate } from './simulate.ts';
import { planLinks, readRequest, readUrl, subscribe } from './subscribe.ts';

export const bybit: Exchange = {
  name: 'bybit',
  title: 'Bybit',
  aliases: ['bybit v5'],
  decoderVersion: 2,
  markets: MARKETS,
  planLinks,
  subscribe,
  readRequest,
  readUrl,
  classify,
  shapes: SHAPES,
  openDecoder: (link, host, state) => new BybitDecoder(link, host, state),
  simulate,
};
