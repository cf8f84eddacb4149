import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TestLink } from './harness.test.ts';

const SPOT_TRADE =
  '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}';

function payload(market: string, stream: string, data: string) {
  const link = new TestLink(market);
  const outcome = link.receive(`{"stream":"${stream}","data":${data}}`);
  return { outcome, rows: link.rows, link };
}

test('a trade sample of every market gives its row', () => {
  const cases = [
    ['spot', 'bnbbtc@trade', SPOT_TRADE, ['trade', '12345', 'sell', 0.001, 100, 1672515782136000]],
    [
      'us',
      'bnbbtc@aggTrade',
      '{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782135,"m":false,"M":true}',
      ['aggTrade', '12345', 'buy', 0.001, 100, 1672515782135000],
    ],
    [
      'usdm',
      'bnbusdt@aggTrade',
      '{"e":"aggTrade","E":1785121247584,"s":"BNBUSDT","a":5933014,"p":"0.001","q":"100","nq":"90","f":100,"l":105,"T":1785121247583,"m":true,"st":1}',
      ['aggTrade', '5933014', 'sell', 0.001, 100, 1785121247583000],
    ],
    [
      'coinm',
      'btcusd_200626@aggTrade',
      '{"e":"aggTrade","E":1591261134288,"a":424951,"s":"BTCUSD_200626","p":"9643.5","q":"2","f":606073,"l":606073,"T":1591261134199,"m":false,"st":2}',
      ['aggTrade', '424951', 'buy', 9643.5, 2, 1591261134199000],
    ],
    [
      'usdm',
      'btcusdt@trade',
      '{"e":"trade","E":1756220468099,"T":1756220468098,"s":"BTCUSDT","t":6587981240,"p":"111000.10","q":"0.002","X":"MARKET","m":true}',
      ['trade', '6587981240', 'sell', 111000.1, 0.002, 1756220468098000],
    ],
  ] as const;
  for (const [market, stream, data, expected] of cases) {
    const { outcome, rows } = payload(market, stream, data);
    assert.equal(outcome, 'rows');
    assert.deepEqual(
      rows.map((row) => [row.feed, row.id, row.side, row.price, row.amount, row.timestamp]),
      [expected],
    );
  }
});

test('microseconds are told from milliseconds by their digits', () => {
  const { rows } = payload(
    'spot',
    'bnbbtc@trade',
    SPOT_TRADE.replaceAll('1672515782136', '1672515782136123'),
  );
  assert.equal(rows[0]?.timestamp, 1672515782136123);
});

test('spent ids and trades that were none give no row and are no fault', () => {
  const spent =
    '{"e":"trade","E":1756220468099,"T":1756220468099,"s":"BTCUSDT","t":6587981240,"p":"0","q":"0","X":"NA","m":true}';
  for (const data of [
    spent,
    spent.replace('NA', 'ADL').replaceAll('"0"', '"1"'),
    spent.replace('NA', 'INSURANCE_FUND').replaceAll('"0"', '"1"'),
  ]) {
    const { outcome, rows } = payload('usdm', 'btcusdt@trade', data);
    assert.equal(outcome, 'control');
    assert.deepEqual(rows, []);
  }
  for (const data of [spent.replaceAll('"0"', '"1"'), spent.replace('NA', 'SOMETHING')])
    assert.equal(payload('usdm', 'btcusdt@trade', data).rows[0]?.reason, 'unknown');
});

test('a trade seen before is a repeat; the same number on another feed is another trade', () => {
  const link = new TestLink('spot');
  assert.equal(link.receive(`{"stream":"bnbbtc@trade","data":${SPOT_TRADE}}`), 'rows');
  assert.equal(link.receive(`{"stream":"bnbbtc@trade","data":${SPOT_TRADE}}`), 'repeat');
  const aggregate = SPOT_TRADE.replace('"trade"', '"aggTrade"').replace('"t"', '"a"');
  assert.equal(link.receive(`{"stream":"bnbbtc@aggTrade","data":${aggregate}}`), 'rows');
});

test('a bookTicker gives a quote: without time on spot, with T on futures', () => {
  const spot = payload(
    'spot',
    'bnbusdt@bookTicker',
    '{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}',
  ).rows[0];
  assert.deepEqual(
    [spot?.table, spot?.timestamp, spot?.bid_price, spot?.bid_amount, spot?.ask_price, spot?.ask_amount],
    ['quotes', null, 25.3519, 31.21, 25.3652, 40.66],
  );
  const futures = payload(
    'usdm',
    'ethusdt@bookTicker',
    '{"e":"bookTicker","u":11139947831981,"s":"ETHUSDT","ps":"ETHUSDT","b":"1943.64","B":"113.445","a":"1943.65","A":"182.433","T":1785121247583,"E":1785121247584,"st":1}',
  ).rows[0];
  assert.equal(futures?.timestamp, 1785121247583000);
});

test('tickers hold what the variant sends and null for the rest', () => {
  const spot =
    '{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"250.00","w":"0.0018","x":"0.0009","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}';
  const full = payload('spot', 'bnbbtc@ticker', spot).rows[0];
  assert.deepEqual(
    [full?.last_price, full?.open_price, full?.high_price, full?.low_price, full?.volume, full?.quote_volume],
    [0.0025, 0.001, 0.0025, 0.001, 10000, 18],
  );
  assert.deepEqual(
    [full?.bid_price, full?.bid_amount, full?.ask_price, full?.ask_amount, full?.timestamp],
    [0.0024, 10, 0.0026, 100, 1672515782136000],
  );
  const mini =
    '{"e":"24hrMiniTicker","E":1591267704450,"s":"BTCUSD_200626","ps":"BTCUSD","c":"9561.7","o":"9580.9","h":"10000.0","l":"7000.0","v":"487476","q":"33264343847.22378500","st":2}';
  const small = payload('coinm', 'btcusd_200626@miniTicker', mini).rows[0];
  assert.deepEqual([small?.feed, small?.last_price, small?.bid_price], ['miniTicker', 9561.7, null]);
});

test('what is documented but not recorded as rows is not handled, under our word where there is one', () => {
  const cases: [string, string | null, string | null][] = [
    ['{"stream":"bnbbtc@kline_1m","data":{"e":"kline"}}', 'candles', 'BNBBTC'],
    ['{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate"}}', 'derivatives', 'BTCUSDT'],
    ['{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder"}}', 'liquidations', 'BTCUSDT'],
    ['{"stream":"btcusdt@depth5@100ms","data":{"lastUpdateId":160,"bids":[],"asks":[]}}', 'book', 'BTCUSDT'],
    ['{"stream":"btcusdt@rpiDepth@500ms","data":{"e":"depthUpdate"}}', 'book', 'BTCUSDT'],
    ['{"stream":"bnbbtc@blockTrade","data":{"e":"blockTrade"}}', 'trades', 'BNBBTC'],
    ['{"stream":"bnbbtc@avgPrice","data":{"e":"avgPrice"}}', null, 'BNBBTC'],
    ['{"stream":"btcusdt_perpetual@continuousKline_1m","data":{}}', 'candles', 'BTCUSDT_PERPETUAL'],
    ['{"stream":"!miniTicker@arr","data":[]}', 'ticker', null],
    ['{"stream":"!contractInfo","data":{}}', null, null],
    ['[{"e":"24hrTicker"}]', 'ticker', null],
    ['{"e":"kline","s":"BNBBTC","k":{}}', 'candles', null],
    ['{"lastUpdateId":160,"bids":[],"asks":[]}', 'book', null],
  ];
  for (const [text, channel, symbol] of cases) {
    const link = new TestLink('usdm');
    assert.equal(link.receive(text), 'undecoded');
    const row = link.rows[0];
    assert.deepEqual([row?.reason, row?.channel, row?.symbol], ['not-handled', channel, symbol], text);
  }
});

test('shapes that nobody has described are unknown, and no JSON is malformed', () => {
  const trade = (change: (data: string) => string) =>
    `{"stream":"bnbbtc@trade","data":${change(SPOT_TRADE)}}`;
  const unknown = [
    '{"stream":"bnbbtc@nosuch","data":{}}',
    '{"stream":"!nosuch","data":{}}',
    '{"stream":"bnbbtc@trade","data":null}',
    '{"stream":"bnbbtc@trade"}',
    trade((data) => data.replace('BNBBTC', 'ETHBTC')),
    trade((data) => data.replace('"trade"', '"aggTrade"')),
    trade((data) => data.replace('"p":"0.001"', '"p":0.001')),
    trade((data) => data.replace('"q":"100",', '')),
    trade((data) => data.replace('12345', '12345678901234567890')),
    trade((data) => data.replace('"m":true', '"m":"true"')),
    '{"stream":"bnbbtc@depth","data":{"e":"depthUpdate","s":"BNBBTC","U":1,"u":2,"b":[["1"]],"a":[]}}',
    '{"stream":"bnbbtc@depth","data":{"e":"depthUpdate","s":"BNBBTC","U":1,"u":2,"b":[["1","-1"]],"a":[]}}',
    '{"stream":"bnbbtc@depth","data":{"e":"depthUpdate","s":"BNBBTC","U":1,"u":2,"b":[["","1"]],"a":[]}}',
    '{"stream":"bnbbtc@depth","data":{"e":"depthUpdate","s":"BNBBTC","U":"1","u":2,"b":[],"a":[]}}',
    '{"stream":"bnbbtc@bookTicker","data":{"u":1,"s":"BNBBTC","b":"1","B":"1","a":"1"}}',
    '{"stream":"bnbbtc@ticker","data":{"e":"24hrTicker","s":"BNBBTC"}}',
    '{"e":"nosuch"}',
    '{"__proto__":{"e":"trade"}}',
    '{"e":"toString","s":"BNBBTC"}',
    '{"e":"trade"}',
    '{}',
    '[]',
    '7',
    '"text"',
  ];
  for (const text of unknown) {
    const link = new TestLink('spot');
    assert.equal(link.receive(text), 'undecoded', text);
    assert.deepEqual(
      link.rows.map(({ table, reason }) => [table, reason]),
      [['undecoded', 'unknown']],
      text,
    );
  }
  for (const text of ['', '{', '{"stream":"bnbbtc@trade","data":', 'null', '\u0000'])
    assert.deepEqual(payloadless(text), ['malformed'], text);
});

function payloadless(text: string) {
  const link = new TestLink('spot');
  link.receive(text);
  return link.rows.map(({ reason }) => reason);
}

test('control is counted as control', () => {
  const link = new TestLink('spot');
  for (const text of [
    '{"result":null,"id":1}',
    '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
    '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
  ])
    assert.equal(link.receive(text), 'control');
  assert.deepEqual(link.rows, []);
});

test('raw mode: the payload says what it is, and what was asked for says by which feed', () => {
  const diff = { e: 'depthUpdate', E: 1, s: 'BNBBTC', U: 1, u: 2, b: [['1', '1']], a: [] };
  const feeds = (asked: string[]) => {
    const link = new TestLink('spot', {
      url: 'wss://stream.binance.com/ws',
      asked: asked.map((feed) => ({ market: 'spot', channel: 'book', feed, symbol: 'BNBBTC' })),
    });
    link.receive(diff);
    return (link.decoder.state() as { books: { feed: string }[] }).books.map(({ feed }) => feed);
  };
  assert.deepEqual(feeds([]), ['depth@100ms']);
  assert.deepEqual(feeds(['depth']), ['depth']);
  assert.deepEqual(feeds(['depth', 'depth@100ms']), [], 'nothing tells the two apart');
  const link = new TestLink('spot');
  assert.equal(link.receive(SPOT_TRADE), 'rows');
  assert.equal(link.receive('{"u":1,"s":"BNBBTC","b":"1","B":"1","a":"2","A":"1"}'), 'rows');
  assert.deepEqual(
    link.rows.map(({ table, feed }) => [table, feed]),
    [
      ['trades', 'trade'],
      ['quotes', 'bookTicker'],
    ],
  );
});

test('symbols keep the spelling of the payload, beyond ASCII too', () => {
  const data = SPOT_TRADE.replace('BNBBTC', '币安人生USDT');
  assert.equal(payload('spot', '币安人生usdt@trade', data).rows[0]?.symbol, '币安人生USDT');
});

test('stream names without end are not kept without end', () => {
  const link = new TestLink('spot');
  for (let n = 0; n < 8200; n++) link.receive(`{"stream":"s${n}@kline_1m","data":{}}`);
  assert.equal(link.rows.at(-1)?.reason, 'unknown');
  assert.equal(link.rows.at(0)?.reason, 'not-handled');
});

test('any text is taken without an exception or is refused by a decimal', () => {
  const link = new TestLink('spot');
  const key = fc.constantFrom('stream', 'data', 'e', 's', 'b', 'a', 'U', 'u', 'p', 'q', 'm', 't', 'X');
  const value = fc.oneof(
    fc.constantFrom(
      'bnbbtc@trade',
      'bnbbtc@depth',
      'bnbbtc@bookTicker',
      'BNBBTC',
      'trade',
      'depthUpdate',
      '1',
      -1,
      1e300,
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const object = fc.dictionary(key, value, { maxKeys: 6 });
  fc.assert(
    fc.property(
      fc.constantFrom('trade', 'depth', 'bookTicker', 'ticker'),
      object,
      fc.jsonValue(),
      (feed, data, any) => {
        const full = { s: 'BNBBTC', ...data };
        for (const message of [any, data, { stream: `bnbbtc@${feed}`, data: full }]) {
          try {
            link.receive(JSON.stringify(message));
          } catch (error) {
            assert.match(String(error), /expected a decimal/);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a message of the stream with a price that is none throws, so that the session opens a gap', () => {
  const quote = '{"u":1,"s":"BNBBTC","b":"1","B":"1","a":"2","A":"x"}';
  for (const [stream, data] of [
    ['bnbbtc@trade', SPOT_TRADE.replace('0.001', 'abc')],
    ['bnbbtc@bookTicker', quote],
  ] as const)
    assert.throws(() => payload('spot', stream, data), /expected a decimal at data\.[pA], got "(abc|x)"/);
  const other = SPOT_TRADE.replace('0.001', 'abc').replace('BNBBTC', 'ETHBTC');
  assert.equal(payload('spot', 'bnbbtc@trade', other).rows[0]?.reason, 'unknown', 'not of this stream');
});
