import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialectSession } from '../simulation.ts';
import { TestLink, tinyMarket } from './harness.test.ts';
import { bitfinex } from './index.ts';
import { checksumOf } from './simulate-book.ts';

const CONF = '{"event":"conf","flags":229376}';

/** A connection to the simulated exchange: what it says, and the decoder that listens. */
function call(seed = 1) {
  const link = new TestLink();
  const said: string[] = [];
  const market = tinyMarket(seed);
  const dialect = bitfinex.simulate('spot', market);
  const session = dialect.connect(new URL('ws://localhost/ws/2'), (text) => {
    said.push(text);
    link.receive(text);
  });
  assert.ok(session !== null);
  const say = (message: string | object) => {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const from = said.length;
    link.sent(text);
    session.receive(text);
    return said.slice(from).map((answer) => JSON.parse(answer));
  };
  return { link, said, market, dialect, session, say };
}

function publish(session: DialectSession, times: number): void {
  for (let n = 0; n < times; n++) session.publish();
}

for (const flags of [0, 32_768, 65_536, 229_376, 537_100_288])
  test(`under flags ${flags} the decoder holds the server's window, every number and checksum is right`, () => {
    const { link, said, session, say, market } = call(flags);
    say({ event: 'conf', flags });
    const book = { event: 'subscribe', channel: 'book', symbol: 'tBTCUSD', prec: 'P0', freq: 'F0' };
    say({ ...book, len: '25' });
    say({ ...book, len: 100, symbol: 'tXRPBTC' });
    say({ ...book, prec: 'P2', symbol: 'tBTCF0:USTF0' });
    say({ event: 'subscribe', channel: 'trades', symbol: 'tBTCUSD' });
    say({ event: 'subscribe', channel: 'ticker', symbol: 'tBTCUSD' });
    publish(session, 1500);
    session.tick(Number.MAX_SAFE_INTEGER);
    assert.deepEqual(link.breaches, []);
    assert.equal(link.outcomes.undecoded + link.outcomes.held, 0);
    assert.equal(link.checksums.failed, 0);
    if ((flags & 131_072) !== 0) assert.ok(link.checksums.matched > 20, 'checksums were compared');
    const arrays = said.filter((text) => text.startsWith('['));
    const { routing } = link.decoder.state() as { routing: { sequence: number } };
    if ((flags & 65_536) !== 0) assert.equal(routing.sequence, arrays.length);
    assert.equal(arrays.filter((text) => text.includes('"hb"')).length, 5);
    for (const [symbol, depth] of [
      ['tBTCUSD', 25],
      ['tXRPBTC', 100],
    ] as const) {
      // A change may be on its way still: what the server will say next empties its queue.
      const expected = drained(session, market, symbol, depth, link);
      assert.deepEqual(link.rebuilt(symbol), expected, symbol);
    }
    const trades = link.table('trades').map(({ id }) => Number(id));
    const last = market.symbol('tBTCUSD')?.recentTrades(1)[0]?.id ?? 0;
    assert.deepEqual(
      trades,
      Array.from({ length: trades.length }, (_, n) => last - trades.length + 1 + n),
    );
  });

/** The window of a symbol at a moment when everything has been said: publishes until the decoder has caught up. */
function drained(
  session: DialectSession,
  market: ReturnType<typeof tinyMarket>,
  symbol: string,
  depth: number,
  link: TestLink,
): unknown {
  const window = () => {
    const levels = (side: 'bid' | 'ask') =>
      (market.symbol(symbol)?.levels(side, depth) ?? []).map(({ price, amount }) => [
        Number(Number(price).toPrecision(5)),
        Number(amount),
      ]);
    return { bid: levels('bid'), ask: levels('ask') };
  };
  for (let n = 0; n < 2000; n++) {
    if (JSON.stringify(window()) === JSON.stringify(link.rebuilt(symbol))) break;
    session.publish();
  }
  return window();
}

test('numbers are printed as JavaScript prints them, exponents among them', () => {
  const { said, session, say } = call();
  say(CONF);
  say({ event: 'subscribe', channel: 'book', symbol: 'tXRPBTC', len: '25' });
  publish(session, 50);
  assert.ok(said.some((text) => /\de-7/.test(text)));
});

test('the simulated checksum, written apart from the decoder’s, gives the protocol file’s second example', () => {
  const bids = [
    [6000, 1, 1],
    [5900, 1, 2],
  ] as const;
  const asks = [
    [6100, 1, -3],
    [6200, 1, -4],
  ] as const;
  assert.equal(checksumOf(bids, asks), 1756193398);
  assert.equal(checksumOf(bids, []), checksumOf([...bids], []));
});

test('an ack repeats the request with its tag and len as text, and the snapshot follows at once', () => {
  const { say, said } = call();
  assert.match(
    said[0] ?? '',
    /^\{"event":"info","version":2,"serverId":"[0-9a-f-]{36}","platform":\{"status":1\}\}$/,
  );
  assert.deepEqual(say(CONF), [{ event: 'conf', status: 'OK', flags: 229376 }]);
  const [ack, snapshot, cs] = say({
    event: 'subscribe',
    channel: 'book',
    symbol: 'tBTCUSD',
    len: 1,
    subId: 9,
  });
  const { chanId, ...rest } = ack;
  assert.deepEqual(rest, {
    event: 'subscribed',
    channel: 'book',
    symbol: 'tBTCUSD',
    prec: 'P0',
    freq: 'F0',
    len: '1',
    subId: 9,
    pair: 'BTCUSD',
  });
  assert.deepEqual([snapshot[0], snapshot[1].length, snapshot[2]], [chanId, 2, 1]);
  assert.deepEqual([cs[0], cs[1], cs[3]], [chanId, 'cs', 2]);
  const [, trades] = say({ event: 'subscribe', channel: 'trades', symbol: 'tBTCUSD' });
  const ids = trades[1].map((trade: number[]) => trade[0]);
  assert.equal(ids.length, 30);
  assert.deepEqual(
    ids,
    ids.toSorted((a: number, b: number) => b - a),
    'newest first',
  );
});

test('te comes before tu, with the same content', () => {
  const { said, session, say } = call();
  say({ event: 'subscribe', channel: 'trades', symbol: 'tBTCUSD' });
  publish(session, 2);
  const [te, tu] = said.slice(-2).map((text) => JSON.parse(text));
  assert.deepEqual([te[1], tu[1]], ['te', 'tu']);
  assert.deepEqual(te[2], tu[2]);
});

test('refusals carry the documented codes and repeat the request', () => {
  const { say } = call();
  const refused = (message: object) => {
    const [answer] = say(message);
    return answer.event === 'error' ? answer.code : answer.event;
  };
  const book = { event: 'subscribe', channel: 'book', symbol: 'tBTCUSD' };
  assert.equal(refused({ ...book, prec: 'P9' }), 10011);
  assert.equal(refused({ ...book, len: '50' }), 10012);
  assert.equal(refused({ ...book, channel: 'candles' }), 10302);
  assert.equal(refused({ ...book, symbol: 'tNOPE' }), 10300);
  assert.equal(refused(book), 'subscribed');
  assert.equal(refused({ ...book, len: 25 }), 10301, 'the same channel with its defaults written out');
  assert.equal(refused({ event: 'unsubscribe', chanId: -1 }), 10400);
  assert.equal(refused({ event: 'what' }), 10000);
  assert.equal(refused({ event: 'conf', flags: 'x' }), 10050);
  assert.deepEqual(say('{"bro')[0].code, 10000);
  assert.equal(say({ event: 'ping', cid: 4 })[0].cid, 4);
  const feeds = ['P0', 'P1', 'P2', 'P3', 'P4'].flatMap((prec) =>
    ['F0', 'F1'].flatMap((freq) => ['1', '25', '100'].map((len) => ({ prec, freq, len }))),
  );
  const answers = feeds.map((feed) => refused({ ...book, ...feed }));
  assert.equal(answers.filter((answer) => answer === 'subscribed').length, 24, 'with the one before, 25');
  assert.equal(answers.at(-1), 10305);
  const [limit] = say({ ...book, len: '250', subId: 'mine' });
  assert.equal(limit.subId, 'mine');
});

test('after unsubscribing a channel is silent, and nothing of it is left in the queue', () => {
  const { said, session, say } = call();
  const [other] = say({ event: 'subscribe', channel: 'ticker', symbol: 'tBTCUSD' });
  for (let n = 0; n < 20; n++) {
    const [{ chanId }] = say({ event: 'subscribe', channel: 'book', symbol: 'tBTCUSD' });
    publish(session, 30 + n);
    const [answer] = say({ event: 'unsubscribe', chanId });
    assert.deepEqual(answer, { event: 'unsubscribed', status: 'OK', chanId });
    const from = said.length;
    publish(session, 5);
    assert.deepEqual(
      said.slice(from).map((text) => JSON.parse(text)[0]),
      Array(5).fill(other.chanId),
    );
  }
  assert.equal(session.active, 1);
});

test('heartbeats come every 15 s, one for each channel, active or not', () => {
  const { said, session, say, market } = call();
  say({ event: 'subscribe', channel: 'book', symbol: 'tBTCUSD' });
  say({ event: 'subscribe', channel: 'ticker', symbol: 'tBTCUSD' });
  const start = market.now() / 1000;
  const beats = (ms: number) => {
    const from = said.length;
    session.tick(start + ms);
    return said.length - from;
  };
  assert.deepEqual([100, 14_900, 15_001, 15_100, 30_100].map(beats), [0, 0, 2, 0, 2]);
});

test('REST gives the book, the status and the lists; the listing reads them', () => {
  const { dialect } = call();
  const get = (path: string) => dialect.rest(new URL(`http://localhost${path}`));
  assert.equal(get('/v2/platform/status')?.body, '[1]');
  const levels = JSON.parse(get('/v2/book/tBTCUSD/P0?len=25')?.body ?? '');
  assert.equal(levels.length, 50);
  assert.equal(get('/v2/book/tNOPE/P0')?.status, 500);
  const { spot, derivatives } = bitfinex.markets;
  assert.deepEqual(spot?.listing.read(get(spot.listing.path)?.body ?? ''), ['tBTCUSD', 'tXRPBTC']);
  assert.deepEqual(derivatives?.listing.read(get(derivatives.listing.path)?.body ?? ''), ['tBTCF0:USTF0']);
  assert.equal(get('/v2/%zz'), null);
  assert.equal(get('/nowhere'), null);
  assert.equal(
    dialect.connect(new URL('ws://localhost/ws/1'), () => undefined),
    null,
  );
});
