import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject, parseJson, type Stream } from '../../record/index.ts';
import { Harness, smallMarket } from './harness.test.ts';
import { coinex } from './index.ts';

const MARKETS = ['spot', 'futures'] as const;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];

/** A simulated link: what the server sends goes to the decoder and is kept. */
function connected(market: string, seed = 1, path = `/v2/${market}`) {
  const model = smallMarket(SYMBOLS, seed);
  const dialect = coinex.simulate(market, model);
  const link = new Harness(market);
  const texts: string[] = [];
  const session = dialect.connect(new URL(`ws://127.0.0.1${path}`), (text) => {
    texts.push(text);
    link.receive(text);
  });
  assert.ok(session !== null);
  const say = (text: string): void => {
    link.sent(text);
    session.receive(text);
  };
  return { model, dialect, link, session, texts, say };
}

function streamsOf(market: string, feed = 'depth.20.0'): Stream[] {
  return SYMBOLS.flatMap((symbol) => [
    { market, channel: 'trades' as const, feed: 'deals', symbol },
    { market, channel: 'book' as const, feed, symbol },
    { market, channel: 'quotes' as const, feed: 'bbo', symbol },
    { market, channel: 'ticker' as const, feed: 'state', symbol },
  ]);
}

/** Data of the last message, where it is a depth push. */
function lastDepth(texts: readonly string[]): { market: string } | null {
  const message = parseJson(texts.at(-1) ?? '');
  if (!isObject(message) || message.method !== 'depth.update') return null;
  return message.data as { market: string };
}

for (const market of MARKETS)
  test(`${market}: every channel decodes, every checksum fits, the book is the server's window`, () => {
    const { model, link, session, texts, say } = connected(market);
    link.planned.push(...streamsOf(market));
    for (const { text } of coinex.subscribe(market, streamsOf(market), 1)) say(text);
    let compared = 0;
    for (let n = 0; n < 600; n++) {
      session.publish();
      const push = lastDepth(texts);
      if (push === null || n % 7 !== 0) continue;
      const symbol = model.symbol(push.market) ?? assert.fail();
      const expected = (side: 'bid' | 'ask') =>
        symbol.levels(side, 20).map(({ price, amount }) => [Number(price), Number(amount)]);
      assert.deepEqual(link.rebuilt(push.market), { bid: expected('bid'), ask: expected('ask') });
      compared++;
    }
    assert.ok(compared > 20);
    assert.ok(link.checksums.matched > 150, String(link.checksums.matched));
    assert.equal(link.checksums.failed, 0);
    for (const table of ['trades', 'quotes', 'tickers', 'book']) assert.ok(link.table(table).length > 20);
    assert.equal(link.table('undecoded').length, 0);
    assert.deepEqual([link.breaches, link.requests], [[], []]);
    const ids = link.table('trades').filter(({ symbol }) => symbol === 'BTCUSDT');
    for (const [index, { id }] of ids.entries())
      assert.equal(Number(id), Number(ids[0]?.id) + index, 'no trade is missing and none comes twice');
  });

test('texts have trailing zeros, and levels leave the window with an explicit delete', () => {
  const { model, session, texts, say } = connected('spot');
  say('{"method":"depth.subscribe","params":{"market_list":[["BTCUSDT",5,"0",false]]},"id":1}');
  assert.match(texts[1] ?? '', /"\d\.\d{1,4}0{4}"/);
  const outside = new Set<string>();
  for (let n = 0; n < 200; n++) {
    session.publish();
    const data = lastDepth(texts) as unknown as { depth: { bids?: [string, string][] } } | null;
    const there = new Set(
      model
        .symbol('BTCUSDT')
        ?.levels('bid', 100)
        .map(({ price }) => price),
    );
    for (const [price, amount] of data?.depth.bids ?? [])
      if (amount === '0' && there.has(price)) outside.add(price);
  }
  assert.ok(outside.size > 0);
});

test('a trade is pushed once after the first push of a subscription, which repeats what was before', () => {
  const { session, texts, say } = connected('spot');
  const idsOf = (text = '') =>
    (parseJson(text) as { data: { deal_list: { deal_id: number }[] } }).data.deal_list.map(
      ({ deal_id }) => deal_id,
    );
  const ask = '{"method":"deals.subscribe","params":{"market_list":["BTCUSDT"]},"id":1}';
  say(ask);
  const first = idsOf(texts.at(-1));
  assert.equal(first.length, 30);
  const later: number[] = [];
  for (let n = 0; n < 20; n++) {
    session.publish();
    const ids = idsOf(texts.at(-1));
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => b - a),
      'newest first',
    );
    later.push(...ids);
  }
  assert.equal(new Set([...first, ...later]).size, first.length + later.length);
  say(ask);
  assert.deepEqual(idsOf(texts.at(-1)).slice(0, 3), later.sort((a, b) => b - a).slice(0, 3));
});

test('merged and whole-window subscriptions keep to their limit and fit their checksums', () => {
  for (const entry of ['["BTCUSDT",10,"0.1",false]', '["BTCUSDT",10,"1",true]']) {
    const { link, session, texts, say } = connected('spot', 3);
    say(`{"method":"depth.subscribe","params":{"market_list":[${entry}]},"id":1}`);
    for (let n = 0; n < 100; n++) {
      session.publish();
      const book = link.rebuilt('BTCUSDT') ?? assert.fail();
      assert.ok(book.bid.length <= 10 && book.ask.length <= 10);
      assert.ok((book.bid[0]?.[0] ?? 0) < (book.ask[0]?.[0] ?? 0));
    }
    assert.equal(
      texts.some((text) => text.includes('"is_full":false')),
      entry.endsWith('false]'),
    );
    assert.equal(link.checksums.failed, 0);
    assert.ok(link.checksums.matched > 90);
  }
});

test('a full push comes each minute', () => {
  const { model, session, texts, say } = connected('spot');
  say('{"method":"depth.subscribe","params":{"market_list":[["BTCUSDT",50,"0",false]]},"id":1}');
  const count = () => texts.filter((text) => text.includes('"is_full":true')).length;
  for (const [ms, expected] of [
    [59_900, 1],
    [60_000, 2],
    [60_100, 2],
    [120_000, 3],
  ] as const) {
    model.clock.ms = ms;
    session.tick(model.now() / 1000);
    assert.equal(count(), expected, `after ${ms} ms`);
  }
});

test('requests are answered: acks before pushes, pongs, refusals in the code family of the market', () => {
  for (const [market, family] of [
    ['spot', 2],
    ['futures', 3],
  ] as const) {
    const { session, texts } = connected(market);
    const answer = (text: string): unknown => {
      texts.length = 0;
      session.receive(text);
      return parseJson(texts[0] ?? '');
    };
    const ask = (method: string, list: unknown, id = 5) =>
      answer(JSON.stringify({ method, params: { market_list: list }, id }));
    const bad = { id: 5, code: family * 10_000 + 1, message: 'invalid parameters' };
    assert.deepEqual(ask('bbo.subscribe', ['BTCUSDT']), { id: 5, code: 0, message: 'OK' });
    assert.deepEqual(ask('bbo.subscribe', ['BTCUSDT', 'NOSUCH']), bad);
    assert.deepEqual(ask('depth.subscribe', ['BTCUSDT']), bad);
    assert.deepEqual(ask('depth.subscribe', [['BTCUSDT', 7, '0', false]]), bad);
    assert.deepEqual(ask('depth.subscribe', []), bad);
    assert.deepEqual(ask('depth.unsubscribe', [['BTCUSDT', 5, '0', false]]), bad);
    assert.deepEqual(ask('deals.subscribe', 'BTCUSDT'), bad);
    assert.equal((ask('kline.subscribe', []) as { code: number }).code, family * 10_000 + 2);
    assert.equal((ask('server.sign', []) as { code: number }).code, family * 10_000 + 1001);
    assert.deepEqual(answer('{"method":"server.ping","params":{},"id":1000000001}'), {
      id: 1_000_000_001,
      code: 0,
      data: { result: 'pong' },
      message: 'OK',
    });
    assert.equal((answer('{') as { id: null }).id, null);
  }
});

test('unsubscribing ends a channel, by names or whole; nothing subscribed publishes nothing', () => {
  const { session, texts, say } = connected('futures');
  session.publish();
  assert.deepEqual(texts, []);
  say('{"method":"state.subscribe","params":{"market_list":[]},"id":1}');
  assert.match(texts[1] ?? '', /BTCUSDT_SIGNPRICE/);
  say('{"method":"bbo.subscribe","params":{"market_list":["BTCUSDT","ETHUSDT"]},"id":2}');
  assert.equal(session.active, 4);
  say('{"method":"bbo.unsubscribe","params":{"market_list":["BTCUSDT"]},"id":3}');
  assert.equal(session.active, 3);
  say('{"method":"state.unsubscribe","params":{"market_list":[]},"id":4}');
  say('{"method":"bbo.unsubscribe","params":{"market_list":[]},"id":5}');
  assert.equal(session.active, 0);
  texts.length = 0;
  session.publish();
  assert.deepEqual(texts, []);
});

test('only its own address is served, real path or simulator path', () => {
  const dialect = coinex.simulate('spot', smallMarket(SYMBOLS));
  const serves = (path: string) =>
    dialect.connect(new URL(`ws://127.0.0.1${path}`), () => undefined) !== null;
  assert.deepEqual(['/v2/spot', '/v2/spot/', '/coinex/spot/v2/spot'].map(serves), [true, true, true]);
  assert.deepEqual(['/v2/futures', '/', '/v2'].map(serves), [false, false, false]);
  assert.equal(dialect.framing, 'gzip');
});

test('REST: listings, books and trades in the documented envelopes', () => {
  for (const market of MARKETS) {
    const { dialect } = connected(market);
    const get = (path: string) => dialect.rest(new URL(`http://127.0.0.1${path}`));
    const data = (path: string) => (parseJson(get(path)?.body ?? '') as { data: unknown }).data;
    const { listing } = coinex.markets[market] ?? assert.fail();
    assert.deepEqual(listing.read(get(listing.path)?.body ?? ''), SYMBOLS);
    assert.deepEqual(listing.read(get(`/v2${listing.path}?market=ETHUSDT`)?.body ?? ''), ['ETHUSDT']);
    const depth = data(`/${market}/depth?market=BTCUSDT&limit=5&interval=0`) as { depth: { bids: [] } };
    assert.equal(depth.depth.bids.length, 5);
    assert.equal((data(`/${market}/deals?market=BTCUSDT&limit=3`) as []).length, 3);
    assert.equal((data(`/${market}/ticker`) as []).length, 2);
    for (const path of [`/${market}/depth?market=NOSUCH`, `/${market}/market?market=BTCUSDT,NOSUCH`])
      assert.equal((parseJson(get(path)?.body ?? '') as { code: number }).code, 3639);
    assert.equal(get('/other'), null);
  }
});
