import { isObject, parseJson, type Stream, streamName } from '../../record/index.ts';
import type {
  ClientRequest,
  LinkPlan,
  Market,
  PlanRequest,
  RawMessage,
  SubscribeMessage,
  UrlMeaning,
} from '../exchange.ts';
import { dialUrl, groupedBy, sameStream } from '../plan.ts';
import { MARKETS } from './markets.ts';
import {
  CHANNEL_OF,
  entryOf,
  feedOf,
  marketOf,
  readWireRequest,
  requestText,
  type WireChannel,
} from './requests.ts';

/** The two addresses, as CoinEx and as our own simulator (`/coinex/<market>` before it) serve them. */
const ADDRESS = /^(?:\/coinex\/(?:spot|futures))?\/v2\/(spot|futures)\/?$/;

/** What one link is to carry, while the plan is made. */
interface Load {
  readonly raw: readonly SubscribeMessage[];
  readonly streams: Stream[];
  /** Depth feed by symbol: a push names its market only, so two feeds of one symbol need two links. */
  readonly depth: Map<string, string>;
}

/**
 * Spreads streams over links: at most `streamsPerLink` on each, and one depth feed of a symbol. Raw messages travel on
 * the first link, ahead of its subscriptions.
 */
export function planLinks(request: PlanRequest): LinkPlan[] {
  const market = knownMarket(request.market);
  const loads: Load[] = [];
  if (request.raw !== undefined && request.raw.length > 0)
    loads.push(rawLoad(request.raw.map((message) => readRaw(market.name, message))));
  const placed = new Set(loads.flatMap(({ streams }) => streams.map(streamName)));
  for (const stream of request.streams) {
    if (placed.has(streamName(stream))) continue;
    placed.add(streamName(stream));
    place(stream, loads, market.limits.streamsPerLink);
  }
  const url = dialUrl(market.websocket, `/v2/${market.name}`, request.uri?.replace(/\/+$/, ''));
  return loads.map(({ raw, streams }) => {
    const own = streams.filter((stream) => !raw.some((message) => includes(message.streams, stream)));
    return {
      exchange: 'coinex',
      market: market.name,
      url,
      rest: request.rest ?? market.rest,
      streams,
      greeting: [],
      subscribe: [...raw, ...subscribe(market.name, own, firstFreeId(raw))],
    };
  });
}

function rawLoad(raw: readonly SubscribeMessage[]): Load {
  const load: Load = { raw, streams: [], depth: new Map() };
  for (const stream of raw.flatMap((message) => message.streams))
    if (!includes(load.streams, stream)) add(load, stream);
  return load;
}

function place(stream: Stream, loads: Load[], streamsMax: number): void {
  let load = loads.find(({ streams, depth }) => {
    const held = stream.channel === 'book' ? depth.get(stream.symbol) : undefined;
    return streams.length < streamsMax && (held === undefined || held === stream.feed);
  });
  if (load === undefined) {
    load = { raw: [], streams: [], depth: new Map() };
    loads.push(load);
  }
  add(load, stream);
}

function add(load: Load, stream: Stream): void {
  load.streams.push(stream);
  if (stream.channel === 'book') load.depth.set(stream.symbol, stream.feed);
}

function includes(streams: readonly Stream[], stream: Stream): boolean {
  return streams.some((other) => sameStream(other, stream));
}

function knownMarket(name: string): Market {
  const market = MARKETS[name];
  if (market === undefined) throw new RangeError(`coinex has no market ${JSON.stringify(name)}`);
  return market;
}

function readRaw(market: string, message: RawMessage): SubscribeMessage {
  const request = readRequest(market, message.text);
  const read = request.kind === 'subscribe' ? request.streams : [];
  const streams = read.length === 0 && message.label !== undefined ? [message.label] : read;
  return { text: message.text, streams };
}

/** An id above those of the raw messages, so that replies cannot be mixed up. */
function firstFreeId(raw: readonly SubscribeMessage[]): number {
  const ids = raw.map(({ text }) => {
    const message = parseJson(text);
    return isObject(message) && Number.isSafeInteger(message.id) ? Number(message.id) : 0;
  });
  return Math.max(0, ...ids) + 1;
}

/**
 * One message a channel, each with its full list: whether a second `X.subscribe` adds to the first or replaces it is
 * not documented (protocols/coinex.md 5).
 */
export function subscribe(_market: string, streams: readonly Stream[], firstId: number): SubscribeMessage[] {
  return [...groupedBy(streams, wireChannelOf)].map(([channel, group], index) => ({
    text: requestText(channel as WireChannel, 'subscribe', group.map(entryOf), firstId + index),
    streams: group,
  }));
}

function wireChannelOf(stream: Stream): WireChannel {
  for (const [wire, channel] of Object.entries(CHANNEL_OF))
    if (channel === stream.channel) return wire as WireChannel;
  throw new RangeError(`coinex has no channel ${stream.channel}`);
}

/**
 * Understands a client's message (protocols/coinex.md 5, 6). An empty list (all markets) names no stream, and so
 * does `depth.unsubscribe`, whose plain market names do not tell the feed.
 */
export function readRequest(market: string, text: string): ClientRequest {
  const request = readWireRequest(text);
  if (request === null) return { kind: isPing(text) ? 'ping' : 'other' };
  const { verb, channel, id, entries } = request;
  const streams: Stream[] = [];
  for (const entry of entries) {
    const feed = feedOf(channel, entry);
    if (feed !== null) streams.push({ market, channel: CHANNEL_OF[channel], feed, symbol: marketOf(entry) });
  }
  return { kind: verb, key: id, streams };
}

function isPing(text: string): boolean {
  const message = parseJson(text);
  return isObject(message) && message.method === 'server.ping';
}

/** Spot or futures by the exact path, with or without a trailing slash (protocols/coinex.md 1). */
export function readUrl(url: URL): UrlMeaning | null {
  const market = ADDRESS.exec(url.pathname)?.[1];
  return market === undefined ? null : { market, streams: [] };
}
