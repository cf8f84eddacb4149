import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Outcome } from '../exchange.ts';
import { TestLink } from './harness.test.ts';
import { bybit } from './index.ts';

const TS = 1_672_304_486_868;

function quote(u: number, seq: number, b: string[][], a: string[][]): object {
  return {
    topic: 'orderbook.1.BTCUSDT',
    type: 'snapshot',
    ts: TS,
    data: { s: 'BTCUSDT', b, a, u, seq },
    cts: TS - 2,
  };
}

function trade(i: string, more: object = {}): object {
  return {
    T: TS - 3,
    s: 'BTCUSDT',
    S: 'Buy',
    v: '0.001',
    p: '16578.50',
    L: 'PlusTick',
    i,
    BT: false,
    ...more,
  };
}

function trades(data: unknown, more: object = {}): object {
  return { topic: 'publicTrade.BTCUSDT', type: 'snapshot', ts: TS, data, ...more };
}

function ticker(type: string, data: object, ts: unknown = TS): object {
  return { topic: 'tickers.BTCUSDT', type, data: { symbol: 'BTCUSDT', ...data }, cs: 1, ts };
}

test('each quote replaces the last, the same u again is a repeat, and a side may be empty', () => {
  const link = new TestLink('linear');
  assert.equal(link.receive(quote(10, 5, [['1.5', '2']], [['1.6', '3']])), 'rows');
  assert.equal(link.receive(quote(10, 5, [['1.5', '2']], [['1.6', '3']])), 'repeat');
  assert.equal(link.receive(quote(17, 6, [], [['1.6', '4']])), 'rows');
  assert.equal(link.receive(quote(16, 7, [['1.4', '1']], [])), 'rows');
  assert.deepEqual(
    link.table('quotes').map((row) => [row.bid_price, row.bid_amount, row.ask_price, row.ask_amount]),
    [
      [1.5, 2, 1.6, 3],
      [null, null, 1.6, 4],
      [1.4, 1, null, null],
    ],
  );
  assert.equal(link.table('quotes')[0]?.timestamp, (TS - 2) * 1000);
  assert.equal(link.table('book').length, 0);
  assert.deepEqual([link.broken, link.requests], [[], []]);
});

test('after two restarts of the service u is 1 both times, and both are quotes', () => {
  const link = new TestLink('spot');
  link.receive(quote(1, 5, [['1', '2']], []));
  assert.equal(link.receive(quote(1, 5, [['1', '2']], [])), 'repeat');
  assert.equal(link.receive(quote(1, 9, [['1', '3']], [])), 'rows');
});

test('trades keep their order, block and RPI trades among them; none twice, and none of an empty message', () => {
  const link = new TestLink('linear');
  const data = [trade('a'), trade('b', { S: 'Sell', BT: true, RPI: true }), trade('c', { T: TS - 1 })];
  assert.equal(link.receive(trades(data)), 'rows');
  assert.equal(link.receive(trades([trade('c'), trade('d', { T: undefined })])), 'rows');
  assert.equal(link.receive(trades([trade('a'), trade('d')])), 'repeat');
  assert.equal(link.receive(trades([])), 'repeat');
  const rows = link.table('trades');
  assert.deepEqual(
    rows.map((row) => [row.id, row.side, row.row, Number(row.timestamp) / 1000 - TS]),
    [
      ['a', 'buy', 0, -3],
      ['b', 'sell', 1, -3],
      ['c', 'buy', 2, -1],
      ['d', 'buy', 0, 0],
    ],
  );
});

test('1024 trades in one message are 1024 rows', () => {
  const link = new TestLink('spot');
  const data = Array.from({ length: 1024 }, (_, n) => trade(String(2_240_000_000_041_223_438n + BigInt(n))));
  link.receive(trades(data));
  assert.equal(link.table('trades').length, 1024);
  assert.equal(link.table('trades')[1023]?.id, '2240000000041224461');
});

test('a broken trade takes its whole message back, and its id is not remembered', () => {
  const link = new TestLink('linear');
  for (const broken of [
    trade('b', { p: 'x' }),
    trade('b', { v: 1 }),
    trade(''),
    trade('b', { s: 'ETHUSDT' }),
    7,
  ])
    assert.equal(link.receive(trades([trade('a'), broken])), 'undecoded');
  assert.equal(link.receive(trades({})), 'undecoded');
  assert.equal(link.errors.length, 6);
  assert.equal(link.table('trades').length, 0);
  assert.equal(link.receive(trades([trade('a')])), 'rows');
});

test('a ticker delta gives the merged state if one of the columns changed, else it is a repeat', () => {
  const link = new TestLink('linear');
  const first = { lastPrice: '10', prevPrice24h: '9', bid1Price: '9.5', bid1Size: '2', markPrice: '10.1' };
  assert.equal(link.receive(ticker('snapshot', first)), 'rows');
  assert.equal(link.receive(ticker('delta', { markPrice: '10.2' })), 'repeat');
  assert.equal(link.receive(ticker('delta', { lastPrice: '10.0' })), 'repeat');
  assert.equal(link.receive(ticker('delta', { lastPrice: '11' }, String(TS + 1))), 'rows');
  assert.equal(link.receive(ticker('delta', { bid1Price: '', bid1Size: '' })), 'rows');
  assert.equal(link.receive(ticker('snapshot', { lastPrice: '12' })), 'rows');
  const rows = link.table('tickers');
  assert.deepEqual(
    rows.map((row) => [row.last_price, row.open_price, row.bid_price, row.bid_amount, row.volume]),
    [
      [10, 9, 9.5, 2, null],
      [11, 9, 9.5, 2, null],
      [11, 9, null, null, null],
      [12, null, null, null, null],
    ],
  );
  assert.equal(rows[1]?.timestamp, (TS + 1) * 1000, 'ts may be quoted');
});

test('a ticker delta without its snapshot says so, and a snapshot is asked for after five seconds', () => {
  const link = new TestLink('linear');
  assert.equal(link.receive(ticker('delta', { markPrice: '1' })), 'repeat');
  assert.equal(link.receive(ticker('delta', { lastPrice: '1' })), 'undecoded');
  assert.equal(link.table('undecoded')[0]?.reason, 'no-context');
  assert.deepEqual(link.requests, []);
  link.now += 5_000_000;
  link.receive(ticker('delta', { lastPrice: '1' }));
  assert.deepEqual(link.resubscribed(), ['tickers.BTCUSDT']);
});

test('a broken ticker forgets the merged state and asks again; a reconnect forgets it too', () => {
  const link = new TestLink('linear');
  link.receive(ticker('snapshot', { lastPrice: '1', highPrice24h: '2' }));
  assert.equal(link.receive(ticker('delta', { lastPrice: '3', highPrice24h: 'x' })), 'undecoded');
  assert.deepEqual(link.resubscribed(), ['tickers.BTCUSDT']);
  assert.equal(link.receive(ticker('delta', { lowPrice24h: '0.5' })), 'undecoded');
  link.receive(ticker('snapshot', { lastPrice: '1' }));
  link.invalidateAll();
  assert.equal(link.receive(ticker('delta', { lowPrice24h: '0.5' })), 'undecoded');
  assert.equal(link.table('tickers').length, 2);
});

test('what is documented but not turned into rows is named; what nobody has described is unknown', () => {
  const cases: [message: string | object, reason: string, channel: string | null, symbol: string | null][] = [
    [{ topic: 'kline.5.BTCUSDT', data: [], ts: TS, type: 'snapshot' }, 'not-handled', 'candles', 'BTCUSDT'],
    [{ topic: 'allLiquidation.A', type: 'snapshot', ts: TS, data: [] }, 'not-handled', 'liquidations', 'A'],
    [{ topic: 'orderbook.rpi.A', type: 'delta', data: {} }, 'not-handled', 'book', 'A'],
    [{ topic: 'orderbook.full.A', type: 'delta', data: {} }, 'not-handled', 'book', 'A'],
    [{ topic: 'priceLimit.BTCUSDT', data: {}, ts: TS }, 'not-handled', null, 'BTCUSDT'],
    [{ topic: 'insurance.USDT', type: 'delta', data: [] }, 'not-handled', null, null],
    [{ topic: 'adlAlert.USDT', type: 'snapshot', data: [] }, 'not-handled', null, null],
    [{ topic: 'system.status', ts: TS, data: [] }, 'not-handled', null, null],
    [{ topic: 'nothing.BTCUSDT' }, 'unknown', null, null],
    [{ topic: 'constructor.BTCUSDT' }, 'unknown', null, null],
    [{ topic: 'publicTrade.' }, 'unknown', null, null],
    [{ topic: '' }, 'unknown', null, null],
    [{ topic: 5 }, 'unknown', null, null],
    [{}, 'unknown', null, null],
    ['[1]', 'unknown', null, null],
    ['{"topic":"publicTrade.BTCUSDT","da', 'malformed', null, null],
    ['', 'malformed', null, null],
    ['\u0000', 'malformed', null, null],
  ];
  const link = new TestLink('linear');
  for (const [message, reason, channel, symbol] of cases) {
    assert.equal(link.receive(message), 'undecoded');
    const row = link.rows.at(-1);
    assert.deepEqual(
      [row?.reason, row?.channel, row?.symbol],
      [reason, channel, symbol],
      JSON.stringify(message),
    );
  }
  assert.deepEqual(link.errors, []);
});

test('a topic given twice is what JSON.parse takes it for, also where the first one is known', () => {
  const once = JSON.stringify(trades([trade('b', { s: undefined })]));
  const text = `${once.slice(0, -1)},"topic":"publicTrade.ETHUSDT"}`;
  const fresh = new TestLink('linear');
  assert.equal(fresh.receive(text), 'rows');
  const link = new TestLink('linear');
  link.receive(trades([trade('a')]));
  assert.equal(link.receive(text), 'rows');
  assert.deepEqual(
    [...fresh.rows, ...link.rows].map((row) => [row.symbol, row.id]),
    [
      ['ETHUSDT', 'b'],
      ['BTCUSDT', 'a'],
      ['ETHUSDT', 'b'],
    ],
  );
});

test('a ticker column that is null or empty is cleared, one that is absent stays', () => {
  const link = new TestLink('linear');
  link.receive(ticker('snapshot', { lastPrice: '10', bid1Price: '9', ask1Price: '11' }));
  assert.equal(link.receive(ticker('delta', { bid1Price: null, ask1Price: '' })), 'rows');
  assert.equal(link.receive(ticker('delta', { bid1Price: '', ask1Price: null })), 'repeat');
  const row = link.table('tickers').at(-1);
  assert.deepEqual([row?.last_price, row?.bid_price, row?.ask_price], [10, null, null]);
});

test('a server that invents topics without end is not remembered without end', () => {
  const link = new TestLink('spot');
  for (let n = 0; n < 5000; n++) link.receive(trades([], { topic: `publicTrade.A${n}` }));
  assert.equal(link.outcomes.repeat, 4096);
  assert.equal(link.outcomes.undecoded, 904);
});

test('state taken through JSON in the middle gives the same rows as going on', () => {
  const messages: object[] = [
    quote(10, 5, [['1.5', '2']], [['1.6', '3']]),
    ticker('snapshot', { lastPrice: '10', bid1Price: '', volume24h: '3' }),
    quote(10, 5, [['1.5', '2']], [['1.6', '3']]),
    ticker('delta', { volume24h: '4' }),
    quote(11, 6, [], []),
    ticker('delta', { volume24h: '4.0' }),
    ticker('delta', { bid1Price: '9', lastPrice: '' }),
  ];
  for (let cut = 0; cut <= messages.length; cut++) {
    const whole = new TestLink('linear');
    const outcomes: Outcome[] = messages.map((message) => whole.receive(message));
    const first = new TestLink('linear');
    const before = messages.slice(0, cut).map((message) => first.receive(message));
    const second = new TestLink('linear', first.state(), first.ordinal);
    second.now = first.now;
    const after = messages.slice(cut).map((message) => second.receive(message));
    assert.deepEqual([...before, ...after], outcomes, `cut at ${cut}`);
    assert.deepEqual([...first.rows, ...second.rows], whole.rows, `cut at ${cut}`);
    assert.deepEqual(second.state(), whole.state(), `cut at ${cut}`);
  }
});

const CORPUS = process.env.FEEDTAPE_CORPUS;
const skip = CORPUS === undefined && 'FEEDTAPE_CORPUS names no folder of captures';

test('a capture of level 1: 337 quotes, of which 61 repeat a u, and 10 acks', { skip }, () => {
  const links = new Map<string, TestLink>();
  let acks = 0;
  for (const line of readFileSync(join(CORPUS ?? '', 'bybit-v5.jsonl'), 'utf8')
    .trim()
    .split('\n')) {
    const entry = JSON.parse(line) as { t: string; conn: string; url: string; data: string };
    if (entry.t === 'open') {
      const meaning = bybit.readUrl(new URL(entry.url));
      links.set(entry.conn, new TestLink(meaning?.market ?? ''));
    }
    if (entry.t === 'sent') links.get(entry.conn)?.sent(JSON.parse(entry.data) as object);
    if (entry.t === 'recv' && links.get(entry.conn)?.receive(entry.data) === 'control') acks++;
  }
  const all = [...links.values()];
  const sum = (count: (link: TestLink) => number): number =>
    all.reduce((total, link) => total + count(link), 0);
  assert.equal(all.length, 2);
  assert.equal(acks, 10);
  assert.equal(
    sum((link) => link.table('quotes').length),
    276,
  );
  assert.equal(
    sum((link) => link.outcomes.rows),
    276,
  );
  assert.equal(
    sum((link) => link.outcomes.repeat),
    61,
  );
  assert.equal(
    sum((link) => link.outcomes.undecoded),
    0,
  );
  assert.deepEqual(
    all.flatMap((link) => [...link.errors, ...link.broken, ...link.requests]),
    [],
  );
});
