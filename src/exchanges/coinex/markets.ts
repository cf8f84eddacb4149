import type { Heartbeat, Limits, Market } from '../exchange.ts';
import { listing } from './instruments.ts';
import { depthFeed, PING_FIRST_ID, wireText } from './requests.ts';

/** Levels a side that depth may be asked with (protocols/coinex.md 7.4). */
const DEPTH_LIMITS = [5, 10, 20, 50];

/** Price steps that depth may be merged to; `0` merges nothing (protocols/coinex.md 7.4). */
const DEPTH_INTERVALS = [
  '0',
  '0.000000000001',
  '0.00000000001',
  '0.0000000001',
  '0.000000001',
  '0.00000001',
  '0.0000001',
  '0.000001',
  '0.00001',
  '0.0001',
  '0.001',
  '0.01',
  '0.1',
  '1',
  '10',
  '100',
  '1000',
];

/** A full book is pushed every minute even where nothing changes (protocols/coinex.md 7.4, 8.2). */
export const BOOK_SILENCE_MS = 75_000;

/** Whether a quiet market says anything on these channels is not documented: their silence proves nothing. */
const MAY_BE_SILENT = { silenceMs: null, firstMessageMs: null };

/** Both markets have the same channels (protocols/coinex.md 7). */
const CHANNELS = {
  trades: { defaultFeed: 'deals', feeds: ['deals'], ...MAY_BE_SILENT },
  book: {
    defaultFeed: depthFeed(50, '0'),
    feeds: DEPTH_LIMITS.flatMap((limit) => DEPTH_INTERVALS.map((interval) => depthFeed(limit, interval))),
    silenceMs: BOOK_SILENCE_MS,
    firstMessageMs: BOOK_SILENCE_MS,
  },
  quotes: { defaultFeed: 'bbo', feeds: ['bbo'], ...MAY_BE_SILENT },
  ticker: { defaultFeed: 'state', feeds: ['state'], ...MAY_BE_SILENT },
} as const satisfies Market['channels'];

const LIMITS: Limits = {
  streamsPerLink: 100,
  sendIntervalMs: 250,
  dialIntervalMs: 1000,
  restIntervalMs: 50,
  source:
    'protocols/coinex.md 3: 400 REST requests a second per IP are documented; connections, streams and messages are not, so these are cautious',
};

/** Protocol pings are not answered reliably, so `server.ping` it is (protocols/coinex.md 6). */
const HEARTBEAT: Heartbeat = {
  intervalMs: 15_000,
  message: (n) => wireText('server.ping', {}, PING_FIRST_ID + n),
  answerMs: 10_000,
  idleMs: 30_000,
};

function market(name: string, aliases: readonly string[]): Market {
  return {
    name,
    aliases,
    websocket: 'wss://socket.coinex.com',
    rest: 'https://api.coinex.com/v2',
    channels: CHANNELS,
    limits: LIMITS,
    heartbeat: HEARTBEAT,
    listing: listing(name),
    example: 'BTCUSDT',
  };
}

/** Spot comes first: it is what "CoinEx" alone means. Both spell their symbols alike (protocols/coinex.md 1). */
export const MARKETS: Readonly<Record<string, Market>> = {
  spot: market('spot', ['spot']),
  futures: market('futures', ['futures', 'perpetual', 'swap']),
};
