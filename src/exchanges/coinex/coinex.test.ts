import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stream, textFrame } from '../../record/index.ts';
import type { Control } from '../exchange.ts';
import { feedAllowed } from '../plan.ts';
import { coinex } from './index.ts';

const stream = (channel: Stream['channel'], feed: string, symbol = 'BTCUSDT', market = 'spot'): Stream => ({
  market,
  channel,
  feed,
  symbol,
});

/** What the client asks for in a message, without its id. */
function asked(text: string): [string, unknown] {
  const { method, params } = JSON.parse(text) as { method: string; params: { market_list: unknown } };
  return [method, params.market_list];
}

test('the addresses mean spot and futures by their exact path, with or without a slash, real or simulated', () => {
  const marketAt = (url: string) => coinex.readUrl(new URL(url))?.market ?? null;
  assert.equal(marketAt('wss://socket.coinex.com/v2/spot'), 'spot');
  assert.equal(marketAt('wss://socket.coinex.com/v2/spot/'), 'spot');
  assert.equal(marketAt('wss://socket.coinex.com/v2/futures'), 'futures');
  assert.equal(marketAt('ws://127.0.0.1:9000/coinex/spot/v2/spot'), 'spot');
  assert.equal(marketAt('ws://127.0.0.1:9000/coinex/futures/v2/futures'), 'futures');
  assert.equal(marketAt('wss://stream.bybit.com/v5/public/spot'), null);
  assert.equal(marketAt('wss://example.com/spot'), null);
  assert.equal(marketAt('wss://example.com/xv2/spot'), null);
  assert.equal(marketAt('wss://example.com/v2/spot/more'), null);
});

test('names of a config find the exchange and its markets', () => {
  assert.ok(coinex.aliases.includes('coinex'));
  assert.equal(Object.keys(coinex.markets)[0], 'spot');
  assert.ok(coinex.markets.futures?.aliases.includes('futures'));
  for (const market of Object.values(coinex.markets))
    for (const word of [...coinex.aliases, ...market.aliases]) assert.equal(word, word.toLowerCase());
});

test('each channel is asked for once a link, with its full list', () => {
  const streams = [
    stream('trades', 'deals'),
    stream('book', 'depth.50.0'),
    stream('trades', 'deals', 'ETHUSDT'),
    stream('book', 'depth.20.0.01', 'ETHUSDT'),
    stream('quotes', 'bbo'),
    stream('ticker', 'state'),
  ];
  const messages = coinex.subscribe('spot', streams, 7);
  assert.deepEqual(
    messages.map(({ text }) => asked(text)),
    [
      ['deals.subscribe', ['BTCUSDT', 'ETHUSDT']],
      [
        'depth.subscribe',
        [
          ['BTCUSDT', 50, '0', false],
          ['ETHUSDT', 20, '0.01', false],
        ],
      ],
      ['bbo.subscribe', ['BTCUSDT']],
      ['state.subscribe', ['BTCUSDT']],
    ],
  );
  for (const [index, message] of messages.entries()) {
    const request = coinex.readRequest('spot', message.text);
    assert.deepEqual(request, { kind: 'subscribe', key: String(7 + index), streams: message.streams });
  }
});

test('links hold at most their streams, and never two depth feeds of a symbol', () => {
  const many = Array.from({ length: 205 }, (_, n) => stream('book', 'depth.50.0', `S${n}USDT`));
  const links = coinex.planLinks({ market: 'spot', streams: [...many, ...many] });
  assert.deepEqual(
    links.map(({ streams }) => streams.length),
    [100, 100, 5],
  );
  const two = coinex.planLinks({
    market: 'futures',
    streams: ['depth.50.0', 'depth.20.0', 'depth.20.1'].map((feed) =>
      stream('book', feed, 'BTCUSDT', 'futures'),
    ),
  });
  assert.deepEqual(
    two.map(({ streams }) => streams.map(({ feed }) => feed)),
    [['depth.50.0'], ['depth.20.0'], ['depth.20.1']],
  );
  assert.equal(two[0]?.url, 'wss://socket.coinex.com/v2/futures');
  assert.equal(two[0]?.rest, 'https://api.coinex.com/v2');
});

test('an address of the config keeps its own path, slash or not, and gets ours where it has none', () => {
  const urlOf = (uri: string) =>
    coinex.planLinks({ market: 'spot', streams: [stream('trades', 'deals')], uri })[0]?.url;
  assert.equal(urlOf('wss://socket.coinex.com/v2/spot/'), 'wss://socket.coinex.com/v2/spot');
  assert.equal(urlOf('wss://socket.coinex.com'), 'wss://socket.coinex.com/v2/spot');
  assert.equal(urlOf('ws://127.0.0.1:9000/coinex/spot'), 'ws://127.0.0.1:9000/coinex/spot/v2/spot');
});

test('raw messages go first, as they stand, and what they ask for is not asked twice', () => {
  const text = '{"method":"deals.subscribe","params":{"market_list":["BTCUSDT"]},"id":5}';
  const label = stream('derivatives', 'index');
  const links = coinex.planLinks({
    market: 'spot',
    streams: [stream('trades', 'deals'), stream('quotes', 'bbo')],
    raw: [
      { text },
      { text: '{"method":"index.subscribe","params":{"market_list":["BTCUSDT"]},"id":6}', label },
    ],
  });
  assert.equal(links.length, 1);
  assert.deepEqual(links[0]?.streams, [stream('trades', 'deals'), label, stream('quotes', 'bbo')]);
  assert.equal(links[0]?.subscribe[0]?.text, text);
  assert.deepEqual(links[0]?.subscribe[1]?.streams, [label]);
  assert.equal(
    links[0]?.subscribe[2]?.text,
    '{"method":"bbo.subscribe","params":{"market_list":["BTCUSDT"]},"id":7}',
  );
  assert.equal(links[0]?.subscribe.length, 3);
});

test('client messages are read: streams, unsubscribes, pings, empty lists, rubbish', () => {
  const read = (text: string) => coinex.readRequest('spot', text);
  assert.deepEqual(read('{"method":"deals.subscribe","params":{"market_list":["BTCUSDT"]},"id":1}'), {
    kind: 'subscribe',
    key: '1',
    streams: [stream('trades', 'deals')],
  });
  const depth =
    '{"method":"depth.subscribe","params":{"market_list":[["BTCUSDT",10,"0.001",true],[1]]},"id":2}';
  assert.deepEqual(read(depth), {
    kind: 'subscribe',
    key: '2',
    streams: [stream('book', 'depth.10.0.001')],
  });
  const all = { kind: 'subscribe', key: '3', streams: [] };
  assert.deepEqual(read('{"method":"state.subscribe","params":{"market_list":[]},"id":3}'), all);
  const end = '{"method":"depth.unsubscribe","params":{"market_list":["BTCUSDT"]},"id":4}';
  assert.deepEqual(read(end), { kind: 'unsubscribe', key: '4', streams: [] });
  assert.deepEqual(read('{"method":"server.ping","params":{},"id":1}'), { kind: 'ping' });
  for (const text of ['', '[]', '{"method":7}', '{"method":"deals.subscribe","params":{"market_list":1}}'])
    assert.deepEqual(read(text), { kind: 'other' });
});

test('the ping is the documented one, and its ids meet no other', () => {
  const { heartbeat } = coinex.markets.spot ?? assert.fail();
  assert.equal(heartbeat.message?.(1), '{"method":"server.ping","params":{},"id":1000000001}');
  assert.equal(coinex.readRequest('spot', heartbeat.message?.(2) ?? '').kind, 'ping');
});

test('replies are told from pushes, and understood by id, code and result', () => {
  const classify = (text: string, kind: 'gzip' | 'received' = 'gzip'): Control | null =>
    coinex.classify(textFrame(0, 1, 1, kind, text), 'spot');
  const refusal = (key: string, reason: string, transient: boolean) =>
    ({ kind: 'refusal', key, reason, transient }) as const;
  assert.deepEqual(classify('{"id":1,"code":0,"message":"OK"}'), { kind: 'ack', key: '1' });
  assert.deepEqual(classify('{"id":1,"code":0,"message":"OK"}', 'received'), { kind: 'ack', key: '1' });
  const pong = '{"id":1,"code":0,"data":{"result":"pong"},"message":"OK"}';
  assert.deepEqual(classify(pong), { kind: 'pong' });
  assert.deepEqual(
    classify('{"id":4,"code":20001,"message":"invalid parameters"}'),
    refusal('4', '20001 invalid parameters', false),
  );
  for (const code of [23001, 23002, 24001, 24002, 33001, 33002, 34001, 34002])
    assert.deepEqual(classify(`{"id":4,"code":${code}}`), refusal('4', String(code), true));
  for (const code of [20002, 21001, 21002, 30001, 30002, 31001, 31002])
    assert.deepEqual(classify(`{"id":4,"code":${code}}`), refusal('4', String(code), false));
  const withoutId = { kind: 'notice', text: 'an error without id: 20001 no', act: 'none' };
  assert.deepEqual(classify('{"id":null,"code":20001,"message":"no"}'), withoutId);
  assert.deepEqual(classify('{"id":9,"message":"?"}'), { kind: 'other' });
  assert.equal(classify('{"method":"bbo.update","data":{},"id":null}'), null);
  assert.equal(classify('{"id":null,"data":{},"method":"bbo.update"}'), null);
  for (const text of ['', '{', 'null', '[]', '{}', '\u0000']) assert.equal(classify(text), null);
});

test('listings give the markets that trade, without the pseudo ones', () => {
  const { spot, futures } = coinex.markets;
  const list = (...data: object[]) => JSON.stringify({ code: 0, data, message: 'OK' });
  assert.equal(spot?.listing.path, '/spot/market');
  assert.equal(futures?.listing.path, '/futures/market');
  const body = list(
    { market: 'BTCUSDT', status: 'online' },
    { market: 'NEWUSDT', status: 'counting_down' },
    { market: 'CALLUSDT', status: 'bidding' },
    { market: 'BTCUSDT_INDEX', status: 'online' },
    {},
  );
  assert.deepEqual(spot?.listing.read(body), ['BTCUSDT']);
  const contracts = list(
    { market: 'BTCUSDT', is_market_available: true },
    { market: 'OLDUSDT', is_market_available: false },
    { market: 'BTCUSD' },
    { market: 'ETHUSD_SIGNPRICE' },
  );
  assert.deepEqual(futures?.listing.read(contracts), ['BTCUSDT', 'BTCUSD']);
  for (const wrong of ['', '<html>', '{"code":4213,"data":[],"message":"slow"}', '{"code":0,"data":{}}'])
    assert.throws(() => spot?.listing.read(wrong), /CoinEx market list/);
});

test('the feeds that may be named are those of the documentation', () => {
  const { feeds, defaultFeed } = coinex.markets.spot?.channels.book ?? assert.fail();
  for (const feed of [defaultFeed, 'depth.5.0', 'depth.20.0.000000000001', 'depth.10.1000'])
    assert.ok(feedAllowed(feed, feeds), feed);
  for (const feed of ['depth.7.0', 'depth.50.2', 'depth.50', 'depth'])
    assert.ok(!feedAllowed(feed, feeds), feed);
});
