import { type Channel, isObject, parseJson, type Stream } from '../../record/index.ts';

/** CoinEx's words for the channels read here, and ours. */
export const CHANNEL_OF = {
  deals: 'trades',
  depth: 'book',
  bbo: 'quotes',
  state: 'ticker',
} as const satisfies Record<string, Channel>;

export type WireChannel = keyof typeof CHANNEL_OF;

const WIRE_CHANNELS = Object.keys(CHANNEL_OF) as WireChannel[];

/**
 * Requests share one space of ids, which replies echo (protocols/coinex.md 4). Ids stay below 2^31, in three ranges
 * that never meet: subscriptions count up from 1, what a decoder asks for from here, and pings from `PING_FIRST_ID`.
 */
export const DECODER_FIRST_ID = 500_000_000;
export const PING_FIRST_ID = 1_000_000_000;

/** One entry of a `market_list`: depth asks with market, limit, interval and is_full, the others with the market. */
export type MarketEntry = string | [market: string, limit: number, interval: string, isFull: boolean];

/** A subscribe or unsubscribe message of a channel read here. */
export interface WireRequest {
  readonly verb: 'subscribe' | 'unsubscribe';
  readonly channel: WireChannel;
  /** As text, the key of its reply; null where the message has none. */
  readonly id: string | null;
  readonly entries: readonly MarketEntry[];
  /** The list is empty: all markets (protocols/coinex.md 5). */
  readonly all: boolean;
}

/** A request as text, keys in the order of the documentation's samples. */
export function wireText(method: string, params: object, id: number): string {
  return JSON.stringify({ method, params, id });
}

/** The text that asks for these markets on a channel, or ends that. */
export function requestText(
  channel: WireChannel,
  verb: WireRequest['verb'],
  entries: readonly MarketEntry[],
  id: number,
): string {
  return wireText(`${channel}.${verb}`, { market_list: entries }, id);
}

/** Reads a client's message; null where it is no subscribe or unsubscribe of a channel read here. */
export function readWireRequest(text: string): WireRequest | null {
  const message = parseJson(text);
  if (!isObject(message) || typeof message.method !== 'string' || !isObject(message.params)) return null;
  const [word, verb] = message.method.split('.');
  const channel = WIRE_CHANNELS.find((known) => known === word);
  const list = message.params.market_list;
  if (channel === undefined || (verb !== 'subscribe' && verb !== 'unsubscribe') || !Array.isArray(list))
    return null;
  const entries = list.map((entry) => readEntry(channel, entry)).filter((entry) => entry !== null);
  return { verb, channel, id: readId(message.id), entries, all: list.length === 0 };
}

/** The id of a request or reply as text; null where there is none. */
export function readId(id: unknown): string | null {
  return typeof id === 'number' || typeof id === 'string' ? String(id) : null;
}

function readEntry(channel: WireChannel, entry: unknown): MarketEntry | null {
  if (typeof entry === 'string') return entry === '' ? null : entry;
  if (channel !== 'depth' || !Array.isArray(entry)) return null;
  const [market, limit, interval, isFull] = entry as unknown[];
  if (typeof market !== 'string' || market === '') return null;
  if (typeof limit !== 'number' || typeof interval !== 'string') return null;
  return [market, limit, interval, isFull === true];
}

export function marketOf(entry: MarketEntry): string {
  return typeof entry === 'string' ? entry : entry[0];
}

/** The feed an entry asks for; null of a plain market name on depth, which tells neither limit nor interval. */
export function feedOf(channel: WireChannel, entry: MarketEntry): string | null {
  if (channel !== 'depth') return channel;
  return typeof entry === 'string' ? null : depthFeed(entry[1], entry[2]);
}

/** The entry that asks for a stream. Depth is asked for with increments, not with a whole book each time. */
export function entryOf(stream: Stream): MarketEntry {
  if (stream.channel !== 'book') return stream.symbol;
  const { limit, interval } = depthOf(stream.feed);
  return [stream.symbol, limit, interval, false];
}

/** The feed's text: limit and interval (protocols/coinex.md 7.4). */
export function depthFeed(limit: number, interval: string): string {
  return `depth.${limit}.${interval}`;
}

/** Limit and interval of a depth feed; 50 and '0' where the text is none. */
export function depthOf(feed: string): { readonly limit: number; readonly interval: string } {
  const [, limit, interval] = /^depth\.(\d+)\.([\d.]+)$/.exec(feed) ?? [];
  return { limit: Number(limit ?? 50), interval: interval ?? '0' };
}
