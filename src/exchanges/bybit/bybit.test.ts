import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stream, textFrame } from '../../record/index.ts';
import type { Control } from '../exchange.ts';
import { feedAllowed } from '../plan.ts';
import { bybit } from './index.ts';

function control(message: string | object): Control | null {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  return bybit.classify(textFrame(0, 1, 1, 'received', text), 'linear');
}

function stream(channel: Stream['channel'], feed: string, symbol: string, market = 'linear'): Stream {
  return { market, channel, feed, symbol };
}

const book = (symbol: string): Stream => stream('book', 'orderbook.50', symbol);

function argsOf(text: string): string[] {
  return (JSON.parse(text) as { args: string[] }).args;
}

test('every market declares the four channels, and each default feed may be named', () => {
  assert.deepEqual(Object.keys(bybit.markets), ['spot', 'linear', 'inverse']);
  for (const market of Object.values(bybit.markets)) {
    assert.deepEqual(Object.keys(market.channels).sort(), ['book', 'quotes', 'ticker', 'trades']);
    for (const { defaultFeed, feeds } of Object.values(market.channels))
      assert.ok(feedAllowed(defaultFeed, feeds));
  }
  assert.equal(bybit.markets.linear?.channels.book?.defaultFeed, 'orderbook.50');
  assert.ok(bybit.markets.linear?.aliases.includes('futures'));
});

test('a heartbeat is a JSON ping that readRequest knows', () => {
  const text = bybit.markets.spot?.heartbeat.message?.(3) ?? '';
  assert.deepEqual(JSON.parse(text), { req_id: 'ping_3', op: 'ping' });
  assert.deepEqual(bybit.readRequest('spot', text), { kind: 'ping' });
});

test('subscriptions hold one kind of topic and at most ten each, numbered in order', () => {
  const books = Array.from({ length: 12 }, (_, n) => book(`A${n}USDT`));
  const trades = Array.from({ length: 3 }, (_, n) => stream('trades', 'publicTrade', `A${n}USDT`));
  const mixed = [...books.slice(0, 6), ...trades, ...books.slice(6)];
  const messages = bybit.subscribe('linear', mixed, 7);
  assert.deepEqual(
    messages.map(({ text }) => argsOf(text).length),
    [10, 2, 3],
  );
  assert.deepEqual(
    messages.map(({ text }) => (JSON.parse(text) as { req_id: string }).req_id),
    ['7', '8', '9'],
  );
  for (const { text, streams } of messages) {
    assert.equal(new Set(argsOf(text).map((topic) => topic.split('.')[0])).size, 1);
    const request = bybit.readRequest('linear', text);
    assert.deepEqual(request.kind === 'subscribe' && request.streams, streams);
  }
});

test('a plan keeps to the streams and to the characters of a link, and loses no stream', () => {
  const short = Array.from({ length: 700 }, (_, n) => book(`A${n}USDT`));
  const long = Array.from({ length: 250 }, (_, n) => book(`${'LONG'.repeat(25)}${n}USDT`));
  for (const streams of [short, long]) {
    const plans = bybit.planLinks({ market: 'linear', streams });
    for (const plan of plans) {
      const topics = plan.subscribe.flatMap(({ text }) => argsOf(text));
      assert.ok(plan.streams.length <= 300);
      assert.ok(JSON.stringify(topics).length <= 18_000, `${JSON.stringify(topics).length} characters`);
      assert.equal(plan.url, 'wss://stream.bybit.com/v5/public/linear');
      assert.equal(plan.rest, 'https://api.bybit.com');
    }
    assert.deepEqual(
      plans.flatMap((plan) => plan.streams),
      streams,
    );
  }
  assert.equal(bybit.planLinks({ market: 'linear', streams: short }).length, 3);
  assert.equal(bybit.planLinks({ market: 'linear', streams: long }).length, 2);
});

test('raw messages go first on the first link, as they stand, and what they ask for is not asked twice', () => {
  const text = '{"op":"subscribe","args":["publicTrade.BTCUSDT","kline.5.BTCUSDT"],"req_id":"40"}';
  const unread = { text: '{"op":"something"}', label: stream('ticker', 'tickers', 'BTCUSDT') };
  const streams = [stream('trades', 'publicTrade', 'BTCUSDT'), book('ETHUSDT')];
  const [plan, ...more] = bybit.planLinks({ market: 'linear', streams, raw: [{ text }, unread] });
  assert.equal(more.length, 0);
  assert.deepEqual(
    plan?.subscribe.map((message) => message.text),
    [text, unread.text, '{"req_id":"41","op":"subscribe","args":["orderbook.50.ETHUSDT"]}'],
  );
  assert.deepEqual(
    plan?.streams.map(({ feed, symbol }) => `${feed}.${symbol}`),
    ['publicTrade.BTCUSDT', 'kline.5.BTCUSDT', 'tickers.BTCUSDT', 'orderbook.50.ETHUSDT'],
  );
  assert.equal(bybit.planLinks({ market: 'spot', streams: [], raw: [{ text }] }).length, 1);
  assert.equal(bybit.planLinks({ market: 'spot', streams: [] }).length, 0);
});

test('the address of a config is used, with the path where it has none', () => {
  const url = (uri: string) => bybit.planLinks({ market: 'spot', streams: [book('A')], uri })[0]?.url;
  assert.equal(url('wss://stream.bybit.com/v5/public/spot'), 'wss://stream.bybit.com/v5/public/spot');
  assert.equal(url('ws://127.0.0.1:9000/bybit/spot'), 'ws://127.0.0.1:9000/bybit/spot/v5/public/spot');
});

test('readUrl tells the market by the path on any host, and knows what is not ours', () => {
  const market = (url: string) => bybit.readUrl(new URL(url))?.market ?? null;
  assert.equal(market('wss://stream.bybit.com/v5/public/linear'), 'linear');
  assert.equal(market('wss://stream-testnet.bybit.com/v5/public/inverse'), 'inverse');
  assert.equal(market('wss://stream.bybit.kz/v5/public/spot'), 'spot');
  assert.equal(market('ws://127.0.0.1:9000/v5/public/spot'), 'spot');
  assert.equal(market('ws://127.0.0.1:9000/bybit/spot/v5/public/spot'), 'spot');
  for (const other of [
    'wss://stream.bybit.com/v5/public/option',
    'wss://stream.bybit.com/v5/public/misc/status',
    'wss://stream.bybit.com/v5/public/spot/more',
    'wss://stream.bybit.com/v5/public/constructor',
    'wss://stream.bybit.com/xv5/public/spot',
    'wss://stream.bybit.com/v5/private',
    'wss://socket.coinex.com/v2/spot',
    'wss://stream.binance.com:9443/stream',
  ])
    assert.equal(market(other), null, other);
});

test('readRequest understands subscriptions of any client', () => {
  assert.deepEqual(
    bybit.readRequest('spot', '{"op":"unsubscribe","args":["publicTrade.ETHUSD"],"req_id":"customised_id"}'),
    {
      kind: 'unsubscribe',
      key: 'customised_id',
      streams: [stream('trades', 'publicTrade', 'ETHUSD', 'spot')],
    },
  );
  const asked = bybit.readRequest(
    'spot',
    '{"op":"subscribe","args":["orderbook.1.A","orderbook.200.A","orderbook.rpi.A","allLiquidation.A","insurance.USDT","nope.A",7,null]}',
  );
  assert.deepEqual(asked, {
    kind: 'subscribe',
    key: null,
    streams: [
      stream('quotes', 'orderbook.1', 'A', 'spot'),
      stream('book', 'orderbook.200', 'A', 'spot'),
      stream('liquidations', 'allLiquidation', 'A', 'spot'),
    ],
  });
  for (const text of ['', 'x', '[]', 'null', '{"op":"auth"}', '{"args":[]}'])
    assert.deepEqual(bybit.readRequest('spot', text), { kind: 'other' }, text);
  assert.deepEqual(bybit.readRequest('spot', '{"op":"subscribe","args":7}'), {
    kind: 'subscribe',
    key: null,
    streams: [],
  });
});

test('the three acks and the three pongs are told apart from data', () => {
  const spot = { success: true, ret_msg: 'subscribe', conn_id: 'x', req_id: '10001', op: 'subscribe' };
  assert.deepEqual(control(spot), { kind: 'ack', key: '10001' });
  const linear = { success: true, ret_msg: '', conn_id: 'x', req_id: '', op: 'subscribe' };
  assert.deepEqual(control(linear), { kind: 'ack', key: null });
  assert.deepEqual(control({ ...linear, op: 'unsubscribe', req_id: '9' }), { kind: 'ack', key: '9' });
  const option = {
    success: true,
    conn_id: 'x',
    data: { failTopics: [], successTopics: ['orderbook.100.BTC-6JAN23-18000-C'] },
    type: 'COMMAND_RESP',
  };
  assert.deepEqual(control(option), { kind: 'ack', key: null });

  assert.deepEqual(control({ success: true, ret_msg: 'pong', conn_id: 'x', op: 'ping' }), { kind: 'pong' });
  assert.deepEqual(control({ success: true, ret_msg: 'pong', conn_id: 'x', req_id: '', op: 'ping' }), {
    kind: 'pong',
  });
  assert.deepEqual(control({ args: ['1672916271846'], op: 'pong' }), { kind: 'pong' });
});

test('refusals name what was refused, so that the rest can be asked again', () => {
  const refused = (ret_msg: string, more: object = {}) =>
    control({ success: false, ret_msg, conn_id: 'x', req_id: '4', op: 'subscribe', ...more });
  const whole = { kind: 'refusal', key: '4', transient: false };
  const nope = 'error:handler not found,topic:orderbook.50.NOPEUSDT';
  assert.deepEqual(refused(nope), { ...whole, reason: nope, refused: ['orderbook.50.NOPEUSDT'] });
  assert.deepEqual(refused(nope, { req_id: '' }), {
    ...whole,
    key: null,
    reason: nope,
    refused: ['orderbook.50.NOPEUSDT'],
  });
  const spot = 'Invalid symbol :[tickers.NOPEUSDT]';
  assert.deepEqual(refused(spot), { ...whole, reason: spot, refused: ['tickers.NOPEUSDT'] });
  const two = 'Invalid symbol :[tickers.A, tickers.B]';
  assert.deepEqual(refused(two), { ...whole, reason: two, refused: ['tickers.A', 'tickers.B'] });
  assert.deepEqual(refused('args size >10'), { ...whole, reason: 'args size >10' });
  assert.deepEqual(refused('error:already subscribed,topic:orderbook.1.ETHUSDT'), { kind: 'ack', key: '4' });
  const option = {
    success: true,
    data: { failTopics: ['a.B'], successTopics: ['c.D'] },
    type: 'COMMAND_RESP',
  };
  assert.deepEqual(control(option), {
    kind: 'refusal',
    key: null,
    reason: 'failTopics: a.B',
    refused: ['a.B'],
    transient: false,
  });
});

test('errors about other messages take no request with them', () => {
  const invalid = { success: false, ret_msg: 'error:invalid op', conn_id: 'x', req_id: '', op: 'nope' };
  assert.deepEqual(control(invalid), { kind: 'notice', text: 'error:invalid op', act: 'none' });
  const undecoded = { success: false, ret_msg: 'Failed to decode incoming data:…', op: '' };
  assert.equal(control(undecoded)?.kind, 'notice');
  assert.equal(control({ success: false, ret_msg: 'error:invalid op' })?.kind, 'notice');
  assert.equal(control({ success: false, ret_msg: 'no', op: 'auth' })?.kind, 'notice');
  assert.equal(control({ success: false, ret_msg: 'no', op: 'subscribe' })?.kind, 'refusal');
});

test('data is data whatever order its keys stand in, and rubbish is no control', () => {
  assert.equal(control('{"topic":"tickers.BTCUSDT","type":"snapshot"}'), null);
  assert.equal(control('{"type":"snapshot","success":true,"op":"pong","topic":"tickers.BTCUSDT"}'), null);
  assert.equal(control('{"topic":"'), null);
  for (const text of ['', 'pong', '[]', 'null', '1', '{}', '{"success":"yes"}', '{"success":'])
    assert.equal(control(text), null, text);
  assert.deepEqual(control('{"success":true}'), { kind: 'other' });
});

test('a listing gives the symbols that trade and belong to the family', () => {
  const entry = (symbol: string, status: string, contractType?: string) => ({ symbol, status, contractType });
  const list = [
    entry('BTCUSDT', 'Trading', 'LinearPerpetual'),
    entry('BTC-26DEC25', 'Trading', 'LinearFutures'),
    entry('BTCUSD', 'Trading', 'InversePerpetual'),
    entry('BTCUSDH23', 'Trading', 'InverseFutures'),
    entry('OLDUSDT', 'Closed', 'LinearPerpetual'),
    entry('NEWUSDT', 'PreLaunch', 'LinearPerpetual'),
  ];
  const body = JSON.stringify({ retCode: 0, retMsg: 'OK', result: { list, nextPageCursor: '' } });
  const read = (market: string) => bybit.markets[market]?.listing.read(body);
  assert.deepEqual(read('linear'), ['BTCUSDT', 'BTC-26DEC25']);
  assert.deepEqual(read('inverse'), ['BTCUSD', 'BTCUSDH23']);
  assert.deepEqual(read('spot'), ['BTCUSDT', 'BTC-26DEC25', 'BTCUSD', 'BTCUSDH23']);
  assert.equal(bybit.markets.linear?.listing.path, '/v5/market/instruments-info?category=linear&limit=1000');
  for (const bad of [
    '',
    '[]',
    '{}',
    '{"retCode":10006,"retMsg":"slow"}',
    '{"retCode":0,"result":{"list":[1]}}',
  ])
    assert.throws(() => bybit.markets.spot?.listing.read(bad), Error, bad);
});
