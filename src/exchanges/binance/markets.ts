import type { ChannelFeeds, Heartbeat, Limits, Market } from '../exchange.ts';
import type { RouteClass } from './feeds.ts';
import { listing } from './instruments.ts';

/** What Binance's own code needs to know of a market besides the contract's data. */
export interface BinanceMarket extends Market {
  /** Hosts that serve this market, test environments included. */
  readonly hosts: readonly string[];
  /** The combined-mode path of each class of streams; two different paths mean two links. */
  readonly paths: Readonly<Record<RouteClass, string>>;
  /** How a diff continues a book: by `U` (protocols/binance.md 11.1) or by `pu` (11.2). */
  readonly bookRule: 'spot' | 'futures';
  /** REST path of the order book. */
  readonly depthPath: string;
}

const AT_MOST_ONE_DIAL_A_SECOND_MS = 1000;

const SPOT_FEEDS = {
  trades: { defaultFeed: 'trade', feeds: ['trade', 'aggTrade'], silenceMs: null, firstMessageMs: null },
  book: {
    defaultFeed: 'depth@100ms',
    feeds: ['depth@100ms', 'depth'],
    silenceMs: 600_000,
    firstMessageMs: 60_000,
  },
  quotes: { defaultFeed: 'bookTicker', feeds: ['bookTicker'], silenceMs: 600_000, firstMessageMs: 60_000 },
  ticker: {
    defaultFeed: 'ticker',
    feeds: ['ticker', 'miniTicker'],
    silenceMs: 120_000,
    firstMessageMs: 60_000,
  },
} as const satisfies Market['channels'];

/** Futures name their default trades aggTrade: `trade` works but is in no documentation (protocols/binance.md 7.2). */
const FUTURES_FEEDS = {
  ...SPOT_FEEDS,
  trades: {
    defaultFeed: 'aggTrade',
    feeds: ['aggTrade', 'trade'],
    silenceMs: null,
    firstMessageMs: 300_000,
  },
  book: {
    ...SPOT_FEEDS.book,
    feeds: ['depth@100ms', 'depth', 'depth@500ms', 'depth@0ms'],
  },
} as const satisfies Market['channels'];

/** On Binance.US whole markets stand still for minutes: silence proves nothing there. */
function evenSilent(channels: Readonly<Record<string, ChannelFeeds>>): Market['channels'] {
  return Object.fromEntries(
    Object.entries(channels).map(([channel, feeds]) => [
      channel,
      { ...feeds, silenceMs: null, firstMessageMs: null },
    ]),
  );
}

/** Spot pings every 20 s: after three missed ones the line is dead. The rest ping every 3 min (section 2). */
const SPOT_HEARTBEAT: Heartbeat = { intervalMs: null, message: null, answerMs: 10_000, idleMs: 60_000 };
const SLOW_HEARTBEAT: Heartbeat = { ...SPOT_HEARTBEAT, idleMs: 200_000 };

const SPOT_LIMITS: Limits = {
  streamsPerLink: 1000,
  sendIntervalMs: 500,
  dialIntervalMs: AT_MOST_ONE_DIAL_A_SECOND_MS,
  restIntervalMs: 600,
  source:
    'protocols/binance.md 2, 12.1: 1024 streams; 5 messages/s with pongs, so 2/s; 300 dials in 5 min; depth 1000 weighs 50 of 6000 a minute (Binance.US: 10 of 1200), so 100 a minute',
};

const FUTURES_LIMITS: Limits = {
  ...SPOT_LIMITS,
  sendIntervalMs: 250,
  restIntervalMs: 1100,
  source:
    'protocols/binance.md 2, 12.1: 1024 streams; 10 messages/s, so 4/s; dials not stated, as spot; depth 1000 weighs 20 of the 2400 a minute that USD-M and COIN-M share, so 54 a minute each',
};

/** The markets, default first. Addresses, limits and pings: protocols/binance.md 1 and 2. */
export const MARKETS = {
  spot: {
    name: 'spot',
    aliases: ['spot'],
    websocket: 'wss://stream.binance.com:9443',
    rest: 'https://api.binance.com',
    hosts: [
      'stream.binance.com',
      'data-stream.binance.vision',
      'stream.testnet.binance.vision',
      'demo-stream.binance.com',
    ],
    paths: { public: '/stream?timeUnit=MICROSECOND', market: '/stream?timeUnit=MICROSECOND' },
    bookRule: 'spot',
    depthPath: '/api/v3/depth',
    channels: SPOT_FEEDS,
    limits: SPOT_LIMITS,
    heartbeat: SPOT_HEARTBEAT,
    listing: listing('/api/v3/exchangeInfo?showPermissionSets=false', 'status'),
    example: 'BTCUSDT',
  },
  us: {
    name: 'us',
    aliases: ['us'],
    websocket: 'wss://stream.binance.us:9443',
    rest: 'https://api.binance.us',
    hosts: ['stream.binance.us'],
    paths: { public: '/stream', market: '/stream' },
    bookRule: 'spot',
    depthPath: '/api/v3/depth',
    channels: evenSilent(SPOT_FEEDS),
    limits: SPOT_LIMITS,
    heartbeat: SLOW_HEARTBEAT,
    listing: listing('/api/v3/exchangeInfo', 'status'),
    example: 'BTCUSDT',
  },
  usdm: {
    name: 'usdm',
    aliases: ['usdm', 'usd-m', 'usds-m', 'futures'],
    websocket: 'wss://fstream.binance.com',
    rest: 'https://fapi.binance.com',
    hosts: ['fstream.binance.com', 'fstream.binancefuture.com', 'demo-fstream.binance.com'],
    paths: { public: '/public/stream', market: '/market/stream' },
    bookRule: 'futures',
    depthPath: '/fapi/v1/depth',
    channels: FUTURES_FEEDS,
    limits: FUTURES_LIMITS,
    heartbeat: SLOW_HEARTBEAT,
    listing: listing('/fapi/v1/exchangeInfo', 'status'),
    example: 'BTCUSDT',
  },
  coinm: {
    name: 'coinm',
    aliases: ['coinm', 'coin-m', 'coin futures', 'delivery'],
    websocket: 'wss://dstream.binance.com',
    rest: 'https://dapi.binance.com',
    hosts: ['dstream.binance.com', 'dstream.binancefuture.com'],
    // Sources disagree on class paths here (protocols/binance.md 8.1): the unrouted address comes first.
    paths: { public: '/stream', market: '/stream' },
    bookRule: 'futures',
    depthPath: '/dapi/v1/depth',
    channels: FUTURES_FEEDS,
    limits: FUTURES_LIMITS,
    heartbeat: SLOW_HEARTBEAT,
    listing: listing('/dapi/v1/exchangeInfo', 'contractStatus'),
    example: 'BTCUSD_PERP',
  },
} as const satisfies Record<string, BinanceMarket>;

/** The market of this name. A name that is none of ours is a programmer's error. */
export function marketOf(name: string): BinanceMarket {
  const market = (MARKETS as Readonly<Record<string, BinanceMarket>>)[name];
  if (market === undefined) throw new RangeError(`binance has no market ${name}`);
  return market;
}
