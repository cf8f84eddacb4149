import type { ChannelFeeds, Heartbeat, Limits, Market } from '../exchange.ts';
import { listing } from './instruments.ts';

/** What Bybit's own code needs to know of a market besides the contract's data. */
export interface BybitMarket extends Market {
  /** The path of the market's address, and the `category` of its REST requests (protocols/bybit.md 1, 12). */
  readonly path: string;
  readonly category: string;
}

/** Trades come when there are trades; the exchange pushes no history on subscribing (protocols/bybit.md 7). */
const TRADES: ChannelFeeds = {
  defaultFeed: 'publicTrade',
  feeds: ['publicTrade'],
  silenceMs: null,
  firstMessageMs: null,
};

/** A book begins with a snapshot at once. Quiet healthy books were seen (protocols/bybit.md 14.15), so silence is judged late. */
const BOOK: ChannelFeeds = {
  defaultFeed: 'orderbook.50',
  feeds: ['orderbook.50', 'orderbook.200', 'orderbook.1000'],
  silenceMs: 600_000,
  firstMessageMs: 30_000,
};

/** Level 1 repeats itself every 3 s when nothing changes (protocols/bybit.md 6.3), so it must speak. */
const QUOTES: ChannelFeeds = {
  defaultFeed: 'orderbook.1',
  feeds: ['orderbook.1'],
  silenceMs: 60_000,
  firstMessageMs: 30_000,
};

const TICKER: ChannelFeeds = {
  defaultFeed: 'tickers',
  feeds: ['tickers'],
  silenceMs: 120_000,
  firstMessageMs: 30_000,
};

const CONTRACT_CHANNELS = {
  trades: TRADES,
  book: BOOK,
  quotes: QUOTES,
  ticker: TICKER,
} as const satisfies Market['channels'];

/** Whether a spot ticker is pushed while nothing changes is stated nowhere: its silence proves nothing. */
const SPOT_CHANNELS = {
  ...CONTRACT_CHANNELS,
  ticker: { ...TICKER, silenceMs: null, firstMessageMs: null },
} as const satisfies Market['channels'];

const LIMITS: Limits = {
  streamsPerLink: 300,
  sendIntervalMs: 100,
  dialIntervalMs: 2000,
  restIntervalMs: 100,
  source:
    'protocols/bybit.md 2, 12: 21 000 characters of args a connection (300 streams, and 18 000 characters counted while planning); 10 topics a request; 500 dials in 5 min and 600 REST requests in 5 s, each shared by three markets; messages per second are not documented',
};

/** Ping every 20 s (protocols/bybit.md 4); without a byte for two of them the line is dead. */
const HEARTBEAT: Heartbeat = {
  intervalMs: 20_000,
  message: (n) => JSON.stringify({ req_id: `ping_${n}`, op: 'ping' }),
  answerMs: 10_000,
  idleMs: 45_000,
};

const SHARED = {
  websocket: 'wss://stream.bybit.com',
  rest: 'https://api.bybit.com',
  limits: LIMITS,
  heartbeat: HEARTBEAT,
} as const;

/** The markets, default first. */
export const MARKETS = {
  spot: {
    ...SHARED,
    name: 'spot',
    category: 'spot',
    path: '/v5/public/spot',
    aliases: ['spot'],
    channels: SPOT_CHANNELS,
    listing: listing('spot', null),
    example: 'BTCUSDT',
  },
  linear: {
    ...SHARED,
    name: 'linear',
    category: 'linear',
    path: '/v5/public/linear',
    aliases: [
      'futures',
      'perpetual',
      'perpetuals',
      'perp',
      'swap',
      'derivatives',
      'contract',
      'usdt',
      'usdc',
      'usdt perpetual',
      'usdt futures',
      'linear futures',
      'linear perpetual',
    ],
    channels: CONTRACT_CHANNELS,
    listing: listing('linear', ['LinearPerpetual', 'LinearFutures']),
    example: 'BTCUSDT',
  },
  inverse: {
    ...SHARED,
    name: 'inverse',
    category: 'inverse',
    path: '/v5/public/inverse',
    aliases: ['coin', 'coin-m', 'coin futures', 'inverse futures', 'inverse perpetual'],
    channels: CONTRACT_CHANNELS,
    listing: listing('inverse', ['InversePerpetual', 'InverseFutures']),
    example: 'BTCUSD',
  },
} as const satisfies Record<string, BybitMarket>;

/** The market of this name. A name that is none of ours is a programmer's error. */
export function marketOf(name: string): BybitMarket {
  const market = Object.hasOwn(MARKETS, name) ? MARKETS[name as keyof typeof MARKETS] : undefined;
  if (market === undefined) throw new RangeError(`bybit has no market ${name}`);
  return market;
}
