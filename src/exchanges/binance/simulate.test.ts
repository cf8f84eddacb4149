import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject } from '../../record/index.ts';
import type { DialectSession } from '../simulation.ts';
import { TestLink, tinyMarket } from './harness.test.ts';
import { binance } from './index.ts';
import { decimalsOf, withDecimals } from './simulate-payloads.ts';

const SYMBOLS = { spot: 'BTCUSDT', us: 'BTCUSDT', usdm: 'BTCUSDT', coinm: 'BTCUSD_PERP' } as const;

function connect(market: string, path: string, seed = 7) {
  const symbol = SYMBOLS[market as keyof typeof SYMBOLS];
  const model = tinyMarket([symbol, 'ETHUSDT'], seed);
  const dialect = binance.simulate(market, model);
  const out: string[] = [];
  const session = dialect.connect(new URL(`ws://x${path}`), (text) => out.push(text));
  return { model, dialect, session, out, symbol };
}

function opened(market: string, path: string) {
  const all = connect(market, path);
  if (all.session === null) throw new Error(`${path} was refused`);
  return { ...all, session: all.session };
}

function request(session: DialectSession, out: string[], message: unknown): unknown {
  session.receive(typeof message === 'string' ? message : JSON.stringify(message));
  return JSON.parse(out.pop() ?? 'null');
}

for (const market of Object.keys(SYMBOLS)) {
  test(`${market}: what the simulated exchange sends decodes without a gap, and the books are the model's`, () => {
    const declared = binance.markets[market];
    const symbol = SYMBOLS[market as keyof typeof SYMBOLS];
    const streams = Object.entries(declared?.channels ?? {}).flatMap(([channel, { feeds }]) =>
      feeds.map((feed) => ({ market, channel: channel as 'book', feed, symbol })),
    );
    const plans = binance.planLinks({ market, streams, uri: 'ws://x' });
    assert.equal(plans.length, market === 'usdm' ? 2 : 1);
    for (const [index, plan] of plans.entries()) {
      const { model, dialect, session, out } = opened(market, plan.url.slice('ws://x'.length));
      const link = new TestLink(market, { url: plan.url });
      const flush = () => {
        for (const text of out.splice(0)) link.receive(text);
      };
      for (const message of plan.subscribe) session.receive(message.text);
      flush();
      assert.equal(link.outcomes.control, plan.subscribe.length, 'every SUBSCRIBE was acknowledged');
      assert.equal(session.active, plan.streams.length);
      for (let n = 0; n < 3000; n++) {
        session.publish();
        flush();
        for (const wish of link.requests.splice(0)) {
          assert.equal(wish.kind, 'rest');
          if (wish.kind !== 'rest' || n % 3 === 0) continue;
          const answer = dialect.rest(new URL(`http://x${wish.path}`));
          link.rest(`http://x${wish.path}`, answer?.body ?? '', answer?.status ?? 404);
        }
        if (n % 3 === 0 && n < 300) model.symbols[0]?.move(1);
      }
      assert.equal(link.outcomes.undecoded, 0);
      assert.equal(link.outcomes.repeat, 0);
      assert.ok(link.outcomes.rows > 2000, `${index}: ${JSON.stringify(link.outcomes)}`);
      assert.deepEqual(link.broken, []);
    }
  });
}

test('the rebuilt book equals the model after the last diff', () => {
  for (const market of ['spot', 'usdm'] as const) {
    const { model, dialect, session, out, symbol } = opened(
      market,
      `${market === 'usdm' ? '/public' : ''}/stream?streams=btcusdt@depth@100ms`,
    );
    const link = new TestLink(market);
    for (let n = 0; n < 300; n++) {
      session.publish();
      for (const text of out.splice(0)) link.receive(text);
      for (const wish of link.requests.splice(0))
        if (wish.kind === 'rest')
          link.rest(`http://x${wish.path}`, dialect.rest(new URL(`http://x${wish.path}`))?.body ?? '');
      const book = link.rebuilt(symbol);
      for (const side of ['bid', 'ask'] as const) {
        const truth = model.symbols[0]
          ?.levels(side, 1000)
          .map(({ price, amount }) => [Number(price), Number(amount)]);
        const rebuilt = [...(book?.[side] ?? [])].sort((a, b) =>
          side === 'bid' ? b[0] - a[0] : a[0] - b[0],
        );
        assert.deepEqual(rebuilt, truth);
      }
    }
    assert.deepEqual(link.broken, []);
  }
});

test('a model that forgot shows as a jump of ids, from which a client recovers', () => {
  const { model, dialect, session, out } = opened('usdm', '/public/stream?streams=btcusdt@depth@100ms');
  const link = new TestLink('usdm');
  const step = () => {
    session.publish();
    for (const text of out.splice(0)) link.receive(text);
    for (const wish of link.requests.splice(0))
      if (wish.kind === 'rest')
        link.rest(`http://x${wish.path}`, dialect.rest(new URL(`http://x${wish.path}`))?.body ?? '');
  };
  for (let n = 0; n < 10; n++) step();
  model.symbols[0]?.move(1000);
  for (let n = 0; n < 10; n++) step();
  assert.equal(link.broken.length, 1);
  assert.notEqual(link.rebuilt('BTCUSDT'), null);
});

test('futures ids leave holes between diffs, and a REST book of any moment lies in one of them by U <= id <= u', () => {
  const { model, dialect, session, out } = opened('usdm', '/public/stream?streams=btcusdt@depth@100ms');
  let previous: number | null = null;
  for (let n = 0; n < 50; n++) {
    model.symbols[0]?.move(1);
    const last = JSON.parse(
      dialect.rest(new URL('http://x/fapi/v1/depth?symbol=BTCUSDT'))?.body ?? '{}',
    ).lastUpdateId;
    session.publish();
    const { U, u, pu } = JSON.parse(out.pop() ?? '{}').data;
    assert.ok(U <= last && last <= u, `${U} <= ${last} <= ${u}`);
    assert.ok(U > pu + 1);
    if (previous !== null) assert.equal(pu, previous);
    previous = u;
  }
});

test('requests are answered as the real server answers them', () => {
  const { session, out } = opened('spot', '/stream');
  assert.deepEqual(
    request(session, out, { method: 'SUBSCRIBE', params: ['btcusdt@trade', 'nosuch@trade'], id: 1 }),
    {
      result: null,
      id: 1,
    },
  );
  assert.equal(session.active, 1, 'an unknown symbol is acknowledged and silent');
  assert.deepEqual(request(session, out, { method: 'LIST_SUBSCRIPTIONS', id: 3 }), {
    result: ['btcusdt@trade', 'nosuch@trade'],
    id: 3,
  });
  assert.deepEqual(request(session, out, { method: 'UNSUBSCRIBE', params: ['btcusdt@trade'], id: 312 }), {
    result: null,
    id: 312,
  });
  assert.equal(session.active, 0);
  session.publish();
  assert.deepEqual(out, []);
  const refusals: [unknown, number][] = [
    ['{', 3],
    ['[]', 2],
    [{ id: 1 }, 2],
    [{ method: 'NONSENSE', id: 1 }, 2],
    [{ method: 'SUBSCRIBE', params: ['b t c'], id: 1 }, 2],
    [{ method: 'SUBSCRIBE', params: [], id: 1 }, 2],
    [{ method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: {} }, 2],
    [{ method: 'SET_PROPERTY', params: ['combined', 1], id: 1 }, 1],
    [{ method: 'SET_PROPERTY', params: ['x', true], id: 1 }, 0],
  ];
  for (const [message, code] of refusals) {
    const answer = request(session, out, message);
    assert.equal(
      isObject(answer) && isObject(answer.error) && answer.error.code,
      code,
      JSON.stringify(message),
    );
  }
  assert.deepEqual(request(session, out, { method: 'SET_PROPERTY', params: ['combined', false], id: 5 }), {
    result: null,
    id: 5,
  });
  request(session, out, { method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: 6 });
  session.publish();
  assert.match(out[0] ?? '', /^\{"e":"trade"/);
});

test('USD-M acknowledges the wrong class and never speaks; without a class it is the book class', () => {
  for (const [path, active] of [
    ['/public/stream', ['btcusdt@depth@100ms', 'btcusdt@bookTicker', 'btcusdt@trade']],
    ['/stream', ['btcusdt@depth@100ms', 'btcusdt@bookTicker', 'btcusdt@trade']],
    ['/market/stream', ['btcusdt@aggTrade', 'btcusdt@ticker']],
  ] as const) {
    const { session, out } = opened('usdm', path);
    const params = [
      'btcusdt@depth@100ms',
      'btcusdt@bookTicker',
      'btcusdt@trade',
      'btcusdt@aggTrade',
      'btcusdt@ticker',
    ];
    assert.deepEqual(request(session, out, { method: 'SUBSCRIBE', params, id: 1 }), { result: null, id: 1 });
    assert.equal(session.active, active.length);
    for (let n = 0; n < 200; n++) session.publish();
    assert.deepEqual(new Set(out.map((text) => JSON.parse(text).stream)), new Set(active));
  }
});

test('addresses that the exchange does not have are refused', () => {
  assert.equal(connect('spot', '/').session, null);
  assert.equal(connect('spot', '/public/stream').session, null);
  assert.equal(connect('usdm', '/private/stream').session, null);
  assert.notEqual(connect('coinm', '/market/stream').session, null);
});

test('decimals, times and fields are printed as each market prints them', () => {
  const first = (market: string, path: string) => {
    const { session, out } = opened(market, path);
    session.publish();
    return JSON.parse(out[0] ?? 'null').data;
  };
  const spot = first('spot', '/stream?streams=btcusdt@trade&timeUnit=MICROSECOND');
  assert.equal(spot.p, '1000.50000000');
  assert.equal(String(spot.T).length, 16);
  assert.equal(String(first('spot', '/stream?streams=btcusdt@trade').T).length, 13);
  assert.equal(String(first('us', '/stream?streams=btcusdt@trade&timeUnit=MICROSECOND').T).length, 13);
  const agg = first('usdm', '/market/stream?streams=btcusdt@aggTrade');
  assert.deepEqual([agg.p, agg.q, agg.nq, agg.st], ['1000.50', '0.250', '0.250', 1]);
  assert.equal(first('coinm', '/stream?streams=btcusd_perp@bookTicker').ps, 'BTCUSD');
  assert.equal(first('spot', '/stream?streams=btcusdt@bookTicker').e, undefined);
  assert.equal(withDecimals('5', 2), '5.00');
  assert.equal(withDecimals('5.123', 2), '5.123');
  assert.equal(withDecimals('5', 0), '5');
  assert.equal(decimalsOf('0.001'), 3);
});

test('REST: books by symbol, listings that our own reader reads, errors as the exchange words them', () => {
  for (const [name, symbol] of Object.entries(SYMBOLS)) {
    const market = binance.markets[name];
    const { dialect } = opened(name, '/stream');
    const listing = dialect.rest(new URL(`http://x${market?.listing.path}`));
    assert.deepEqual(market?.listing.read(listing?.body ?? ''), [symbol, 'ETHUSDT']);
    const path = name === 'coinm' ? '/dapi/v1/depth' : name === 'usdm' ? '/fapi/v1/depth' : '/api/v3/depth';
    const book = dialect.rest(new URL(`http://x${path}?symbol=${symbol}&limit=2`));
    assert.equal(JSON.parse(book?.body ?? '{}').bids.length, 2);
    assert.deepEqual(dialect.rest(new URL(`http://x${path}?symbol=NOPE`)), {
      status: 400,
      body: '{"code":-1121,"msg":"Invalid symbol."}',
    });
    assert.equal(dialect.rest(new URL('http://x/nothing')), null);
  }
});

test('all connections see the same trades', () => {
  const model = tinyMarket(['BTCUSDT'], 3);
  const dialect = binance.simulate('spot', model);
  const ids = [0, 1].map(() => {
    const seen: number[] = [];
    const session = dialect.connect(new URL('ws://x/stream?streams=btcusdt@trade'), (text) =>
      seen.push(JSON.parse(text).data.t),
    );
    return { seen, session };
  });
  for (let n = 0; n < 40; n++) ids[n % 2]?.session?.publish();
  assert.deepEqual(ids[0]?.seen, ids[1]?.seen);
  assert.deepEqual(
    ids[0]?.seen,
    [...(ids[0]?.seen ?? [])].sort((a, b) => a - b),
  );
});
