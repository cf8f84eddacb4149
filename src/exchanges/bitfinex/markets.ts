import type { Heartbeat, Limits, Market } from '../exchange.ts';
import { FREQUENCIES, LENGTHS, PRECISIONS, QUOTES_FEED } from './feeds.ts';
import { derivativesListing, spotListing } from './instruments.ts';

/** Path of the one address that serves both markets. */
export const PATH = '/ws/2';

/** Hosts that speak this dialect; public channels work on the second one too (protocols/bitfinex.md 1). */
export const HOSTS: readonly string[] = ['api-pub.bitfinex.com', 'api.bitfinex.com'];

/** Every channel has a heartbeat about every 15 s; 40 s without any message means it is dead (section 6). */
const SILENCE_MS = 40_000;
/** Acks took up to 13 s, and up to 25 paced subscribes go ahead of the last (section 5). */
const FIRST_MESSAGE_MS = 60_000;

const SPEAKING = { silenceMs: SILENCE_MS, firstMessageMs: FIRST_MESSAGE_MS };

function bookFeeds(precisions: readonly string[]): string[] {
  return precisions.flatMap((prec) =>
    FREQUENCIES.flatMap((freq) => LENGTHS.map((len) => `${prec}.${freq}.${len}`)),
  );
}

const CHANNELS = {
  trades: { defaultFeed: 'trades', feeds: ['trades'], ...SPEAKING },
  book: { defaultFeed: 'P0.F0.250', feeds: bookFeeds(PRECISIONS), ...SPEAKING },
  quotes: { defaultFeed: QUOTES_FEED, feeds: bookFeeds(['P0']), ...SPEAKING },
  ticker: { defaultFeed: 'ticker', feeds: ['ticker'], ...SPEAKING },
} as const satisfies Market['channels'];

const LIMITS: Limits = {
  streamsPerLink: 25,
  sendIntervalMs: 250,
  dialIntervalMs: 5000,
  restIntervalMs: 4000,
  source:
    'protocols/bitfinex.md 1, 5, 11: 25 channels a connection (30 by other sources; a book and its quotes are one); 15 to 20 dials a minute, shared by both markets; slow acks, so 4 subscribes a second; REST 15 to 90 a minute',
};

/** The idle rule is 20 s without a frame (section 6); a ping every 15 s is answered, so some slack costs nothing. */
const HEARTBEAT: Heartbeat = {
  intervalMs: 15_000,
  message: (n) => JSON.stringify({ event: 'ping', cid: n }),
  answerMs: 30_000,
  idleMs: 25_000,
};

const SHARED = {
  websocket: 'wss://api-pub.bitfinex.com',
  rest: 'https://api-pub.bitfinex.com',
  channels: CHANNELS,
  limits: LIMITS,
  heartbeat: HEARTBEAT,
} as const;

/** The markets, default first; they share one address. */
export const MARKETS = {
  spot: { name: 'spot', aliases: ['spot'], ...SHARED, listing: spotListing, example: 'tBTCUSD' },
  derivatives: {
    name: 'derivatives',
    aliases: ['derivatives', 'deriv', 'futures', 'perpetuals'],
    ...SHARED,
    listing: derivativesListing,
    example: 'tBTCF0:USTF0',
  },
} as const satisfies Record<string, Market>;

/** The market of this name. A name that is none of ours is a programmer's error. */
export function marketOf(name: string): Market {
  const market = (MARKETS as Readonly<Record<string, Market>>)[name];
  if (market === undefined) throw new RangeError(`bitfinex has no market ${name}`);
  return market;
}
