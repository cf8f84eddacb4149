import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stream, textFrame } from '../../record/index.ts';
import { feedAllowed } from '../plan.ts';
import { feedMeaning, nameOf } from './feeds.ts';
import { binance } from './index.ts';

function stream(market: string, channel: Stream['channel'], feed: string, symbol: string): Stream {
  return { market, channel, feed, symbol };
}

function classified(text: string) {
  return binance.classify(textFrame(0, 1, 1, 'received', text), 'spot');
}

test('spot travels on one combined link with microseconds, 100 names a SUBSCRIBE, 1000 streams a link', () => {
  const streams = Array.from({ length: 1001 }, (_, n) => stream('spot', 'trades', 'trade', `S${n}USDT`));
  const plans = binance.planLinks({ market: 'spot', streams });
  assert.deepEqual(
    plans.map((plan) => [plan.url, plan.streams.length, plan.subscribe.length]),
    [
      ['wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND', 1000, 10],
      ['wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND', 1, 1],
    ],
  );
  const messages = plans[0]?.subscribe.map(({ text }) => JSON.parse(text)) ?? [];
  assert.deepEqual(
    messages.map(({ id, params }) => [id, params.length]),
    messages.map((_, index) => [index + 1, 100]),
  );
  assert.equal(messages[0].params[0], 's0usdt@trade');
  assert.deepEqual(
    plans.flatMap((plan) => plan.subscribe.flatMap((message) => message.streams)),
    streams,
  );
});

test('USD-M classes never share a link', () => {
  const streams = [
    stream('usdm', 'trades', 'aggTrade', 'BTCUSDT'),
    stream('usdm', 'book', 'depth@100ms', 'BTCUSDT'),
    stream('usdm', 'quotes', 'bookTicker', 'BTCUSDT'),
    stream('usdm', 'ticker', 'ticker', 'BTCUSDT'),
    stream('usdm', 'trades', 'trade', 'BTCUSDT'),
  ];
  const expected = [
    ['/public/stream', ['btcusdt@depth@100ms', 'btcusdt@bookTicker', 'btcusdt@trade']],
    ['/market/stream', ['btcusdt@aggTrade', 'btcusdt@ticker']],
  ];
  for (const uri of [
    undefined,
    'wss://fstream.binance.com/public/stream',
    'wss://fstream.binance.com/stream',
  ]) {
    const plans = binance.planLinks({ market: 'usdm', streams, ...(uri === undefined ? {} : { uri }) });
    assert.deepEqual(
      plans.map((plan) => [plan.url.replace('wss://fstream.binance.com', ''), plan.streams.map(nameOf)]),
      expected,
    );
  }
  const local = binance.planLinks({ market: 'usdm', streams, uri: 'ws://127.0.0.1:9/binance/usdm' });
  assert.deepEqual(
    local.map((plan) => plan.url),
    ['ws://127.0.0.1:9/binance/usdm/public/stream', 'ws://127.0.0.1:9/binance/usdm/market/stream'],
  );
});

test('a config address in raw mode or with a query is taken as it stands', () => {
  for (const uri of [
    'wss://stream.binance.com/ws',
    'wss://stream.binance.com/stream?streams=btcusdt@trade',
  ]) {
    const plans = binance.planLinks({ market: 'spot', streams: [], uri, raw: [{ text: '{}' }] });
    assert.deepEqual(
      plans.map((plan) => plan.url),
      [uri],
    );
  }
});

test('raw messages go first on the first link, their streams once, their ids not used again', () => {
  const streams = [
    stream('spot', 'trades', 'trade', 'BTCUSDT'),
    stream('spot', 'quotes', 'bookTicker', 'ETHUSDT'),
  ];
  const text = '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7}';
  const [plan, ...more] = binance.planLinks({ market: 'spot', streams, raw: [{ text }] });
  assert.deepEqual(more, []);
  assert.deepEqual(
    plan?.subscribe.map((message) => message.text),
    [text, '{"method":"SUBSCRIBE","params":["ethusdt@bookTicker"],"id":8}'],
  );
  assert.deepEqual(plan?.streams, streams);
  const label = stream('usdm', 'trades', 'aggTrade', 'BTCUSDT');
  const labelled = binance.planLinks({ market: 'usdm', streams: [], raw: [{ text: 'unreadable', label }] });
  assert.deepEqual(
    labelled.map(({ url, streams: of }) => [url, of]),
    [['wss://fstream.binance.com/market/stream', [label]]],
  );
});

test('no streams, no links', () => {
  for (const market of Object.keys(binance.markets))
    assert.deepEqual(binance.planLinks({ market, streams: [] }), []);
});

test('every declared feed is known, named as a default is, and decodes', () => {
  for (const market of Object.values(binance.markets)) {
    for (const [channel, feeds] of Object.entries(market.channels)) {
      assert.ok(feedAllowed(feeds.defaultFeed, feeds.feeds));
      for (const feed of feeds.feeds) {
        const meaning = feedMeaning(feed);
        assert.equal(meaning?.channel, channel, feed);
        assert.notEqual(meaning?.variant, null, feed);
      }
    }
  }
});

test('addresses of every mode are read, streams and all', () => {
  const cases: [string, string, Stream[]][] = [
    ['wss://stream.binance.com:9443', 'spot', []],
    [
      'wss://stream.binance.com:9443/stream?streams=nknusdt@depth@100ms/nknusdt@kline_1d@+08:00&timeUnit=MICROSECOND',
      'spot',
      [
        stream('spot', 'book', 'depth@100ms', 'NKNUSDT'),
        stream('spot', 'candles', 'kline_1d@+08:00', 'NKNUSDT'),
      ],
    ],
    [
      'wss://data-stream.binance.vision/ws/btcusdt@trade/ethusdt@aggTrade',
      'spot',
      [stream('spot', 'trades', 'trade', 'BTCUSDT'), stream('spot', 'trades', 'aggTrade', 'ETHUSDT')],
    ],
    ['wss://stream.binance.us:9443/ws', 'us', []],
    [
      'wss://fstream.binance.com/public/stream?streams=btcusdt@depth@0ms',
      'usdm',
      [stream('usdm', 'book', 'depth@0ms', 'BTCUSDT')],
    ],
    [
      'wss://fstream.binance.com/market/ws/btcusdt@forceOrder',
      'usdm',
      [stream('usdm', 'liquidations', 'forceOrder', 'BTCUSDT')],
    ],
    [
      'wss://dstream.binance.com/stream?streams=btcusd_perp@markPrice@1s/!ticker@arr',
      'coinm',
      [stream('coinm', 'derivatives', 'markPrice@1s', 'BTCUSD_PERP')],
    ],
    [
      'wss://stream.binance.com/stream?streams=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt%40trade/%E5%B8',
      'spot',
      [stream('spot', 'trades', 'trade', '币安人生USDT')],
    ],
  ];
  for (const [url, market, streams] of cases)
    assert.deepEqual(binance.readUrl(new URL(url)), { market, streams }, url);
  for (const url of ['wss://stream.bybit.com/v5/public/spot', 'wss://evil.example/stream.binance.com'])
    assert.equal(binance.readUrl(new URL(url)), null);
});

test('requests are read back as they were made', () => {
  const streams = [
    stream('usdm', 'book', 'depth@100ms', 'BTCUSDT'),
    stream('usdm', 'trades', 'aggTrade', 'ETHUSDT'),
  ];
  const [message] = binance.subscribe('usdm', streams, 41);
  assert.deepEqual(binance.readRequest('usdm', message?.text ?? ''), {
    kind: 'subscribe',
    key: '41',
    streams,
  });
  assert.deepEqual(
    binance.readRequest('spot', '{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":"a1"}'),
    {
      kind: 'unsubscribe',
      key: 'a1',
      streams: [stream('spot', 'trades', 'trade', 'BTCUSDT')],
    },
  );
  for (const text of ['{"method":"LIST_SUBSCRIPTIONS","id":3}', 'x', '[]', 'null', '{"method":"SUBSCRIBE"}'])
    assert.deepEqual(binance.readRequest('spot', text), { kind: 'other' });
});

test('control is told from data', () => {
  assert.deepEqual(classified('{"result":null,"id":1}'), { kind: 'ack', key: '1' });
  assert.deepEqual(classified('{"id":"x","result":null}'), { kind: 'ack', key: 'x' });
  assert.deepEqual(classified('{"result":["btcusdt@aggTrade"],"id":3}'), { kind: 'other' });
  assert.deepEqual(classified('{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}'), {
    kind: 'refusal',
    key: '1',
    reason: '2 Invalid request: invalid stream',
    transient: false,
  });
  assert.deepEqual(classified('{"code":3,"msg":"Invalid JSON"}'), {
    kind: 'refusal',
    key: null,
    reason: '3 Invalid JSON',
    transient: false,
  });
  const busy = classified('{"code":-1003,"msg":"Too many requests"}');
  assert.equal(busy?.kind === 'refusal' && busy.transient, true);
  const notice = { kind: 'notice', text: 'serverShutdown', act: 'reconnect' };
  assert.deepEqual(classified('{"e":"serverShutdown","E":1770123456789}'), notice);
  assert.deepEqual(
    classified('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'),
    notice,
  );
});

test('data, and what nobody can read, is no control', () => {
  const texts = [
    '{"stream":"btcusdt@trade","data":{}}',
    '{"data":{"result":null,"id":1},"stream":"btcusdt@trade"}',
    '{"stream":"!ticker@arr","data":[]}',
    '{"e":"trade","code":1,"msg":""}',
    '{"u":400900217,"s":"BNBUSDT","b":"1","B":"1","a":"1","A":"1"}',
    '[{"e":"24hrTicker"}]',
    '{"stream":"',
    '',
    'null',
    '7',
    '{"stream"',
    '\u0000\u0001',
  ];
  for (const text of texts) assert.equal(classified(text), null, text);
});

test('listings give the symbols that trade, and say what is wrong with anything else', () => {
  const spot = '{"symbols":[{"symbol":"ETHBTC","status":"TRADING"},{"symbol":"OLDBTC","status":"BREAK"}]}';
  assert.deepEqual(binance.markets.spot?.listing.read(spot), ['ETHBTC']);
  const coinm =
    '{"symbols":[{"symbol":"BTCUSD_PERP","contractStatus":"TRADING","contractSize":100},{"symbol":"BTCUSD_200626","contractStatus":"SETTLING"}]}';
  assert.deepEqual(binance.markets.coinm?.listing.read(coinm), ['BTCUSD_PERP']);
  for (const body of ['', '{}', '{"code":-1003,"msg":"busy"}', '{"symbols":[1]}'])
    assert.throws(() => binance.markets.spot?.listing.read(body), /expected/);
});
