import type { Channel, Stream } from '../../record/index.ts';

/** The message variants that become rows; `decode.ts` has one function for each. */
export type Variant = 'trade' | 'aggTrade' | 'depth' | 'bookTicker' | 'ticker' | 'miniTicker';

/**
 * USD-M serves two classes of streams at two addresses and stays silent about the wrong one
 * (protocols/binance.md 1); the other markets have one address, which carries both.
 */
export type RouteClass = 'public' | 'market';

/** What a feed's name says. `channel` null: no word of ours; `variant` null: documented, but not turned into rows. */
export interface FeedMeaning {
  readonly channel: Channel | null;
  readonly variant: Variant | null;
  readonly route: RouteClass;
}

/** Feeds by the part of the stream name behind the first `@`. Source: protocols/binance.md 6, 7.1, 8.2. */
const FEEDS: readonly (readonly [RegExp, Channel | null, Variant | null, RouteClass])[] = [
  [/^trade$/, 'trades', 'trade', 'public'],
  [/^aggTrade$/, 'trades', 'aggTrade', 'market'],
  [/^blockTrade$/, 'trades', null, 'market'],
  [/^depth(@\d+ms)?$/, 'book', 'depth', 'public'],
  [/^depth\d+(@\d+ms)?$/, 'book', null, 'public'],
  [/^rpiDepth(@\d+ms)?$/, 'book', null, 'public'],
  [/^bookTicker$/, 'quotes', 'bookTicker', 'public'],
  [/^ticker$/, 'ticker', 'ticker', 'market'],
  [/^miniTicker$/, 'ticker', 'miniTicker', 'market'],
  [/^ticker_\w+$/, 'ticker', null, 'market'],
  [/^(kline|continuousKline|indexPriceKline|markPriceKline)_\w+(@.*)?$/, 'candles', null, 'market'],
  [/^(markPrice|indexPrice)(@1s)?$/, 'derivatives', null, 'market'],
  [/^(compositeIndex|assetIndex)$/, 'derivatives', null, 'market'],
  [/^forceOrder$/, 'liquidations', null, 'market'],
  [/^(avgPrice|referencePrice)$/, null, null, 'market'],
];

/** Streams that are about no single symbol, by the whole name. */
const SYMBOLLESS: readonly (readonly [RegExp, Channel | null])[] = [
  [/^!(ticker|miniTicker|ticker_\w+)@arr$/, 'ticker'],
  [/^!bookTicker$/, 'quotes'],
  [/^!(markPrice|assetIndex)@arr(@1s)?$/, 'derivatives'],
  [/^!forceOrder@arr$/, 'liquidations'],
  [/^!(contractInfo|index@arr|optionSymbol)$/, null],
  [/^tradingSession$/, null],
];

/** Events by their `e`, for payloads without the combined wrapper: what a message is, not which feed it came by. */
const EVENTS: Readonly<Record<string, { channel: Channel | null; variant: Variant | null }>> = {
  trade: { channel: 'trades', variant: 'trade' },
  aggTrade: { channel: 'trades', variant: 'aggTrade' },
  blockTrade: { channel: 'trades', variant: null },
  depthUpdate: { channel: 'book', variant: 'depth' },
  bookTicker: { channel: 'quotes', variant: 'bookTicker' },
  '24hrTicker': { channel: 'ticker', variant: 'ticker' },
  '24hrMiniTicker': { channel: 'ticker', variant: 'miniTicker' },
  '1hTicker': { channel: 'ticker', variant: null },
  '4hTicker': { channel: 'ticker', variant: null },
  '1dTicker': { channel: 'ticker', variant: null },
  kline: { channel: 'candles', variant: null },
  continuous_kline: { channel: 'candles', variant: null },
  indexPrice_kline: { channel: 'candles', variant: null },
  markPrice_kline: { channel: 'candles', variant: null },
  markPriceUpdate: { channel: 'derivatives', variant: null },
  indexPriceUpdate: { channel: 'derivatives', variant: null },
  compositeIndex: { channel: 'derivatives', variant: null },
  assetIndexUpdate: { channel: 'derivatives', variant: null },
  forceOrder: { channel: 'liquidations', variant: null },
  avgPrice: { channel: null, variant: null },
  referencePrice: { channel: null, variant: null },
  contractInfo: { channel: null, variant: null },
  EquityUpdate: { channel: null, variant: null },
  CommodityUpdate: { channel: null, variant: null },
  KR_EquityUpdate: { channel: null, variant: null },
  HK_EquityUpdate: { channel: null, variant: null },
};

/** What a feed's name says; null of a name that no documentation has. */
export function feedMeaning(feed: string): FeedMeaning | null {
  for (const [pattern, channel, variant, route] of FEEDS)
    if (pattern.test(feed)) return { channel, variant, route };
  return null;
}

/** What an event name says; null of an event that no documentation has. */
export function eventMeaning(event: unknown): { channel: Channel | null; variant: Variant | null } | null {
  return typeof event === 'string' && Object.hasOwn(EVENTS, event) ? (EVENTS[event] ?? null) : null;
}

/** The channel of a stream that is about no single symbol; undefined where the name is none of them. */
export function symbollessChannel(name: string): Channel | null | undefined {
  return SYMBOLLESS.find(([pattern]) => pattern.test(name))?.[1];
}

/**
 * A stream name in its two parts, `btcusdt@depth@100ms` as symbol and feed. Names write symbols in lower case,
 * payloads in upper case (protocols/binance.md 1), and the payload's form is the symbol.
 */
export function splitName(name: string): { symbol: string; feed: string } | null {
  const at = name.indexOf('@');
  if (at < 1 || name.startsWith('!')) return null;
  return { symbol: name.slice(0, at).toUpperCase(), feed: name.slice(at + 1) };
}

/** The name a stream is subscribed by: `btcusdt@depth@100ms`. */
export function nameOf(stream: Stream): string {
  return `${stream.symbol.toLowerCase()}@${stream.feed}`;
}

/** The streams that these names ask for; names about no single symbol or of no channel of ours are left out. */
export function streamsOf(market: string, names: readonly unknown[]): Stream[] {
  const streams: Stream[] = [];
  for (const name of names) {
    if (typeof name !== 'string') continue;
    const parts = splitName(name);
    const channel = parts === null ? null : (feedMeaning(parts.feed)?.channel ?? null);
    if (parts !== null && channel !== null) streams.push({ market, channel, ...parts });
  }
  return streams;
}
