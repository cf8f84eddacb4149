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
import { keyOf } from './control.ts';
import { feedMeaning, nameOf, type RouteClass, streamsOf } from './feeds.ts';
import { type BinanceMarket, MARKETS, marketOf } from './markets.ts';

/** Names in one SUBSCRIBE: no limit is documented, 100 to 200 is safe practice (protocols/binance.md 2). */
const NAMES_PER_SUBSCRIBE = 100;

/** Class and combined-mode path at the end of an address, which the plan puts there itself. */
const ROUTED_END = /(\/(public|market))?(\/stream)?\/*$/;
/** An address in raw mode: `/ws` alone or with stream names. */
const RAW_PATH = /\/ws(\/|$)/;

/** Spreads streams over links: never two classes on one link where they have two addresses, never above the limit. */
export function planLinks(request: PlanRequest): LinkPlan[] {
  const market = marketOf(request.market);
  const named = request.uri === undefined ? [] : streamsOf(market.name, namesInUrl(new URL(request.uri)));
  if (request.uri !== undefined && named.length > 0) return [planNamed(market, request, request.uri, named)];
  const routes = splitsByClass(market) ? (['public', 'market'] as const) : (['public'] as const);
  return routes.flatMap((route) => {
    const ofRoute = (streams: readonly Stream[]) =>
      routes.length === 1 || routeOf(streams[0]?.feed ?? '') === route;
    const raw = (request.raw ?? [])
      .map((message) => readRaw(market.name, message))
      .filter(({ streams }) => ofRoute(streams));
    const streams = request.streams.filter((stream) => ofRoute([stream]));
    return planRoute(market, request, linkUrl(market, route, request.uri), raw, streams);
  });
}

/** An address that names streams is dialled as it stands; everything else asked for goes over the same link. */
function planNamed(
  market: BinanceMarket,
  request: PlanRequest,
  url: string,
  named: readonly Stream[],
): LinkPlan {
  const raw = (request.raw ?? []).map((message) => readRaw(market.name, message));
  const known = [...named, ...raw.flatMap((message) => message.streams)];
  const others = request.streams.filter((stream) => !known.some((one) => sameStream(one, stream)));
  return {
    exchange: 'binance',
    market: market.name,
    url,
    rest: request.rest ?? market.rest,
    streams: [...known, ...others],
    greeting: [],
    subscribe: [...raw, ...subscribe(market.name, others, firstFreeId(raw))],
  };
}

/** The links to one address. Raw messages travel on the first, ahead of its subscriptions. */
function planRoute(
  market: BinanceMarket,
  request: PlanRequest,
  url: string,
  raw: readonly SubscribeMessage[],
  streams: readonly Stream[],
): LinkPlan[] {
  const rawStreams = raw.flatMap((message) => message.streams);
  const others = streams.filter((stream) => !rawStreams.some((known) => sameStream(known, stream)));
  const room = Math.max(0, market.limits.streamsPerLink - rawStreams.length);
  const first = raw.length === 0 ? [] : [others.slice(0, room)];
  const rest = raw.length === 0 ? others : others.slice(room);
  const groups = [...first, ...chunked(rest, market.limits.streamsPerLink)];
  return groups.map((group, index) => {
    const own = index === 0 ? raw : [];
    return {
      exchange: 'binance',
      market: market.name,
      url,
      rest: request.rest ?? market.rest,
      streams: [...own.flatMap((message) => message.streams), ...group],
      greeting: [],
      subscribe: [...own, ...subscribe(market.name, group, firstFreeId(own))],
    };
  });
}

function splitsByClass(market: BinanceMarket): boolean {
  return market.paths.public !== market.paths.market;
}

function routeOf(feed: string): RouteClass {
  return feedMeaning(feed)?.route ?? 'public';
}

function readRaw(market: string, message: RawMessage): SubscribeMessage {
  const request = readRequest(market, message.text);
  const read = request.kind === 'subscribe' ? request.streams : [];
  const streams = read.length === 0 && message.label !== undefined ? [message.label] : read;
  return { text: message.text, streams };
}

/** An id above those that raw messages use, so that answers cannot be mixed up. */
function firstFreeId(raw: readonly SubscribeMessage[]): number {
  const ids = raw.map(({ text }) => {
    const message = parseJson(text);
    return isObject(message) && Number.isSafeInteger(message.id) ? Number(message.id) : 0;
  });
  return Math.max(0, ...ids) + 1;
}

/**
 * The address of a link. The config's `uri` keeps its own class path and raw mode out of the way of ours: a class
 * path is replaced by the one needed, an address in raw mode or with a query is taken as it stands.
 */
function linkUrl(market: BinanceMarket, route: RouteClass, uri: string | undefined): string {
  const path = market.paths[route];
  if (uri === undefined) return dialUrl(market.websocket, path);
  const given = new URL(uri);
  if (RAW_PATH.test(given.pathname)) return uri;
  if (!splitsByClass(market) || given.search !== '') return dialUrl(market.websocket, path, uri);
  given.pathname = given.pathname.replace(ROUTED_END, '');
  return dialUrl(market.websocket, path, given.href);
}

/** SUBSCRIBE messages for these streams, `NAMES_PER_SUBSCRIBE` each, numbered from `firstId`. */
export function subscribe(_market: string, streams: readonly Stream[], firstId: number): SubscribeMessage[] {
  return chunked(streams, NAMES_PER_SUBSCRIBE).map((group, index) => ({
    text: JSON.stringify({ method: 'SUBSCRIBE', params: group.map(nameOf), id: firstId + index }),
    streams: group,
  }));
}

/** Understands a control message of a client (protocols/binance.md 3). */
export function readRequest(market: string, text: string): ClientRequest {
  const message = parseJson(text);
  if (!isObject(message)) return { kind: 'other' };
  const { method, params } = message;
  if ((method !== 'SUBSCRIBE' && method !== 'UNSUBSCRIBE') || !Array.isArray(params))
    return { kind: 'other' };
  return {
    kind: method === 'SUBSCRIBE' ? 'subscribe' : 'unsubscribe',
    key: keyOf(message.id),
    streams: streamsOf(market, params),
  };
}

/** Market and streams of an address: combined (`/stream?streams=a/b`, routed or not) or raw (`/ws/a/b`). */
export function readUrl(url: URL): UrlMeaning | null {
  const market = Object.values<BinanceMarket>(MARKETS).find(({ hosts }) => hosts.includes(url.hostname));
  if (market === undefined) return null;
  return { market: market.name, streams: streamsOf(market.name, namesInUrl(url)) };
}

/** The stream names an address asks for, percent-encoding undone. */
export function namesInUrl(url: URL): string[] {
  // Not searchParams: it would read the `+` of `kline_1d@+08:00` as a space.
  const query = url.search.slice(1).split('&');
  const asked = query.find((part) => part.startsWith('streams='))?.slice('streams='.length);
  const raw = RAW_PATH.test(url.pathname) ? url.pathname.replace(/^.*?\/ws\/?/, '') : '';
  return (asked ?? raw)
    .split('/')
    .filter((name) => name !== '')
    .map(decoded);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // A stray `%`: the name stands as it is and will simply match no stream.
  }
}
