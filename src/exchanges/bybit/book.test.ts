import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rebuilt, TestLink } from './harness.test.ts';

const TS = 1_687_940_967_466;

type Level = [price: string, size: string];

function message(type: string, u: number, b: Level[], a: Level[], more: object = {}): object {
  const data = { s: 'BTCUSDT', b, a, u, seq: u * 2 };
  return { topic: 'orderbook.50.BTCUSDT', type, ts: TS, data, cts: TS - 2, ...more };
}

function opened(): TestLink {
  const link = new TestLink('linear');
  assert.equal(link.receive(message('snapshot', 7, [['100', '1']], [['101', '2']])), 'rows');
  return link;
}

test('a snapshot begins with the row that clears, and a delta sets and deletes absolutely', () => {
  const link = opened();
  assert.equal(
    link.receive(
      message(
        'delta',
        8,
        [
          ['100', '0'],
          ['99', '4'],
        ],
        [['101', '2.5']],
      ),
    ),
    'rows',
  );
  assert.deepEqual(
    link
      .table('book')
      .map((row) => [row.is_snapshot, row.step, row.side, row.price, row.amount, row.sequence]),
    [
      [true, 1, null, null, null, 7],
      [true, 1, 'bid', 100, 1, 7],
      [true, 1, 'ask', 101, 2, 7],
      [false, 2, 'bid', 100, 0, 8],
      [false, 2, 'bid', 99, 4, 8],
      [false, 2, 'ask', 101, 2.5, 8],
    ],
  );
  const [first] = link.table('book');
  assert.deepEqual(
    [first?.timestamp, first?.origin, first?.valid, first?.feed],
    [(TS - 2) * 1000, 'feed', true, 'orderbook.50'],
  );
  assert.equal(link.proven[0]?.symbol, 'BTCUSDT');
});

test('without cts the push time stands in, quoted or not', () => {
  const link = new TestLink('spot');
  link.receive(message('snapshot', 7, [], [], { cts: undefined, ts: String(TS) }));
  assert.equal(link.table('book')[0]?.timestamp, TS * 1000);
});

test('a hole is a gap: the book is distrusted, subscribed again, and silent until its snapshot', () => {
  const link = opened();
  assert.equal(link.receive(message('delta', 9, [['100', '5']], [])), 'held');
  assert.deepEqual(link.broken, [
    {
      stream: { market: 'linear', channel: 'book', feed: 'orderbook.50', symbol: 'BTCUSDT' },
      breach: { cause: 'sequence', detail: 'expected u 8, got 9', fromSequence: 7, toSequence: 9 },
    },
  ]);
  assert.deepEqual(link.resubscribed(), ['orderbook.50.BTCUSDT']);
  assert.equal(rebuilt(link.table('book')), null);
  const rows = link.rows.length;
  assert.equal(link.receive(message('delta', 10, [['100', '6']], [])), 'held');
  assert.equal(link.rows.length, rows);
  assert.equal(link.receive(message('snapshot', 11, [['98', '1']], [])), 'rows');
  assert.deepEqual(rebuilt(link.table('book')), { bid: { 98: 1 }, ask: {} });
  assert.equal(link.receive(message('delta', 12, [], [['103', '1']])), 'rows');
  assert.equal(link.broken.length, 1);
});

test('old deltas are repeats; a hundred in a row mean that u was reset', () => {
  const link = opened();
  for (let n = 0; n < 100; n++)
    assert.equal(link.receive(message('delta', 2 + (n % 6), [['1', '1']], [])), 'repeat');
  assert.equal(link.receive(message('delta', 7, [['1', '1']], [])), 'held');
  assert.equal(link.broken[0]?.breach.cause, 'sequence');
  assert.equal(rebuilt(link.table('book')), null);
});

test('old deltas are counted in a row only, and across a saved state', () => {
  const old = message('delta', 7, [['1', '1']], []);
  const link = opened();
  for (let n = 0; n < 60; n++) link.receive(old);
  link.receive(message('delta', 8, [['99', '1']], []));
  for (let n = 0; n < 60; n++) assert.equal(link.receive(old), 'repeat');
  const later = new TestLink('linear', link.state(), link.ordinal);
  for (let n = 0; n < 40; n++) assert.equal(later.receive(old), 'repeat');
  assert.equal(later.receive(old), 'held');
});

test('the wait for a snapshot is over when it comes: a later wait begins anew', () => {
  const link = new TestLink('linear');
  link.receive(message('delta', 6, [], []));
  link.receive(message('snapshot', 7, [], []));
  link.now += 6_000_000;
  link.sent({ op: 'unsubscribe', args: ['orderbook.50.BTCUSDT'] });
  assert.equal(link.receive(message('delta', 8, [], [])), 'held');
  assert.deepEqual(link.requests, []);
});

test('a delta that changes nothing moves the number on and gives no row', () => {
  const link = opened();
  assert.equal(link.receive(message('delta', 8, [], [])), 'repeat');
  assert.equal(link.receive(message('delta', 9, [['100', '3']], [])), 'rows');
  assert.deepEqual(link.broken, []);
});

test('u = 1 replaces the book whatever the type says, also with nothing', () => {
  const link = opened();
  assert.equal(link.receive(message('delta', 1, [['90', '1']], [])), 'rows');
  assert.deepEqual(rebuilt(link.table('book')), { bid: { 90: 1 }, ask: {} });
  assert.equal(link.receive(message('delta', 2, [['91', '1']], [])), 'rows');
  assert.equal(link.receive(message('snapshot', 1, [], [])), 'rows');
  assert.deepEqual(rebuilt(link.table('book')), { bid: {}, ask: {} });
  assert.deepEqual(link.broken, []);
});

test('a snapshot nobody asked for replaces the book, even one with a smaller u', () => {
  const link = opened();
  assert.equal(link.receive(message('snapshot', 3, [['90', '1']], [['91', '1']])), 'rows');
  assert.deepEqual(rebuilt(link.table('book')), { bid: { 90: 1 }, ask: { 91: 1 } });
  assert.equal(link.receive(message('delta', 4, [['90', '0']], [])), 'rows');
});

test('deltas before the first snapshot are held without rows; after five seconds the topic is asked for again', () => {
  const link = new TestLink('spot');
  assert.equal(link.receive(message('delta', 8, [['100', '1']], [])), 'held');
  assert.deepEqual([link.rows, link.broken, link.requests], [[], [], []]);
  link.now += 5_000_000;
  for (let n = 0; n < 3; n++) link.receive(message('delta', 9 + n, [['100', '1']], []));
  assert.deepEqual(link.resubscribed(), ['orderbook.50.BTCUSDT']);
  link.now += 5_000_000;
  link.receive(message('delta', 12, [['100', '1']], []));
  assert.equal(link.requests.length, 2);
});

test('a broken message invalidates its book alone, whatever part of it was applied', () => {
  for (const bad of [
    message(
      'delta',
      8,
      [
        ['100', '5'],
        ['99', 'x'],
      ],
      [],
    ),
    message(
      'delta',
      8,
      [
        ['100', '5'],
        ['', '1'],
      ],
      [],
    ),
    message(
      'delta',
      8,
      [
        ['100', '5'],
        ['99', '-1'],
      ],
      [],
    ),
    message('delta', 8, [['100', '5']], [], { data: { s: 'BTCUSDT', b: {}, a: [], u: 8 } }),
    message('delta', 8.5, [['100', '5']], []),
    message('changed', 8, [['100', '5']], []),
    message('delta', 8, [], [], { data: null }),
    { ...message('delta', 8, [], []), data: { s: 'ETHUSDT', b: [], a: [], u: 8 } },
  ]) {
    const link = opened();
    const other = { topic: 'orderbook.200.BTCUSDT' };
    link.receive(message('snapshot', 40, [['1', '1']], [], other));
    assert.equal(link.receive(bad), 'undecoded', JSON.stringify(bad));
    assert.equal(rebuilt(link.table('book').filter((row) => row.feed === 'orderbook.50')), null);
    assert.deepEqual(link.resubscribed(), ['orderbook.50.BTCUSDT']);
    assert.equal(link.receive(message('delta', 41, [['1', '2']], [], other)), 'rows');
    assert.equal(link.receive(message('delta', 9, [['1', '2']], [])), 'held');
  }
});

test('after a client leaves a topic its book is not trusted; a closed link trusts none', () => {
  const link = opened();
  link.sent({ op: 'unsubscribe', args: ['orderbook.200.BTCUSDT', 'publicTrade.BTCUSDT'] });
  assert.ok(rebuilt(link.table('book')) !== null);
  link.sent({ op: 'unsubscribe', args: ['orderbook.50.BTCUSDT'] });
  assert.equal(rebuilt(link.table('book')), null);
  const closed = opened();
  closed.invalidateAll();
  assert.equal(rebuilt(closed.table('book')), null);
  assert.deepEqual([link.requests, closed.requests], [[], []]);
});

test('a new file opens with the book as it is, and step counts from one again', () => {
  const link = opened();
  link.receive(message('delta', 8, [['99', '4']], []));
  const before = rebuilt(link.table('book'));
  link.rows.length = 0;
  link.openingSnapshots();
  assert.deepEqual(rebuilt(link.table('book')), before);
  assert.ok(link.rows.every((row) => row.origin === 'ours' && row.step === 1 && row.sequence === 8));
  link.receive(message('delta', 9, [['99', '0']], []));
  assert.equal(link.rows.at(-1)?.step, 2);
});
