import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../record/index.ts';
import { TradeMemory } from '../trade-memory.ts';
import { depthPush, Harness, smallMarket } from './harness.test.ts';
import { coinex } from './index.ts';

const subscribeText = (channel: string, list: unknown[], id = 1) =>
  JSON.stringify({ method: `${channel}.subscribe`, params: { market_list: list }, id });

const deals = (market: string, ...ids: (number | string)[]) => ({
  method: 'deals.update',
  data: {
    market,
    deal_list: ids.map((id) => ({
      deal_id: id,
      created_at: 1689152421692,
      side: 'buy',
      price: '2',
      amount: '1',
    })),
  },
  id: null,
});

const states = (...markets: string[]) => ({
  method: 'state.update',
  data: { state_list: markets.map((market) => ({ market, last: '1', volume: '2' })) },
  id: null,
});

/** `[method, market_list]` of each text of a request to send. */
function sends(link: Harness): unknown[] {
  return link.requests.map((request) =>
    request.kind === 'send'
      ? request.texts.map((text) => {
          const { method, params } = JSON.parse(text) as { method: string; params: { market_list: Json } };
          return [method, params.market_list];
        })
      : request.kind,
  );
}

test('trades are written once, across links and subscriptions, oldest first by number', () => {
  const trades = new TradeMemory();
  const first = new Harness('spot', trades);
  assert.equal(first.receive(deals('BTCUSDT', 100, 99, '9')), 'rows');
  assert.deepEqual(
    first.rows.map(({ id }) => id),
    ['9', '99', '100'],
  );
  const second = new Harness('spot', trades);
  assert.equal(second.receive(deals('BTCUSDT', 100, 99)), 'repeat');
  assert.equal(second.receive(deals('BTCUSDT')), 'repeat');
  assert.equal(second.receive(deals('BTCUSDT', 101, 100)), 'rows');
  assert.deepEqual(
    second.rows.map(({ id }) => id),
    ['101'],
  );
  assert.equal(second.receive(deals('ETHUSDT', 100)), 'rows');
});

test('an id above 2^53 has lost digits: the message is malformed, and the stream is marked', () => {
  const link = new Harness();
  assert.equal(link.receive(deals('BTCUSDT', 2 ** 53)), 'undecoded');
  assert.equal(link.rows[0]?.reason, 'malformed');
  assert.deepEqual(
    link.breaches.map(({ stream }) => stream),
    ['trades deals BTCUSDT'],
  );
  assert.equal(link.receive(deals('BTCUSDT', '9007199254740993')), 'rows');
  assert.equal(link.rows[1]?.id, '9007199254740993');
});

test('an id that is not all digits makes its message malformed', () => {
  const link = new Harness();
  for (const id of ['12a', '-1', '1.0', ' 1', 'x'])
    assert.equal(link.receive(deals('BTCUSDT', 5, id)), 'undecoded', id);
  assert.deepEqual([...new Set(link.rows.map(({ reason }) => reason))], ['malformed']);
  assert.equal(link.breaches.length, 5);
  assert.equal(link.receive(deals('BTCUSDT', 5)), 'rows');
});

test('a number that is none throws, blamed on the stream that the push was for', () => {
  const link = new Harness();
  link.planned.push({ market: 'spot', channel: 'ticker', feed: 'state', symbol: 'BTCUSDT' });
  link.sent(subscribeText('state', ['BTCUSDT']));
  const state = { market: 'BTCUSDT', last: 'x' };
  const deal = { deal_id: 1, side: 'buy', price: 'x', amount: '1' };
  for (const [method, data, heard] of [
    ['state', { state_list: [state, { market: 'AUSDT' }] }, 'ticker state BTCUSDT'],
    ['deals', { market: 'A', deal_list: [deal] }, 'trades deals A'],
    ['bbo', { market: 'A', best_bid_price: 'x' }, 'quotes bbo A'],
    ['depth', { market: 'A', is_full: true, depth: { bids: [['x', '1']] } }, 'book depth.50.0 A'],
  ] as const) {
    assert.throws(() => link.receive({ method: `${method}.update`, data, id: null }), TypeError);
    assert.equal(link.heard.at(-1), heard);
  }
  assert.deepEqual([link.rows, link.breaches], [[], []]);
});

test('a side of a quote without price or without size is empty: both are null', () => {
  const link = new Harness();
  const sides = [['1', '0'], ['1', ''], ['0', '1'], ['', '1'], ['1']];
  for (const [best_bid_price, best_bid_size] of sides) {
    const data = { market: 'A', best_bid_price, best_bid_size, best_ask_price: '2', best_ask_size: '3' };
    assert.equal(link.receive({ method: 'bbo.update', data, id: null }), 'rows');
    const { bid_price, bid_amount, ask_price, ask_amount, timestamp } = link.rows.at(-1) ?? assert.fail();
    assert.deepEqual([bid_price, bid_amount, ask_price, ask_amount, timestamp], [null, null, 2, 3, null]);
  }
});

test('ticker rows come for the markets asked for; all of them where all were asked or nothing is known', () => {
  const link = new Harness();
  assert.equal(link.receive(states('AUSDT')), 'rows', 'a lone message');
  link.planned.push({ market: 'spot', channel: 'ticker', feed: 'state', symbol: 'BTCUSDT' });
  link.sent(subscribeText('state', ['BTCUSDT']));
  assert.equal(link.receive(states('AUSDT', 'CUSDT')), 'repeat');
  assert.equal(link.receive(states('AUSDT', 'BTCUSDT', 'BTCUSDT_INDEX')), 'rows');
  link.sent(subscribeText('state', []));
  assert.equal(link.receive(states('AUSDT')), 'rows');
  assert.equal(link.receive(states('ETHUSD_SIGNPRICE')), 'repeat');
  assert.deepEqual(
    link.table('tickers').map(({ symbol }) => symbol),
    ['AUSDT', 'BTCUSDT', 'AUSDT'],
  );
});

test('a list that does not name everything wanted is followed by one that does', () => {
  const link = new Harness();
  link.sent(subscribeText('deals', ['A', 'B'], 1));
  link.sent(subscribeText('depth', [['A', 50, '0', false]], 2));
  link.sent(subscribeText('deals', ['B', 'A'], 3));
  assert.deepEqual(link.requests, []);
  link.sent(subscribeText('deals', ['C'], 4));
  link.sent(subscribeText('depth', [['B', 20, '0.1', true]], 5));
  assert.deepEqual(sends(link), [
    [['deals.subscribe', ['A', 'B', 'C']]],
    [
      [
        'depth.subscribe',
        [
          ['A', 50, '0', false],
          ['B', 20, '0.1', true],
        ],
      ],
    ],
  ]);
});

test('a market that was refused is not asked for again', () => {
  const link = new Harness();
  link.sent(subscribeText('deals', ['A'], 1));
  assert.equal(link.receive({ id: 1, code: 0, message: 'OK' }), 'control');
  link.sent(subscribeText('deals', ['A', 'BAD'], 2));
  assert.equal(link.receive({ id: 2, code: 20001, message: 'invalid parameters' }), 'control');
  link.sent(subscribeText('deals', ['B'], 3));
  assert.deepEqual(sends(link), [[['deals.subscribe', ['A', 'B']]]]);
});

test('a broken book is asked for afresh, with the full list of the channel behind it', () => {
  const link = new Harness();
  const list = [
    ['BTCUSDT', 20, '0', false],
    ['ETHUSDT', 50, '0', false],
  ];
  link.sent(subscribeText('depth', list));
  link.receive(depthPush(true, { bids: [['1', '1']], updated_at: 1689152421692 }));
  link.receive(depthPush(true, { bids: [['2', '1']], updated_at: 1689152421692 }, 'ETHUSDT'));
  assert.equal(link.receive(depthPush(false, { updated_at: 1689152421691 })), 'rows');
  assert.deepEqual(link.breaches, [
    {
      stream: 'book depth.20.0 BTCUSDT',
      breach: {
        cause: 'sequence',
        detail: 'updated_at went back from 1689152421692000 to 1689152421691000 µs',
      },
    },
  ]);
  assert.deepEqual(sends(link), [
    [
      ['depth.unsubscribe', ['BTCUSDT']],
      ['depth.subscribe', list],
    ],
  ]);
  const [request] = link.requests;
  for (const text of request?.kind === 'send' ? request.texts : []) link.sent(text);
  assert.equal(link.requests.length, 1, 'its own messages ask for nothing more');
  assert.equal(link.receive(depthPush(false, { bids: [['3', '1']] })), 'held');
  assert.equal(link.rebuilt('BTCUSDT'), null);
  assert.equal(link.receive(depthPush(false, { bids: [['3', '1']] }, 'ETHUSDT')), 'rows');
  assert.equal(link.receive(depthPush(true, { bids: [['3', '1']], updated_at: 1689152421000 })), 'rows');
  assert.deepEqual(link.rebuilt('BTCUSDT')?.bid, [[3, 1]]);
});

test('while a book is being asked for afresh, another one that breaks does not push it out of the list', () => {
  const link = new Harness();
  link.sent(
    subscribeText('depth', [
      ['A', 50, '0', false],
      ['B', 50, '0', false],
    ]),
  );
  link.event((decoder) => decoder.received(link.frame('gzip', JSON.stringify(depthPush(true, {}, 'A')))));
  link.receive(depthPush(false, { bids: 1 }, 'A'));
  const [first] = link.requests;
  link.sent((first?.kind === 'send' && first.texts[0]) || '');
  link.receive(depthPush(false, { bids: 1 }, 'B'));
  assert.deepEqual((sends(link)[1] as unknown[])[1], [
    'depth.subscribe',
    [
      ['A', 50, '0', false],
      ['B', 50, '0', false],
    ],
  ]);
});

test('changes that are held for more than 75 s ask for a full push', () => {
  const link = new Harness();
  assert.equal(link.receive(depthPush(false, { bids: [['1', '1']] })), 'held');
  link.time += 74_000_000;
  assert.equal(link.receive(depthPush(false, { bids: [['1', '1']] })), 'held');
  assert.equal(link.requests.length, 0);
  link.reopen();
  link.time += 1_000_000;
  assert.equal(link.receive(depthPush(false, { bids: [['1', '1']] })), 'held');
  assert.equal(link.requests.length, 1);
  assert.equal(link.rows.length, 0);
});

test('bytes that are not JSON end the link; broken text inside gzip ends only what it was about', () => {
  const link = new Harness();
  const full = (market: string) => link.receive(depthPush(true, { bids: [['1', '1']] }, market));
  full('A');
  full('B');
  assert.equal(link.receive('\u001f\u008b\u0008 not whole', 'received'), 'undecoded');
  assert.deepEqual(link.requests, [{ kind: 'reconnect', reason: 'a message could not be read' }]);
  assert.deepEqual([link.rebuilt('A'), link.rebuilt('B')], [null, null]);
  full('A');
  full('B');
  link.requests.length = 0;
  assert.equal(link.receive('{"method":"bbo.update","data":{"market":"A","upd'), 'undecoded');
  assert.equal(link.receive('{"method":"state.upd'), 'undecoded', 'cannot be told from depth');
  assert.deepEqual([link.rebuilt('A'), link.rebuilt('B')], [null, null]);
  full('A');
  full('B');
  assert.equal(link.receive('{"method":"state.update","da'), 'undecoded');
  assert.notEqual(link.rebuilt('A'), null);
  assert.equal(link.receive('{"method":"depth.update","data":{"market":"A","is_f'), 'undecoded');
  assert.equal(link.rebuilt('A'), null);
  assert.notEqual(link.rebuilt('B'), null);
  assert.equal(link.receive({ method: 'depth.update', data: {} }), 'undecoded');
  assert.equal(link.rebuilt('B'), null);
});

test('a decoder opened from the state of another goes on with the same rows', () => {
  const run = (reopenAt: number): Harness => {
    const link = new Harness('futures');
    const model = smallMarket(['BTCUSDT', 'ETHUSDT'], 7);
    const url = new URL('ws://127.0.0.1/v2/futures');
    const server =
      coinex.simulate('futures', model).connect(url, (text) => link.receive(text)) ?? assert.fail();
    const list = [
      ['BTCUSDT', 20, '0', false],
      ['ETHUSDT', 10, '0.1', false],
    ];
    for (const [channel, entries] of [
      ['depth', list],
      ['deals', ['BTCUSDT']],
      ['state', []],
    ] as const) {
      const text = subscribeText(channel, [...entries]);
      link.sent(text);
      server.receive(text);
    }
    link.receive(depthPush(false, { updated_at: 1 }, 'ETHUSDT'));
    for (let n = 0; n < 60; n++) {
      if (n === reopenAt) link.reopen();
      server.publish();
      if (n === 40) link.event((decoder) => decoder.openingSnapshots());
    }
    return link;
  };
  const whole = run(-1);
  assert.ok(whole.checksums.matched > 10 && whole.table('book').length > 50);
  for (const at of [0, 13, 30, 59]) {
    const parted = run(at);
    assert.deepEqual(parted.rows, whole.rows);
    assert.deepEqual(parted.decoder.state(), whole.decoder.state());
    assert.deepEqual(parted.requests, whole.requests);
  }
});

test('routing alone is enough to know the feeds of a link', () => {
  const link = new Harness();
  link.sent(subscribeText('depth', [['BTCUSDT', 10, '1', false]]));
  const routing = JSON.parse(JSON.stringify(link.decoder.routing())) as Json;
  const names: string[] = [];
  const host = { ...hostless(), stream: (_channel: string, feed: string) => names.push(feed) };
  const decoder = coinex.openDecoder({ link: 1, market: 'spot', url: '', routing }, host as never);
  assert.throws(() =>
    decoder.received(link.frame('gzip', JSON.stringify(depthPush(false, { updated_at: 1 })))),
  );
  assert.deepEqual(names, ['depth.10.1']);
});

/** A host that refuses everything but naming a stream. */
function hostless(): object {
  const refuse = (): never => {
    throw new Error('not in this test');
  };
  return { heard: refuse, undecoded: refuse, request: refuse };
}

test('hostile messages crash nothing and leave no book valid that should not be', () => {
  const link = new Harness();
  const values = [null, 0, -1, '', 'x', [], [[]], {}, [[['1']]], 1e300, true, '__proto__'];
  for (const method of ['deals', 'depth', 'bbo', 'state', 'index', 'premium'])
    for (const key of ['market', 'deal_list', 'depth', 'state_list', 'is_full', 'updated_at'])
      for (const value of values) {
        const data = { market: 'A', is_full: true, [key]: value };
        const text = JSON.stringify({ method: `${method}.update`, data, id: null });
        assert.match(link.receive(text), /^(rows|repeat|held|undecoded)$/, text);
      }
  for (const text of ['', '{', 'null', '7', '[]', '{}', '{"id":{}}', '{"method":"toString"}'])
    assert.match(link.receive(text), /^(control|undecoded)$/, text);
});
