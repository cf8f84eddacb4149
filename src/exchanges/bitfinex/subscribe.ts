import { isObject, parseJson, type Stream } from '../../record/index.ts';
import type {
  ClientRequest,
  LinkPlan,
  PlanRequest,
  RawMessage,
  SubscribeMessage,
  UrlMeaning,
} from '../exchange.ts';
import { chunked, dialUrl, sameStream } from '../plan.ts';
import { unsubscribeKey } from './control.ts';
import {
  type BookParameters,
  bookFeed,
  keyOf,
  LENGTHS,
  ownSubId,
  QUOTES_FEED,
  readBookFeed,
  readSubscription,
  type Served,
  streamsOf,
} from './feeds.ts';
import { WANTED_FLAGS } from './flags.ts';
import { HOSTS, marketOf, PATH } from './markets.ts';

/** A channel of the exchange and the streams it will feed: a book channel may feed the book, its quotes, or both. */
interface PlannedChannel {
  readonly channel: 'trades' | 'ticker' | 'book';
  readonly symbol: string;
  readonly book: BookParameters | null;
  readonly streams: Stream[];
}

/**
 * Spreads channels over links within the limit. `conf` goes first on every link; a `conf` among the config's raw
 * messages takes the place of ours, because each `conf` replaces the one before (protocols/bitfinex.md 4).
 */
export function planLinks(request: PlanRequest): LinkPlan[] {
  const market = marketOf(request.market);
  const raw = request.raw ?? [];
  const ownConf = raw.filter(({ text }) => isConf(text)).map(({ text }) => text);
  const rawMessages = raw.filter(({ text }) => !isConf(text)).map((message) => readRaw(market.name, message));
  const rawStreams = rawMessages.flatMap(({ streams }) => streams);
  const others = request.streams.filter((stream) => !rawStreams.some((known) => sameStream(known, stream)));
  const messages = [...rawMessages, ...subscribe(market.name, others)];
  return chunked(messages, market.limits.streamsPerLink).map((group) => ({
    exchange: 'bitfinex',
    market: market.name,
    url: dialUrl(market.websocket, PATH, request.uri),
    rest: request.rest ?? market.rest,
    streams: group.flatMap(({ streams }) => streams),
    greeting: ownConf.length > 0 ? ownConf : [confText(WANTED_FLAGS)],
    subscribe: group,
  }));
}

function confText(flags: number): string {
  return JSON.stringify({ event: 'conf', flags });
}

function isConf(text: string): boolean {
  const message = parseJson(text);
  return isObject(message) && message.event === 'conf';
}

/** The label counts only where the message is no subscription that we can read. */
function readRaw(market: string, message: RawMessage): SubscribeMessage {
  const request = readRequest(market, message.text);
  const labelled = message.label === undefined ? [] : [message.label];
  return { text: message.text, streams: request.kind === 'subscribe' ? request.streams : labelled };
}

/** One message a channel. Requests are told apart by their `subId`, so `firstId` is not needed. */
export function subscribe(_market: string, streams: readonly Stream[], _firstId = 1): SubscribeMessage[] {
  return plannedChannels(streams).map(({ channel, symbol, book, streams: fed }) => {
    const served = {
      book: fed.some((stream) => stream.channel === 'book'),
      quotes: fed.some((stream) => stream.channel === 'quotes'),
    };
    return { text: subscribeText(channel, symbol, book, served), streams: fed };
  });
}

/** The request for one channel. `len` is sent as text, as the exchange sends it back (5). */
export function subscribeText(
  channel: string,
  symbol: string,
  book: BookParameters | null,
  served: Served,
): string {
  const subId = ownSubId(channel, symbol, book, served);
  return JSON.stringify({ event: 'subscribe', channel, symbol, ...book, subId });
}

export function unsubscribeText(chanId: number): string {
  return JSON.stringify({ event: 'unsubscribe', chanId });
}

/** Groups streams into channels of the exchange: quotes last, so that they find the book they can ride on. */
function plannedChannels(streams: readonly Stream[]): PlannedChannel[] {
  const channels = new Map<string, PlannedChannel>();
  for (const stream of streams)
    if (stream.channel === 'trades' || stream.channel === 'ticker' || stream.channel === 'book')
      add(channels, stream.channel, stream);
  for (const stream of streams)
    if (stream.channel === 'quotes') add(channels, 'book', { ...stream, feed: quotesFeed(channels, stream) });
  return [...channels.values()];
}

function add(
  channels: Map<string, PlannedChannel>,
  channel: PlannedChannel['channel'],
  stream: Stream,
): void {
  const { symbol, feed } = stream;
  const key = plannedKey(channel, symbol, feed);
  const known = channels.get(key);
  if (known === undefined) {
    const book = channel === 'book' ? readBookFeed(feed) : null;
    channels.set(key, { channel, symbol, book, streams: [stream] });
  } else if (!known.streams.some((fed) => sameStream(fed, stream))) known.streams.push(stream);
}

function plannedKey(channel: string, symbol: string, feed: string): string {
  return `${channel}|${symbol}|${feed}`;
}

/**
 * The feed quotes are read from: the one named, or, where none was, the longest real-time P0 book of the symbol that
 * is asked for anyway, so that both need one channel.
 */
function quotesFeed(channels: ReadonlyMap<string, PlannedChannel>, { symbol, feed }: Stream): string {
  if (feed !== QUOTES_FEED) return feed;
  const candidates = [feed, ...LENGTHS.map((len) => bookFeed({ prec: 'P0', freq: 'F0', len })).reverse()];
  return candidates.find((candidate) => channels.has(plannedKey('book', symbol, candidate))) ?? feed;
}

/** Understands a message of a client (protocols/bitfinex.md 3, 4, 5). */
export function readRequest(market: string, text: string): ClientRequest {
  const message = parseJson(text);
  if (!isObject(message)) return { kind: 'other' };
  if (message.event === 'ping') return { kind: 'ping' };
  if (message.event === 'unsubscribe')
    return { kind: 'unsubscribe', key: unsubscribeKey(message.chanId), streams: [] };
  const subscription = message.event === 'subscribe' ? readSubscription(message) : null;
  if (subscription === null) return { kind: 'other' };
  return { kind: 'subscribe', key: keyOf(subscription), streams: streamsOf(market, subscription) };
}

/** Both markets share the address; what a link carries, its subscriptions tell. `spot` is the default. */
export function readUrl(url: URL): UrlMeaning | null {
  if (!HOSTS.includes(url.hostname) || !/^\/(ws\/2\/?)?$/.test(url.pathname)) return null;
  return { market: 'spot', streams: [] };
}
