import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialectSession } from '../simulation.ts';
import { type Levels, rebuilt, TestLink, TestMarket } from './harness.test.ts';
import { bybit } from './index.ts';
import { windowChanges } from './simulate-books.ts';

/** A client of the dialect: what it is sent goes into a list and, as the test wants, into a decoder. */
class Client {
  readonly texts: string[] = [];
  readonly link: TestLink;
  readonly session: DialectSession;

  constructor(market: string, model: TestMarket) {
    this.link = new TestLink(market);
    const url = new URL(`ws://localhost/v5/public/${market}`);
    const session = bybit.simulate(market, model).connect(url, (text) => {
      this.texts.push(text);
      this.link.receive(text);
    });
    assert.ok(session !== null);
    this.session = session;
  }

  ask(op: string, args: string[], more: object = {}): Record<string, unknown>[] {
    const before = this.texts.length;
    this.session.receive(JSON.stringify({ op, args, ...more }));
    return this.texts.slice(before).map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  /** The answer to a control message. */
  answer(op: string, args: string[], more: object = {}): Record<string, unknown> {
    const answers = this.ask(op, args, more).filter((message) => 'op' in message);
    assert.equal(answers.length, 1);
    return answers[0] ?? {};
  }

  keys(topic: string): string[] {
    const text = this.texts.find((sent) => sent.includes(`"topic":"${topic}`)) ?? '{}';
    return Object.keys(JSON.parse(text) as object);
  }
}

/** The server's window as a book by price. */
function windowOf(model: TestMarket, depth: number): Levels {
  const side = (name: 'bid' | 'ask') =>
    Object.fromEntries(model.levels(name, depth).map(({ price, amount }) => [price, Number(amount)]));
  return { bid: side('bid'), ask: side('ask') };
}

for (const market of ['spot', 'linear', 'inverse']) {
  test(`${market}: the decoder reads everything the dialect says, and its books are the server's windows`, () => {
    const model = new TestMarket(11);
    const client = new Client(market, model);
    const topics = ['orderbook.50', 'orderbook.200', 'orderbook.1', 'publicTrade', 'tickers'];
    for (const topic of topics) client.answer('subscribe', [`${topic}.BTCUSDT`], { req_id: '1' });
    assert.equal(client.session.active, 5);
    for (let n = 0; n < 800; n++) {
      const before = client.texts.length;
      client.session.publish();
      assert.equal(client.texts.length, before + 1);
      const last = client.texts.at(-1) ?? '';
      for (const depth of [50, 200])
        if (last.includes(`"orderbook.${depth}.`))
          assert.deepEqual(
            rebuilt(client.link.table('book').filter((row) => row.feed === `orderbook.${depth}`)),
            windowOf(model, depth),
          );
    }
    const { outcomes, broken, errors, requests } = client.link;
    assert.deepEqual([broken, errors, requests], [[], [], []]);
    assert.deepEqual([outcomes.undecoded, outcomes.held, outcomes.control], [0, 0, 5]);
    const ids = client.link.table('trades').map((row) => row.id);
    assert.equal(new Set(ids).size, ids.length);
    for (const [table, least] of [
      ['book', 60],
      ['quotes', 60],
      ['trades', 60],
      ['tickers', 30],
    ] as const)
      assert.ok(client.link.table(table).length > least, table);
    if (market !== 'spot') assert.ok(outcomes.repeat > 10, 'mark price deltas');
  });
}

test('two connections are told the same trades', () => {
  const model = new TestMarket(3);
  const clients = [new Client('linear', model), new Client('linear', model)];
  for (const client of clients) client.answer('subscribe', ['publicTrade.BTCUSDT']);
  for (let n = 0; n < 100; n++) clients[n % 2]?.session.publish();
  const [one = [], two = []] = clients.map(({ link }) => link.table('trades').map((row) => row.id));
  const common = Math.min(one.length, two.length);
  assert.ok(common > 80);
  assert.deepEqual(one.slice(0, common), two.slice(0, common));
  for (const { link, texts } of clients) {
    const sent = texts.join().match(/"T":/g) ?? [];
    assert.equal(sent.length, link.table('trades').length, 'none is told twice');
  }
});

test('an unchanged quote comes again after 3 s with the same u, and gives no row', () => {
  const model = new TestMarket(4);
  const client = new Client('spot', model);
  client.answer('subscribe', ['orderbook.1.BTCUSDT']);
  const ms = model.clock / 1000;
  client.session.tick(ms + 2900);
  assert.equal(client.link.outcomes.repeat, 0);
  client.session.tick(ms + 3000);
  client.session.tick(ms + 3100);
  client.session.tick(ms + 6000);
  assert.equal(client.link.outcomes.repeat, 2);
  assert.equal(client.link.table('quotes').length, 1);
});

test('acks, pongs and key orders are those of the family', () => {
  const spot = new Client('spot', new TestMarket(5));
  const ack = spot.answer('subscribe', ['orderbook.50.BTCUSDT'], { req_id: '10001' });
  assert.deepEqual(Object.keys(ack), ['success', 'ret_msg', 'conn_id', 'req_id', 'op']);
  assert.deepEqual([ack.success, ack.ret_msg, ack.req_id], [true, 'subscribe', '10001']);
  assert.deepEqual(Object.keys(spot.answer('ping', [])), ['success', 'ret_msg', 'conn_id', 'op']);
  assert.deepEqual(spot.keys('orderbook'), ['topic', 'ts', 'type', 'data', 'cts']);
  spot.answer('subscribe', ['tickers.BTCUSDT']);
  assert.deepEqual(spot.keys('tickers'), ['topic', 'ts', 'type', 'cs', 'data']);

  const linear = new Client('linear', new TestMarket(5));
  const empty = linear.answer('subscribe', ['orderbook.50.BTCUSDT']);
  assert.deepEqual([empty.success, empty.ret_msg, empty.req_id], [true, '', '']);
  const pong = linear.answer('ping', [], { req_id: '7' });
  assert.deepEqual([pong.ret_msg, pong.req_id, pong.op], ['pong', '7', 'ping']);
  assert.deepEqual(linear.keys('orderbook'), ['topic', 'type', 'ts', 'data', 'cts']);
  linear.answer('subscribe', ['tickers.BTCUSDT']);
  assert.deepEqual(linear.keys('tickers'), ['topic', 'type', 'data', 'cs', 'ts']);
  assert.equal(linear.link.outcomes.undecoded, 0);
});

test('one bad topic voids its whole request, and a topic that is active says so', () => {
  const linear = new Client('linear', new TestMarket(6));
  const refused = linear.answer('subscribe', ['orderbook.50.BTCUSDT', 'orderbook.500.BTCUSDT'], {
    req_id: '2',
  });
  assert.deepEqual(
    [refused.success, refused.ret_msg, refused.req_id, linear.session.active],
    [false, 'error:handler not found,topic:orderbook.500.BTCUSDT', '2', 0],
  );
  linear.answer('subscribe', ['orderbook.50.BTCUSDT']);
  const again = linear.answer('subscribe', ['orderbook.50.BTCUSDT']);
  assert.equal(again.ret_msg, 'error:already subscribed,topic:orderbook.50.BTCUSDT');
  assert.equal(linear.session.active, 1);
  assert.equal(linear.answer('nope', []).ret_msg, 'error:invalid op');
  linear.session.receive('not json');
  assert.match(linear.texts.at(-1) ?? '', /Failed to decode incoming data/);

  const spot = new Client('spot', new TestMarket(6));
  assert.equal(spot.answer('subscribe', ['tickers.NOPEUSDT']).ret_msg, 'Invalid symbol :[tickers.NOPEUSDT]');
  const eleven = Array.from({ length: 11 }, (_, n) => `tickers.A${n}`);
  assert.equal(spot.answer('subscribe', eleven).ret_msg, 'args size >10');
  for (const client of [linear, spot]) assert.equal(client.link.outcomes.undecoded, 0);
});

test('a broken book is whole again after the resubscription it asks for', () => {
  const model = new TestMarket(8);
  const client = new Client('linear', model);
  client.answer('subscribe', ['orderbook.50.BTCUSDT']);
  client.link.receive('{"topic":"orderbook.50.BTCUSDT","type":"delta","data":{"b":[],"a":[],"u":99999999}}');
  assert.equal(rebuilt(client.link.table('book')), null);
  for (const request of client.link.requests)
    if (request.kind === 'send') for (const text of request.texts) client.session.receive(text);
  client.session.publish();
  assert.deepEqual(rebuilt(client.link.table('book')), windowOf(model, 50));
});

test('a window tells what left it and what entered it', () => {
  const levels = (...prices: number[]) => prices.map((price) => ({ price: String(price), amount: '1' }));
  assert.deepEqual(windowChanges(levels(5, 4, 3), levels(6, 5, 4), -1), [
    ['6', '1'],
    ['3', '0'],
  ]);
  assert.deepEqual(windowChanges(levels(10, 11), levels(9.5, 11, 12), 1), [
    ['9.5', '1'],
    ['10', '0'],
    ['12', '1'],
  ]);
  assert.deepEqual(windowChanges([], [], 1), []);
  assert.deepEqual(windowChanges(levels(1), [], 1), [['1', '0']]);
});

test('rest: the book, the listing that our own reader takes, and errors with status 200', () => {
  const model = new TestMarket(9);
  const dialect = bybit.simulate('linear', model);
  const get = (path: string) => dialect.rest(new URL(`http://localhost${path}`));
  const listing = get(bybit.markets.linear?.listing.path ?? '');
  assert.deepEqual(bybit.markets.linear?.listing.read(listing?.body ?? ''), ['BTCUSDT']);
  const book = get('/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=3');
  const { result } = JSON.parse(book?.body ?? '{}') as { result: { b: string[][]; a: string[][] } };
  assert.deepEqual(
    result.b,
    model.levels('bid', 3).map(({ price, amount }) => [price, amount]),
  );
  assert.equal(result.a.length, 3);
  for (const path of ['orderbook?category=linear&symbol=NOPE', 'orderbook?category=spot&symbol=BTCUSDT']) {
    const error = get(`/v5/market/${path}`);
    assert.equal(error?.status, 200);
    assert.equal((JSON.parse(error?.body ?? '{}') as { retCode: number }).retCode, 10001);
  }
  assert.equal(get('/v5/market/nope'), null);
  const other = dialect.connect(new URL('ws://localhost/v5/public/spot'), () => undefined);
  assert.equal(other, null);
});
