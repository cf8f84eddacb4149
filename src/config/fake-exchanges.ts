import type { Exchange, LinkPlan, Market, PlanRequest } from '../exchanges/index.ts';
import { isObject, parseJson, type Stream } from '../record/index.ts';

/** Two small exchanges for the tests of this folder: what they need of the contract, and nothing behind it. */

const NO_READER = (): never => {
  throw new Error('the fake exchanges read nothing');
};

function market(name: string, aliases: readonly string[], websocket: string): Market {
  const feeds = { silenceMs: null, firstMessageMs: null };
  return {
    name,
    aliases,
    websocket,
    rest: 'https://rest.acme.test',
    channels: {
      trades: { defaultFeed: 'deal', feeds: ['deal', 'aggDeal'], ...feeds },
      book: { defaultFeed: 'depth.50', feeds: ['depth.*'], ...feeds },
      quotes: { defaultFeed: 'bbo', feeds: ['bbo'], ...feeds },
    },
    limits: {
      streamsPerLink: 3,
      sendIntervalMs: 250,
      dialIntervalMs: 1000,
      restIntervalMs: 100,
      source: 'made up for tests',
    },
    heartbeat: {
      intervalMs: 20_000,
      message: (n) => `{"op":"ping","id":${n}}`,
      answerMs: 10_000,
      idleMs: 60_000,
    },
    listing: { path: '/symbols', read: (body) => body.split(' ') },
    example: 'BTCUSDT',
  };
}

function streamsOf(marketName: string, topics: readonly unknown[]): Stream[] {
  return topics
    .filter((topic) => typeof topic === 'string' && topic.startsWith('deal.'))
    .map((topic) => ({
      market: marketName,
      channel: 'trades',
      feed: 'deal',
      symbol: String(topic).slice(5),
    }));
}

function exchange(
  name: string,
  title: string,
  aliases: readonly string[],
  markets: Readonly<Record<string, Market>>,
  marketOfUrl: (url: URL) => string | null,
): Exchange {
  const marketOf = (word: string): Market => markets[word] ?? NO_READER();
  return {
    name,
    title,
    aliases,
    markets,
    decoderVersion: 1,
    planLinks: (request) => planLinks(name, marketOf(request.market), request),
    subscribe: (_market, streams) => [{ text: JSON.stringify(streams.map(({ symbol }) => symbol)), streams }],
    readRequest: (marketName, text) => {
      const message = parseJson(text);
      if (!isObject(message) || message.op !== 'subscribe' || !Array.isArray(message.args))
        return { kind: 'other' };
      return { kind: 'subscribe', key: null, streams: streamsOf(marketName, message.args) };
    },
    readUrl: (url) => {
      const meant = marketOfUrl(url);
      if (meant === null) return null;
      return { market: meant, streams: streamsOf(meant, url.searchParams.get('streams')?.split('/') ?? []) };
    },
    shapes: [],
    classify: () => null,
    openDecoder: NO_READER,
    simulate: NO_READER,
  };
}

function planLinks(name: string, of: Market, request: PlanRequest): LinkPlan[] {
  const raw = (request.raw ?? []).map(({ text, label }) => ({
    text,
    streams: label === undefined ? [] : [label],
  }));
  const plans: LinkPlan[] = [];
  const size = of.limits.streamsPerLink;
  for (let at = 0; at < request.streams.length || (at === 0 && raw.length > 0); at += size) {
    const streams = request.streams.slice(at, at + size);
    const own = at === 0 ? raw : [];
    plans.push({
      exchange: name,
      market: of.name,
      url: request.uri ?? of.websocket,
      rest: request.rest ?? of.rest,
      streams: [...own.flatMap((message) => message.streams), ...streams],
      greeting: [],
      subscribe: [...own, { text: 'subscribe', streams }],
    });
  }
  return plans;
}

/** Three markets at addresses of their own. */
export const acme: Exchange = exchange(
  'acme',
  'Acme',
  ['acme.io'],
  {
    spot: market('spot', [], 'wss://acme.test/spot'),
    us: market('us', [], 'wss://acme.test/us'),
    usdm: market('usdm', ['usd-m', 'futures', 'perpetual'], 'wss://acme.test/usdm'),
    coinm: market('coinm', ['coin-m', 'coin futures'], 'wss://acme.test/coinm'),
  },
  (url) => (url.hostname === 'acme.test' ? url.pathname.slice(1) || null : null),
);

/** Two markets at one address, which reads as the first. */
export const twinex: Exchange = exchange(
  'twinex',
  'TwinEx',
  [],
  {
    spot: market('spot', [], 'wss://twinex.test/ws'),
    derivatives: market('derivatives', [], 'wss://twinex.test/ws'),
  },
  (url) => (url.hostname === 'twinex.test' ? 'spot' : null),
);

export const FAKES: readonly Exchange[] = [acme, twinex];
