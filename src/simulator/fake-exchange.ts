import type { Exchange, Market, SimulatedMarket } from '../exchanges/index.ts';
import { isObject, parseJson } from '../record/index.ts';

/**
 * An exchange for this folder's tests, of the simplest dialect there can be: `{"op":"subscribe","symbol":"BTCUSDT"}`
 * is acknowledged, then come numbered messages; `{"op":"ping"}` is answered; `explode` throws. Its market `packed`
 * speaks gzip. Some symbols are of their own kind: `MUTE`, `EXPLODE`, `SLOW` (2 ms a message) and `BIG` (256 KiB).
 */
export const FAKE: Exchange = {
  name: 'fake',
  title: 'Fake',
  aliases: [],
  decoderVersion: 1,
  markets: { plain: market('plain'), packed: market('packed') },
  planLinks: () => [],
  subscribe: () => [],
  readRequest: (_market, text) => {
    const message = parseJson(text);
    return isObject(message) && message.op === 'ping' ? { kind: 'ping' } : { kind: 'other' };
  },
  readUrl: (url) => (url.host === 'fake.example' ? { market: 'plain', streams: [] } : null),
  shapes: [],
  classify: () => null,
  openDecoder: () => {
    throw new Error('the fake exchange decodes nothing');
  },
  simulate: (name, model) => ({
    framing: name === 'packed' ? 'gzip' : 'text',
    pingMs: 20,
    connect: (url, send) => (url.pathname === '/feed' ? session(url, model, send) : null),
    rest: (url) => {
      if (url.pathname === '/explode') throw new Error('asked to');
      const symbol = model.symbol(url.searchParams.get('symbol') ?? '');
      if (url.pathname !== '/depth' || symbol === undefined) return null;
      return { status: 200, body: JSON.stringify({ host: url.host, bids: symbol.levels('bid', 1000) }) };
    },
  }),
};

const BIG = JSON.stringify('x'.repeat(256 * 1024));

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function session(url: URL, model: SimulatedMarket, send: (text: string) => void) {
  const subscribed: string[] = [];
  let n = 0;
  send(JSON.stringify({ hello: url.search, host: url.host }));
  return {
    get active(): number {
      return subscribed.length;
    },
    receive(text: string): void {
      if (text === 'explode') throw new Error('asked to');
      const message = parseJson(text);
      if (!isObject(message)) return;
      if (message.op === 'ping') send(JSON.stringify({ op: 'pong', n: message.n }));
      if (message.op === 'subscribe') {
        subscribed.push(String(message.symbol));
        send(JSON.stringify({ ack: message.symbol }));
      }
    },
    publish(): void {
      const name = subscribed[Math.floor(model.random() * subscribed.length)] ?? '';
      if (name === 'EXPLODE') throw new Error('asked to');
      if (name === 'MUTE') return;
      if (name === 'SLOW') busy(2);
      if (name === 'BIG') send(BIG);
      else send(JSON.stringify({ n: ++n, symbol: name, trade: model.symbol(name)?.trade() }));
    },
    tick: () => undefined,
  };
}

function market(name: string): Market {
  const none = () => {
    throw new Error('not used');
  };
  return {
    name,
    aliases: [],
    websocket: 'wss://fake.example',
    rest: 'https://rest.fake.example/base',
    channels: {},
    limits: { streamsPerLink: 1, sendIntervalMs: 0, dialIntervalMs: 0, restIntervalMs: 0, source: 'made up' },
    heartbeat: { intervalMs: null, message: null, answerMs: 1000, idleMs: 1000 },
    listing: { path: '/list', read: none },
    example: 'BTCUSDT',
  };
}
