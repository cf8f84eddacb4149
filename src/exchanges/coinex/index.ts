/**
 * CoinEx, API v2: spot and futures. Every frame of the exchange is one gzip member, undone before it comes here;
 * a plain text frame reads the same.
 *
 * No capture of CoinEx was to be had: all that is known is from documents, and where they are silent or disagree this
 * folder is written to be right under both answers. `README.md` lists what is sure, what is not, and what is done.
 */
import type { Exchange } from '../exchange.ts';
import { classify } from './control.ts';
import { openDecoder } from './decode.ts';
import { MARKETS } from './markets.ts';
import { SHAPES } from './shapes.ts';
import { simulate } from './simulate.ts';
import { planLinks, readRequest, readUrl, subscribe } from './subscribe.ts';

export const coinex: Exchange = {
  name: 'coinex',
  title: 'CoinEx',
  aliases: ['coinex'],
  decoderVersion: 2,
  markets: MARKETS,
  planLinks,
  subscribe,
  readRequest,
  readUrl,
  classify,
  shapes: SHAPES,
  openDecoder,
  simulate,
};
