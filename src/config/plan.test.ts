import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FAKES } from './fake-exchanges.ts';
import {
  type ExchangeConfig,
  explainPlan,
  hasWildcard,
  parseConfig,
  planExchange,
  resolveWildcards,
} from './index.ts';

const TRADES = { channel: 'trades', feed: 'deal' } as const;
const BOOK = { channel: 'book', feed: 'depth.50' } as const;

function entry(over: Partial<ExchangeConfig>): ExchangeConfig {
  return { name: 'Acme', exchange: 'acme', market: 'spot', streams: [], raw: [], ...over };
}

test('a * is replaced by the symbols that match, each stream once, listing order kept', () => {
  const requests = [
    { ...TRADES, symbol: 'ETH*' },
    { ...BOOK, symbol: 'ETH*' },
    { ...TRADES, symbol: '*USDT' },
    { ...TRADES, symbol: 'NEWUSDT' },
  ];
  assert.deepEqual(requests.map(hasWildcard), [true, true, true, false]);
  const { streams, problems } = resolveWildcards(requests, ['ETHUSDT', 'BTCUSDT', 'ETHBTC']);
  assert.deepEqual(
    streams.map(({ channel, symbol }) => `${channel} ${symbol}`),
    ['trades ETHUSDT', 'trades ETHBTC', 'book ETHUSDT', 'book ETHBTC', 'trades BTCUSDT', 'trades NEWUSDT'],
  );
  assert.deepEqual(problems, []);
});

test('a pattern that matches nothing is told once, and the rest is planned', () => {
  const requests = [
    { ...TRADES, symbol: 'XX*' },
    { ...BOOK, symbol: 'XX*' },
    { ...TRADES, symbol: 'BTC*' },
  ];
  const { plans, problems } = planExchange(entry({ streams: requests }), ['BTCUSDT'], FAKES);
  assert.deepEqual(problems, ["none of the 1 symbols of the exchange's listing matches XX*"]);
  assert.deepEqual(
    plans.flatMap((plan) => plan.streams),
    [{ market: 'spot', ...TRADES, symbol: 'BTCUSDT' }],
  );
});

test('a pattern matches as a regular expression with .* would', () => {
  const part = fc.constantFrom('A', 'B', '*', '.', '(');
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('A', 'B', '.', '('), maxLength: 8 }),
      (parts, symbol) => {
        const pattern = parts.toSpliced(parts.length / 2, 0, '*').join('');
        const expression = pattern.replace(/[.(]/g, '\\$&').replaceAll('*', '.*');
        const expected = new RegExp(`^${expression}$`).test(symbol);
        const found = resolveWildcards([{ ...TRADES, symbol: pattern }], [symbol]).streams.length;
        assert.equal(found === 1, expected, `${pattern} ${symbol}`);
      },
    ),
    { numRuns: 3000 },
  );
});

test('a pattern of many stars costs no more than its symbol', () => {
  const started = performance.now();
  resolveWildcards([{ ...TRADES, symbol: `${'*A'.repeat(40)}B` }], [`${'A'.repeat(99)}C`]);
  assert.ok(performance.now() - started < 1000);
});

test('without a listing, requests with a * are left out', () => {
  const streams = [
    { ...TRADES, symbol: 'ETH*' },
    { ...TRADES, symbol: 'BTCUSDT' },
  ];
  const { plans } = planExchange(entry({ streams }), undefined, FAKES);
  assert.deepEqual(
    plans.flatMap((plan) => plan.streams.map(({ symbol }) => symbol)),
    ['BTCUSDT'],
  );
});

test('an address that asks for streams gets a link even where nothing else is asked for', () => {
  const uri = 'wss://acme.test/spot?streams=deal.BTCUSDT/deal.ETHUSDT';
  const { plans } = planExchange(entry({ uri }), undefined, FAKES);
  assert.equal(plans.length, 1);
  assert.equal(plans[0]?.url, uri);
  assert.deepEqual(
    plans[0]?.streams.map(({ symbol }) => symbol),
    ['BTCUSDT', 'ETHUSDT'],
  );
  assert.deepEqual(plans[0]?.subscribe, []);
});

test('an address that asks for streams adds them to the first link that dials it, once', () => {
  const uri = 'wss://acme.test/spot?streams=deal.BTCUSDT/deal.ETHUSDT';
  const streams = ['A', 'BTCUSDT', 'C', 'D'].map((symbol) => ({ ...TRADES, symbol }));
  const { plans } = planExchange(entry({ uri, streams }), undefined, FAKES);
  assert.deepEqual(
    plans.map((plan) => plan.streams.map(({ symbol }) => symbol)),
    [['ETHUSDT', 'A', 'BTCUSDT', 'C'], ['D']],
  );
});

test('the plan as a person reads it', () => {
  const config = parseConfig(
    JSON.stringify([
      {
        name: 'Acme US',
        streams: [
          { channels: ['trades', 'book@depth.200'], symbols: ['BTCUSDT', 'ETHUSDT', 'SOL*'] },
          { op: 'x' },
        ],
      },
      {
        name: 'my twin',
        exchange: 'twinex',
        ping: 'ping',
        streams: [{ channels: ['quotes'], symbols: ['A'] }],
      },
      { name: 'Acme', streams: [{ channels: ['trades'], symbols: ['B'] }] },
    ]),
    { exchanges: FAKES },
  );
  assert.equal(
    explainPlan(config, FAKES),
    [
      'acme us',
      '  link 1     wss://acme.test/us',
      '             3 of 3 streams, 2 messages to send',
      '             trades  deal       BTCUSDT ETHUSDT',
      '             book    depth.200  BTCUSDT',
      '  raw        {"op":"x"}',
      '  link 2     wss://acme.test/us',
      '             1 of 3 streams, 1 message to send',
      '             book  depth.200  ETHUSDT',
      '  at start   symbols looked up in https://rest.acme.test/symbols',
      '             trades  deal       SOL*',
      '             book    depth.200  SOL*',
      '  heartbeat  {"op":"ping","id":1} every 20 s, answered within 10 s; closed after 60 s without a byte',
      '  limits     3 streams a link, a message every 250 ms, a dial every 1 s, a REST request every 100 ms',
      '             made up for tests',
      '',
      'twinex spot  (my twin)',
      '  link 1     wss://twinex.test/ws',
      '             1 of 3 streams, 1 message to send',
      '             quotes  bbo  A',
      '  heartbeat  ping every 20 s, as given, answered within 10 s; closed after 60 s without a byte',
      '  limits     3 streams a link, a message every 250 ms, a dial every 1 s, a REST request every 100 ms',
      '             made up for tests',
      '',
      'acme spot',
      '  link 1     wss://acme.test/spot',
      '             1 of 3 streams, 1 message to send',
      '             trades  deal  B',
      '  limits     and heartbeat as acme us',
      '',
      '3 markets, 4 links, 6 streams, 1 pattern to resolve at start',
      'data goes to ./data',
    ].join('\n'),
  );
});
