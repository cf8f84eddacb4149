/**
 * Bitfinex, API version 2: spot and derivatives by one address. Public market data only.
 *
 * Guarantees: the connection's running number is checked on every array, books are joined from their own snapshot and
 * updates and are silent after a break, quotes are read from a proven book, the exchange's checksums are compared and
 * counted. Left to others: candles, status channels, raw (R0) books and everything of funding currencies (kept in the
 * journal and counted as not handled).
 *
 * Facts and their evidence: README.md of this folder.
 */
import type { Exchange } from '../exchange.ts';
import { classify } from './control.ts';
import { BitfinexDecoder } from './decode.ts';
import { MARKETS } from './markets.ts';
import { SHAPES } from './shapes.ts';
import { simulate } from './simulate.ts';
import { planLinks, readRequest, readUrl, subscribe } from './subscribe.ts';

export const bitfinex: Exchange = {
  name: 'bitfinex',
  title: 'Bitfinex',
  aliases: [],
  decoderVersion: 2,
  markets: MARKETS,
  planLinks,
  subscribe,
  readRequest,
  readUrl,
  shapes: SHAPES,
  classify: (frame) => classify(frame),
  openDecoder: (link, host, state) => new BitfinexDecoder(link, host, state),
  simulate,
};
