/**
 * Binance: spot, Binance.US, USD-M and COIN-M futures. Public market data only.
 *
 * Guarantees: combined mode on every link, the two USD-M classes on links of their own, books that hold to the
 * exchange's `U`/`u`/`pu` rules or say that they do not. Left to others: options, SBE, and every stream that is no
 * trade, book, quote or 24-hour ticker (those are kept in the journal and counted as not handled).
 *
 * Facts and their evidence: README.md of this folder.
 */
import type { Exchange } from '../exchange.ts';
import { classify } from './control.ts';
import { BinanceDecoder } from './decode.ts';
import { MARKETS } from './markets.ts';
import { SHAPES } from './shapes.ts';
import { simulate } from './simulate.ts';
import { planLinks, readRequest, readUrl, subscribe } from './subscribe.ts';

export const binance: Exchange = {
  name: 'binance',
  title: 'Binance',
  aliases: [],
  decoderVersion: 2,
  markets: MARKETS,
  planLinks,
  subscribe,
  readRequest,
  readUrl,
  classify,
  shapes: SHAPES,
  openDecoder: (link, host, state) => new BinanceDecoder(link, host, state),
  simulate,
};
