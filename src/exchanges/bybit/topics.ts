import type { Channel, Stream } from '../../record/index.ts';

/** The kinds of topics that become rows; `decode.ts` has a reader for each. */
export type Variant = 'trade' | 'book' | 'quote' | 'ticker';

/** What a topic's name says. `variant` null: documented, but not turned into rows; `channel` null: no word of ours. */
export interface Topic {
  readonly channel: Channel | null;
  readonly variant: Variant | null;
  readonly feed: string;
  /** Null where the topic is about no single symbol. */
  readonly symbol: string | null;
}

/** Topics `<feed>.<symbol>` whose feed is one word (protocols/bybit.md 7, 8, 9, 10). */
const FEEDS: Readonly<Record<string, { channel: Channel | null; variant: Variant | null }>> = {
  publicTrade: { channel: 'trades', variant: 'trade' },
  tickers: { channel: 'ticker', variant: 'ticker' },
  allLiquidation: { channel: 'liquidations', variant: null },
  liquidation: { channel: 'liquidations', variant: null },
  priceLimit: { channel: null, variant: null },
};

/** Topics about no single symbol. */
const SYMBOLLESS = new Set(['insurance', 'adlAlert', 'system']);

/** `orderbook.50.BTCUSDT`, `orderbook.rpi.BTCUSDT`, `orderbook.full.BTCUSDT` (protocols/bybit.md 6). */
const BOOK_TOPIC = /^(orderbook\.(\d{1,5}|rpi|full))\.(.+)$/;
/** `kline.5.BTCUSDT` (protocols/bybit.md 10). */
const CANDLE_TOPIC = /^(kline\.\w+)\.(.+)$/;

/** What a topic's name says; null of a name that no documentation has. */
export function readTopic(topic: string): Topic | null {
  const book = BOOK_TOPIC.exec(topic);
  if (book !== null) return bookTopic(book[1] ?? '', book[2] ?? '', book[3] ?? '');
  const candle = CANDLE_TOPIC.exec(topic);
  if (candle !== null)
    return { channel: 'candles', variant: null, feed: candle[1] ?? '', symbol: candle[2] ?? '' };
  const dot = topic.indexOf('.');
  const feed = topic.slice(0, dot);
  const symbol = topic.slice(dot + 1);
  if (dot < 1 || symbol === '') return null;
  if (SYMBOLLESS.has(feed)) return { channel: null, variant: null, feed, symbol: null };
  return Object.hasOwn(FEEDS, feed) ? { channel: null, variant: null, ...FEEDS[feed], feed, symbol } : null;
}

/** Level 1 is a quote and never a book; the RPI and full books follow rules of their own (6.4, 11.3). */
function bookTopic(feed: string, depth: string, symbol: string): Topic {
  if (depth === '1') return { channel: 'quotes', variant: 'quote', feed, symbol };
  const variant = depth === 'rpi' || depth === 'full' ? null : 'book';
  return { channel: 'book', variant, feed, symbol };
}

/** The topic a stream is subscribed by: `orderbook.50.BTCUSDT`. */
export function topicOf(stream: Stream): string {
  return `${stream.feed}.${stream.symbol}`;
}

/**
 * The streams that these topics ask for. Left out are topics of no channel or symbol of ours, and the books that are
 * not read: nothing would ever end a gap of theirs.
 */
export function streamsOf(market: string, topics: readonly unknown[]): Stream[] {
  const streams: Stream[] = [];
  for (const text of topics) {
    const topic = typeof text === 'string' ? readTopic(text) : null;
    if (topic === null || topic.channel === null || topic.symbol === null) continue;
    if (topic.channel === 'book' && topic.variant === null) continue;
    streams.push({ market, channel: topic.channel, feed: topic.feed, symbol: topic.symbol });
  }
  return streams;
}
