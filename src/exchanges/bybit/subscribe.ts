import { isObject, parseJson, type Stream } from '../../record/index.ts';
import type {
  ClientRequest,
  LinkPlan,
  PlanRequest,
  RawMessage,
  SubscribeMessage,
  UrlMeaning,
} from '../exchange.ts';
import { chunked, dialUrl, groupedBy, sameStream } from '../plan.ts';
import { keyOf } from './control.ts';
import { MARKETS, marketOf } from './markets.ts';
import { streamsOf, topicOf } from './topics.ts';

/** Spot's limit, and good practice on the others: one bad topic voids its whole request (protocols/bybit.md 2, 3). */
const TOPICS_PER_REQUEST = 10;

/**
 * Characters of topics on one link, quotes and commas counted. The exchange allows 21 000 (protocols/bybit.md 2); how
 * it counts is not stated, and topics asked for again may count twice.
 */
const TOPIC_CHARACTERS_MAX = 18_000;
/** Two quotes and a comma. */
const PUNCTUATION = 3;

/** The end of an address of ours, whatever stands before it (`/bybit/spot` on a simulator). */
const ADDRESS = /(?:^|\/)v5\/public\/([a-z]+)\/?$/;

/** Spreads streams over links of one market. Raw messages travel on the first, ahead of its subscriptions. */
export function planLinks(request: PlanRequest): LinkPlan[] {
  const market = marketOf(request.market);
  const raw = (request.raw ?? []).map((message) => readRaw(market.name, message));
  const rawStreams = raw.flatMap((message) => message.streams);
  const others = request.streams.filter((stream) => !rawStreams.some((known) => sameStream(known, stream)));
  const used = { streams: rawStreams.length, characters: charactersOf(rawStreams) };
  const groups = packed(others, market.limits.streamsPerLink, used);
  if (groups.length === 0 && raw.length > 0) groups.push([]);
  return groups.map((group, index) => {
    const own = index === 0 ? raw : [];
    return {
      exchange: 'bybit',
      market: market.name,
      url: dialUrl(market.websocket, market.path, request.uri),
      rest: request.rest ?? market.rest,
      streams: [...own.flatMap((message) => message.streams), ...group],
      greeting: [],
      subscribe: [...own, ...subscribe(market.name, group, firstFreeId(own))],
    };
  });
}

/** Fills links in order, up to both limits; `used` is taken on the first. */
function packed(
  streams: readonly Stream[],
  streamsMax: number,
  used: { streams: number; characters: number },
): Stream[][] {
  const groups: Stream[][] = [];
  let group: Stream[] | null = null;
  let count = used.streams;
  let characters = used.characters;
  for (const stream of streams) {
    const length = charactersOf([stream]);
    const full = count + 1 > streamsMax || characters + length > TOPIC_CHARACTERS_MAX;
    if (full && count > 0) {
      // The first link is full of raw messages alone: it stays, without a subscription of ours.
      if (group === null) groups.push([]);
      group = null;
      count = 0;
      characters = 0;
    }
    if (group === null) {
      group = [];
      groups.push(group);
    }
    group.push(stream);
    count++;
    characters += length;
  }
  return groups;
}

function charactersOf(streams: readonly Stream[]): number {
  return streams.reduce((sum, stream) => sum + topicOf(stream).length + PUNCTUATION, 0);
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
    const id = isObject(message) ? Number(message.req_id) : 0;
    return Number.isSafeInteger(id) ? id : 0;
  });
  return Math.max(0, ...ids) + 1;
}

/** Requests for these streams: one kind of topic and at most `TOPICS_PER_REQUEST` each, numbered from `firstId`. */
export function subscribe(_market: string, streams: readonly Stream[], firstId: number): SubscribeMessage[] {
  const groups = [...groupedBy(streams, (stream) => stream.feed).values()].flatMap((group) =>
    chunked(group, TOPICS_PER_REQUEST),
  );
  return groups.map((group, index) => ({
    text: requestText('subscribe', String(firstId + index), group.map(topicOf)),
    streams: group,
  }));
}

/** A request as the exchange reads it (protocols/bybit.md 3). */
export function requestText(op: 'subscribe' | 'unsubscribe', id: string, topics: readonly string[]): string {
  return JSON.stringify({ req_id: id, op, args: topics });
}

/** Understands a control message of a client (protocols/bybit.md 3, 4). */
export function readRequest(market: string, text: string): ClientRequest {
  const message = parseJson(text);
  if (!isObject(message)) return { kind: 'other' };
  if (message.op === 'ping') return { kind: 'ping' };
  if (message.op !== 'subscribe' && message.op !== 'unsubscribe') return { kind: 'other' };
  const topics = Array.isArray(message.args) ? message.args : [];
  return { kind: message.op, key: keyOf(message.req_id), streams: streamsOf(market, topics) };
}

/**
 * The market an address means, by its path: regional and test hosts are many (protocols/bybit.md 1), and a local
 * simulator serves the same path. Options, spreads and the status address are not ours.
 */
export function readUrl(url: URL): UrlMeaning | null {
  const family = ADDRESS.exec(url.pathname)?.[1] ?? '';
  return Object.hasOwn(MARKETS, family) ? { market: family, streams: [] } : null;
}
