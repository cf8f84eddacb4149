import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { EXCHANGES } from '../exchanges/index.ts';
import {
  ConfigError,
  type ExchangeConfig,
  explainPlan,
  parseConfig,
  planExchange,
  readConfig,
} from './index.ts';
import { configJsonSchemaText } from './json-schema.ts';

/** The config against the real exchanges: names, the files that are shipped, and hostile input. */

const ROOT = new URL('../../', import.meta.url);

function file(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}

function only(entry: object): ExchangeConfig {
  const [read] = parseConfig(JSON.stringify([{ streams: [{ x: 1 }], ...entry }])).exchanges;
  assert.ok(read !== undefined);
  return read;
}

describe('names of the real exchanges', () => {
  const cases: Readonly<Record<string, string>> = {
    Binance: 'binance spot',
    'Binance Spot': 'binance spot',
    'binance.com': 'binance spot',
    'Binance US': 'binance us',
    'binance.us': 'binance us',
    BinanceUS: 'binance us',
    'Binance Futures': 'binance usdm',
    'Binance USD-M Futures': 'binance usdm',
    'Binance USDⓈ-M Futures': 'binance usdm',
    'binance-usdm': 'binance usdm',
    'Binance COIN-M': 'binance coinm',
    'Binance COIN-M Futures': 'binance coinm',
    Bybit: 'bybit spot',
    'Bybit Spot': 'bybit spot',
    'Bybit Linear': 'bybit linear',
    'Bybit Futures': 'bybit linear',
    'Bybit Inverse': 'bybit inverse',
    'Bybit Inverse Futures': 'bybit inverse',
    Coinex: 'coinex spot',
    'CoinEx Spot': 'coinex spot',
    'Coinex Futures': 'coinex futures',
    coinex_futures: 'coinex futures',
    Bitfinex: 'bitfinex spot',
    'Bitfinex Derivatives': 'bitfinex derivatives',
  };
  for (const [name, expected] of Object.entries(cases))
    test(`${name} is ${expected}`, () => {
      const { exchange, market } = only({ name });
      assert.equal(`${exchange} ${market}`, expected);
    });

  test('every market is found by its own name behind the title, and by its own address', () => {
    for (const exchange of EXCHANGES)
      for (const market of Object.values(exchange.markets)) {
        const named = only({ name: `${exchange.title} ${market.name}` });
        assert.deepEqual([named.exchange, named.market], [exchange.name, market.name]);
        const symbols = [market.example];
        const planned = planExchange(
          only({ ...named, raw: undefined, streams: [{ channels: ['trades'], symbols }] }),
        );
        const uri = planned.plans[0]?.url;
        const told = only({ exchange: exchange.name, market: market.name, uri });
        assert.deepEqual([told.exchange, told.market], [exchange.name, market.name]);
      }
  });

  test('an address of another market is refused', () => {
    const uri = 'wss://stream.bybit.com/v5/public/linear';
    assert.equal(only({ uri }).market, 'linear');
    assert.equal(only({ name: 'Bybit', uri }).market, 'linear');
    assert.throws(
      () => only({ name: 'Bybit', market: 'spot', uri }),
      /this address is Bybit linear, but "market" says/,
    );
    assert.throws(() => only({ name: 'Binance', uri }), /an address of Bybit, not of Binance/);
  });

  test('both markets of one address may be recorded from it', () => {
    const uri = 'wss://api-pub.bitfinex.com/ws/2';
    assert.equal(only({ name: 'Bitfinex', market: 'derivatives', uri }).market, 'derivatives');
  });
});

describe('the files that are shipped', () => {
  test('the schema in schema/ is the one generated (npm run schema writes it)', () => {
    assert.equal(readFileSync(file('schema/feedtape.schema.json'), 'utf8'), configJsonSchemaText());
  });

  test('the default config is BTC and ETH on all four exchanges, four channels each', () => {
    const config = readConfig(file('config/feedtape.json'));
    const markets = config.exchanges.map(({ exchange, market }) => `${exchange} ${market}`);
    assert.deepEqual(markets, [
      'binance spot',
      'binance usdm',
      'bybit spot',
      'bybit linear',
      'coinex spot',
      'coinex futures',
      'bitfinex spot',
    ]);
    for (const entry of config.exchanges) {
      assert.equal(entry.streams.length, 8);
      const planned = planExchange(entry).plans.flatMap((plan) => plan.streams);
      assert.equal(planned.length, 8, `${entry.exchange} ${entry.market}`);
    }
  });

  for (const name of readdirSync(file('examples/')).filter((entry) => entry.endsWith('.json')))
    test(`examples/${name} is a good config with a plan`, () => {
      const config = readConfig(file(`examples/${name}`));
      for (const entry of config.exchanges) {
        const { plans } = planExchange(entry, ['BTCUSDT', 'ETHUSDT', 'tBTCUSD']);
        assert.ok(plans.length > 0, entry.name);
        for (const plan of plans) {
          assert.ok(plan.streams.length > 0, `${entry.name}: no stream is known of ${plan.url}`);
          assert.ok(URL.canParse(plan.url));
        }
      }
      assert.match(explainPlan(config), new RegExp(`${config.exchanges.length} market`));
    });

  test('streams of raw messages and of addresses are in the plan', () => {
    const config = readConfig(file('examples/raw-messages.json'));
    const streams = config.exchanges.map((entry) =>
      planExchange(entry).plans.flatMap((plan) =>
        plan.streams.map(({ channel, symbol }) => `${channel} ${symbol}`),
      ),
    );
    const btc = ['trades BTCUSDT', 'book BTCUSDT'];
    assert.deepEqual(streams.slice(0, 4), [[...btc, 'quotes BTCUSDT'], btc, btc, btc]);
    assert.deepEqual(streams[4]?.slice(0, 2), ['trades tBTCUSD', 'book tBTCUSD']);
  });
});

describe('hostile input', () => {
  /** Reads or refuses; anything else thrown fails the test. */
  const survives = (text: string): void => {
    try {
      const config = parseConfig(text);
      assert.ok(config.exchanges.length > 0);
      explainPlan(config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assert.ok(error.problems.length > 0);
    }
  };

  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), survives), { numRuns: 300 });
  });

  test('any JSON document', () => {
    fc.assert(fc.property(fc.json(), survives), { numRuns: 300 });
  });

  const word = fc.constantFrom(
    '',
    ' ',
    'a',
    '__proto__',
    'constructor',
    'toString',
    '\u0000',
    '☃',
    'x'.repeat(300),
  );
  const wrong = fc.oneof(fc.constantFrom<unknown>(null, true, -1, 1e300, [], {}, [[]]), word, fc.jsonValue());
  const mostly = (good: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: wrong });
  const exchangeWord = fc.constantFrom('binance', 'bybit', 'coinex', 'bitfinex');
  const symbol = mostly(fc.constantFrom('BTCUSDT', 'ETH*', 'tBTCUSD', 'tBTCF0:USTF0', '**', 'btc'));
  const channel = mostly(
    fc.constantFrom(
      'trades',
      'book',
      'quotes',
      'ticker',
      'candles',
      'book@depth',
      'book@orderbook.200',
      'trade',
    ),
  );
  const message = mostly(
    fc.constantFrom<unknown>(
      { method: 'SUBSCRIBE', params: ['btcusdt@trade', null, '@', '%'], id: {} },
      { op: 'subscribe', args: ['publicTrade.BTCUSDT', 5, 'orderbook..x'] },
      { method: 'depth.subscribe', params: { market_list: [['BTCUSDT', 'x'], null, {}] } },
      { event: 'subscribe', channel: 'book', symbol: 'tBTCUSD', prec: {}, len: -1 },
      { event: 'conf', flags: 'x' },
    ),
  );
  const stream = mostly(
    fc.oneof(
      fc.record({
        channels: mostly(fc.array(channel, { maxLength: 4 })),
        symbols: mostly(fc.array(symbol, { maxLength: 4 })),
      }),
      message,
      fc.record({ type: channel, symbol, market: mostly(fc.constantFrom('spot', 'futures')), message }),
    ),
  );
  const uri = fc.oneof(
    fc.webUrl({ validSchemes: ['ws', 'wss', 'http'], withQueryParameters: true }),
    fc
      .tuple(
        fc.constantFrom(
          'stream.binance.com:9443',
          'fstream.binance.com',
          'stream.bybit.com',
          'socket.coinex.com',
          'api-pub.bitfinex.com',
        ),
        fc.constantFrom('', '/', '/ws', '/stream', '/v5/public/linear', '/v2/spot', '/ws/2', '/%'),
        fc.constantFrom('', '?', '?streams=', '?streams=btcusdt@trade/%/@', '?timeUnit=x', '#'),
      )
      .map(([host, path, query]) => `wss://${host}${path}${query}`),
  );
  const entry = mostly(
    fc.record(
      {
        name: mostly(
          fc.oneof(exchangeWord, fc.constantFrom('Binance US', 'Bybit Futures', 'us us us', 'bitfinexspot')),
        ),
        exchange: mostly(exchangeWord),
        market: mostly(fc.constantFrom('spot', 'linear', 'futures', 'us')),
        uri: mostly(uri),
        rest: mostly(fc.webUrl()),
        ping: mostly(fc.constantFrom<unknown>('ping', { op: 'ping' })),
        streams: mostly(fc.array(stream, { maxLength: 4 })),
      },
      { requiredKeys: ['streams'] },
    ),
  );
  const document = mostly(
    fc.oneof(
      fc.array(entry, { maxLength: 4 }),
      fc.record(
        { exchanges: mostly(fc.array(entry, { maxLength: 4 })), data: mostly(fc.string()), settings: wrong },
        { requiredKeys: ['exchanges'] },
      ),
    ),
  );

  test('configs with wrong types anywhere', () => {
    fc.assert(
      fc.property(document, (value) => survives(JSON.stringify(value) ?? '')),
      { numRuns: 1500 },
    );
  });

  test('configs cut off or with a character changed', () => {
    const text = readFileSync(file('examples/three-forms.json'), 'utf8');
    fc.assert(
      fc.property(fc.nat(text.length), fc.string({ maxLength: 2 }), fc.nat(3), (at, put, cut) =>
        survives(text.slice(0, at) + put + text.slice(at + cut)),
      ),
      { numRuns: 500 },
    );
  });

  test('lists as long as a document may have are refused or read within seconds', () => {
    const many = (count: number, of: (n: number) => unknown): unknown[] =>
      Array.from({ length: count }, (_, n) => of(n));
    const started = performance.now();
    for (const document of [
      many(12_000, () => ({ x: {} })),
      many(24_000, () => 'x'),
      [{ name: 'us '.repeat(20_000), streams: many(40_000, () => 5) }],
      [{ name: 'Binance', streams: many(16_000, () => ({ channels: [], symbols: 1 })) }],
      [
        {
          name: 'Binance',
          streams: [{ channels: many(20_000, () => 'trades'), symbols: many(20_000, () => 'A') }],
        },
      ],
      [
        {
          name: 'Binance',
          streams: [{ channels: ['trades', 'book', 'quotes'], symbols: many(40_000, (n) => `A${n}`) }],
        },
      ],
      [
        {
          name: 'Bybit',
          streams: [{ channels: many(20_000, (n) => `book@${n}`), symbols: many(20_000, () => 7) }],
        },
      ],
    ])
      survives(JSON.stringify(document));
    assert.ok(performance.now() - started < 20_000);
  });
});
