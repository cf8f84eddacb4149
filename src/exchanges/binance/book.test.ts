import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELD_COUNT_MAX, judge, STALE_MAX } from './book.ts';
import { TestLink } from './harness.test.ts';

const DEPTH = 'https://api.binance.com/api/v3/depth?symbol=BNBBTC&limit=1000';
const FUTURES_DEPTH = 'https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000';

function spotDiff(link: TestLink, U: number, u: number, levels: object = { b: [['0.0024', '10']], a: [] }) {
  return link.data('bnbbtc@depth@100ms', {
    e: 'depthUpdate',
    E: 1672515782136,
    s: 'BNBBTC',
    U,
    u,
    ...levels,
  });
}

function futuresDiff(link: TestLink, pu: number, U: number, u: number) {
  const levels = { b: [['7403.89', '0.002']], a: [['7405.96', '3.340']] };
  const times = { E: 1571889248277, T: 1571889248276 };
  return link.data('btcusdt@depth@100ms', { e: 'depthUpdate', ...times, s: 'BTCUSDT', U, u, pu, ...levels });
}

function snapshot(lastUpdateId: number) {
  return { lastUpdateId, bids: [['4.00000000', '431.00000000']], asks: [['4.00000200', '12.00000000']] };
}

const ids = (first: number, last: number, previous = Number.NaN) => ({ first, last, previous });

test('the spot rule: U <= local + 1 <= u', () => {
  assert.equal(judge('spot', ids(157, 160), 156, false), 'apply');
  assert.equal(judge('spot', ids(157, 160), 157, false), 'apply');
  assert.equal(judge('spot', ids(157, 160), 159, true), 'apply');
  assert.equal(judge('spot', ids(157, 160), 160, true), 'stale');
  assert.equal(judge('spot', ids(157, 160), 155, false), 'gap');
  assert.equal(judge('spot', ids(157, 160), -1, false), 'apply');
});

test('the futures rule: first by U <= local <= u or pu == local, then by pu alone', () => {
  assert.equal(judge('futures', ids(20, 30, 15), 20, false), 'apply');
  assert.equal(judge('futures', ids(20, 30, 15), 30, false), 'apply');
  assert.equal(judge('futures', ids(20, 30, 15), 15, false), 'apply');
  assert.equal(judge('futures', ids(20, 30, 15), 19, false), 'gap');
  assert.equal(judge('futures', ids(20, 30, 15), 31, false), 'stale');
  assert.equal(judge('futures', ids(20, 30, 15), 15, true), 'apply');
  assert.equal(judge('futures', ids(20, 30, 15), 25, true), 'gap');
  assert.equal(judge('futures', ids(20, 30, 15), 30, true), 'stale');
});

test('the snapshot is asked for once a diff is held, and joined with what continues it', () => {
  const link = new TestLink('spot');
  assert.equal(spotDiff(link, 157, 160), 'held');
  assert.equal(spotDiff(link, 161, 165), 'held');
  assert.deepEqual(link.requests, [
    { kind: 'rest', stream: 0, path: '/api/v3/depth?symbol=BNBBTC&limit=1000' },
  ]);
  assert.equal(link.rest(DEPTH, snapshot(160)), 'rows');
  assert.equal(link.proven.length, 1);
  const seen = link.rows.map(({ frame, row, step, side, price, sequence, is_snapshot, origin }) => [
    frame,
    row,
    step,
    side,
    price,
    sequence,
    is_snapshot,
    origin,
  ]);
  assert.deepEqual(seen, [
    [3, 0, 1, null, null, 160, true, 'rest'],
    [3, 1, 1, 'bid', 4, 160, true, 'rest'],
    [3, 2, 1, 'ask', 4.000002, 160, true, 'rest'],
    [2, 0, 2, 'bid', 0.0024, 165, false, 'feed'],
  ]);
  assert.equal(spotDiff(link, 166, 166), 'rows');
  assert.equal(spotDiff(link, 166, 166), 'repeat');
  assert.equal(link.requests.length, 1);
});

test('a snapshot older than the chain, and an answer that is none, are asked for again; the chain stays', () => {
  const link = new TestLink('spot');
  spotDiff(link, 157, 160);
  assert.equal(link.rest(DEPTH, snapshot(155)), 'control');
  assert.equal(link.rest(DEPTH, '{"code":-1003,"msg":"Too many requests"}', 429), 'control');
  assert.equal(link.rest(DEPTH, 'connection reset', 0), 'control');
  assert.equal(link.rest(DEPTH, { ...snapshot(160), bids: [['4.0', '-1']] }), 'control');
  assert.equal(link.rest(DEPTH, snapshot(-1)), 'control');
  assert.equal(link.requests.length, 6);
  assert.deepEqual(link.rows, []);
  assert.equal(link.rest(DEPTH, snapshot(157)), 'rows');
  assert.deepEqual(link.broken, []);
});

test('a hole in a live book is a gap: the book is void, the diff held, a snapshot asked for', () => {
  const link = new TestLink('usdm');
  futuresDiff(link, 10, 15, 20);
  link.rest(FUTURES_DEPTH, { ...snapshot(18), E: 1589436922972, T: 1589436922959 });
  assert.equal(futuresDiff(link, 20, 25, 30), 'rows');
  assert.equal(futuresDiff(link, 31, 33, 40), 'held');
  assert.deepEqual(link.broken, [
    {
      cause: 'sequence',
      detail: 'expected the diff after 30, got pu 31, u 40',
      fromSequence: 30,
      toSequence: 33,
    },
  ]);
  assert.equal(link.rows.at(-1)?.valid, false);
  assert.equal(link.requests.length, 2);
  link.rest(FUTURES_DEPTH, { ...snapshot(40), E: 1589436922972, T: 1589436922959 });
  assert.equal(link.rows.at(-1)?.sequence, 40);
  assert.equal(link.rows.at(-1)?.frame, 4, 'the held diff keeps its own frame');
  assert.equal(link.rows.at(-1)?.row, 2, 'and numbers its rows after the one that voided the book');
});

test('a direct continuation joins on futures: pu == lastUpdateId', () => {
  const link = new TestLink('usdm');
  futuresDiff(link, 390497794, 390497796, 390497878);
  assert.equal(link.rest(FUTURES_DEPTH, snapshot(390497794)), 'rows');
  assert.equal(futuresDiff(link, 390497878, 390497880, 390497890), 'rows');
  assert.deepEqual(link.broken, []);
});

test('once a live diff has continued a futures book, only pu does: an overlap of ids is no proof', () => {
  const link = new TestLink('usdm');
  futuresDiff(link, 10, 15, 20);
  link.rest(FUTURES_DEPTH, snapshot(25));
  assert.equal(futuresDiff(link, 20, 22, 30), 'rows', 'the first joins by U <= lastUpdateId <= u');
  assert.equal(futuresDiff(link, 26, 28, 40), 'held', 'the second may not');
  assert.equal(link.broken.length, 1);
});

test('a hole while waiting is a gap too, and no snapshot is joined across it', () => {
  const link = new TestLink('spot');
  spotDiff(link, 1, 2);
  spotDiff(link, 5, 6);
  assert.equal(link.broken.length, 1);
  assert.equal(link.rest(DEPTH, snapshot(2)), 'control');
  assert.equal(link.rest(DEPTH, snapshot(4)), 'rows');
});

test('an empty diff moves the id on and gives no row', () => {
  const link = new TestLink('spot');
  spotDiff(link, 1, 2);
  link.rest(DEPTH, snapshot(2));
  const rows = link.rows.length;
  assert.equal(spotDiff(link, 3, 4, { b: [], a: [] }), 'repeat');
  assert.equal(link.rows.length, rows);
  assert.equal(spotDiff(link, 5, 5), 'rows');
  assert.deepEqual(link.broken, []);
});

test('a new listing begins with an empty book of id -1 and whatever diff comes', () => {
  const link = new TestLink('spot');
  spotDiff(link, 7, 8);
  assert.equal(link.rest(DEPTH, { lastUpdateId: -1, bids: [], asks: [] }), 'rows');
  assert.deepEqual(
    link.rows.map(({ side, sequence }) => [side, sequence]),
    [
      [null, -1],
      ['bid', 8],
    ],
  );
  assert.equal(spotDiff(link, 9, 9), 'rows');
});

test('a snapshot ahead of the feed waits for the feed to catch up', () => {
  const link = new TestLink('usdm');
  futuresDiff(link, 10, 15, 20);
  assert.equal(link.rest(FUTURES_DEPTH, snapshot(35)), 'rows');
  assert.equal(futuresDiff(link, 20, 25, 30), 'repeat');
  assert.equal(futuresDiff(link, 30, 33, 40), 'rows');
  assert.deepEqual(link.broken, []);
});

test('ids that went backwards are not waited out for ever', () => {
  const link = new TestLink('spot');
  spotDiff(link, 1_000_000, 1_000_001);
  link.rest(DEPTH, snapshot(1_000_001));
  for (let id = 1; id <= STALE_MAX; id++) assert.equal(spotDiff(link, id, id), 'repeat');
  assert.equal(spotDiff(link, STALE_MAX + 1, STALE_MAX + 1), 'held');
  assert.equal(link.broken.length, 1);
  assert.equal(link.rest(DEPTH, snapshot(STALE_MAX + 1)), 'rows');
});

test('what is held is bounded: the oldest goes, and a gap says so', () => {
  const link = new TestLink('spot');
  for (let id = 1; id <= HELD_COUNT_MAX + 5; id++) assert.equal(spotDiff(link, id, id), 'held');
  assert.deepEqual(new Set(link.broken.map(({ cause }) => cause)), new Set(['overflow']));
  const { books } = link.decoder.state() as unknown as { books: { held: unknown[] }[] };
  assert.equal(books[0]?.held.length, HELD_COUNT_MAX);
  assert.equal(link.rest(DEPTH, snapshot(4)), 'control');
  assert.equal(link.rest(DEPTH, snapshot(5)), 'rows');
  assert.equal(link.requests.length, 2);
});

test('invalidate voids one book and asks again; a closed link voids all and asks nothing', () => {
  const link = new TestLink('spot');
  spotDiff(link, 1, 2);
  link.rest(DEPTH, snapshot(2));
  link.invalidate(0);
  assert.equal(link.rebuilt('BNBBTC'), null);
  assert.equal(link.requests.length, 2);
  assert.equal(spotDiff(link, 3, 3), 'held');
  link.rest(DEPTH, snapshot(3));
  assert.notEqual(link.rebuilt('BNBBTC'), null);
  link.invalidate(null);
  assert.equal(link.rebuilt('BNBBTC'), null);
  assert.equal(link.requests.length, 2);
  assert.equal(spotDiff(link, 4, 4), 'held');
  assert.equal(link.requests.length, 3, 'only the held diff asks');
});

test('a REST book before any diff joins the book that was asked for, and no other', () => {
  const asked = [{ market: 'spot', channel: 'book', feed: 'depth@100ms', symbol: 'BNBBTC' }] as const;
  const link = new TestLink('spot', { asked });
  assert.equal(link.rest(DEPTH, snapshot(156)), 'rows');
  assert.equal(spotDiff(link, 157, 160), 'rows');
  assert.equal(link.rest(DEPTH.replace('BNBBTC', 'ETHBTC'), snapshot(1)), 'undecoded');
});

test('two feeds of a symbol are two books', () => {
  const link = new TestLink('spot');
  spotDiff(link, 157, 160);
  link.data('bnbbtc@depth', { e: 'depthUpdate', E: 1, s: 'BNBBTC', U: 150, u: 159, b: [], a: [['5', '1']] });
  link.rest(DEPTH, snapshot(158));
  const steps = link.rows.map(({ feed, step }) => `${feed} ${step}`);
  assert.ok(steps.includes('depth@100ms 2') && steps.includes('depth 2'));
});
