import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stream, textFrame } from '../../record/index.ts';
import type { Control, LinkPlan, PlanRequest } from '../exchange.ts';
import { feedAllowed } from '../plan.ts';
import { bitfinex } from './index.ts';

const SUBSCRIBE_BOOK = { event: 'subscribe', channel: 'book', symbol: 'tBTCUSD' };
const GREETING = '{"event":"conf","flags":229376}';

function stream(channel: Stream['channel'], symbol: string, feed: string = channel): Stream {
  return { market: 'spot', channel, feed, symbol };
}

function plan(request: Partial<PlanRequest>): LinkPlan[] {
  return bitfinex.planLinks({ market: 'spot', streams: [], ...request });
}

function classified(message: unknown): Control | null {
  return bitfinex.classify(textFrame(0, 1, 1, 'received', JSON.stringify(message)), 'spot');
}

test('a link greets with conf before anything else, and a book and its quotes are one channel', () => {
  const streams = [
    stream('quotes', 'tBTCUSD', 'P0.F0.25'),
    stream('trades', 'tBTCUSD'),
    stream('book', 'tBTCUSD', 'P0.F0.250'),
    stream('quotes', 'tETHUSD', 'P0.F0.25'),
    stream('ticker', 'tETHUSD'),
  ];
  const [link, ...others] = plan({ streams });
  assert.deepEqual(others, []);
  assert.equal(link?.url, 'wss://api-pub.bitfinex.com/ws/2');
  assert.deepEqual(link?.greeting, [GREETING]);
  assert.deepEqual(
    link?.subscribe.map(({ text }) => JSON.parse(text)),
    [
      { event: 'subscribe', channel: 'trades', symbol: 'tBTCUSD', subId: 'trades|tBTCUSD' },
      { ...SUBSCRIBE_BOOK, prec: 'P0', freq: 'F0', len: '250', subId: 'both|tBTCUSD|P0|F0|250' },
      { event: 'subscribe', channel: 'ticker', symbol: 'tETHUSD', subId: 'ticker|tETHUSD' },
      {
        ...SUBSCRIBE_BOOK,
        symbol: 'tETHUSD',
        prec: 'P0',
        freq: 'F0',
        len: '25',
        subId: 'quotes|tETHUSD|P0|F0|25',
      },
    ],
  );
  assert.deepEqual(link?.subscribe[1]?.streams, [
    stream('book', 'tBTCUSD', 'P0.F0.250'),
    stream('quotes', 'tBTCUSD', 'P0.F0.250'),
  ]);
});

test('quotes of a named feed, or beside a coarse or slow book, keep their own channel', () => {
  const [link] = plan({
    streams: [
      stream('book', 'tBTCUSD', 'P1.F0.100'),
      stream('book', 'tBTCUSD', 'P0.F1.100'),
      stream('quotes', 'tBTCUSD', 'P0.F0.25'),
      stream('quotes', 'tBTCUSD', 'P0.F0.1'),
    ],
  });
  assert.deepEqual(
    link?.subscribe.map((message) => message.streams.map(({ channel, feed }) => `${channel} ${feed}`)),
    [['book P1.F0.100'], ['book P0.F1.100'], ['quotes P0.F0.25'], ['quotes P0.F0.1']],
  );
});

test('no link carries more than 25 channels, no stream is lost, and each link greets', () => {
  const symbols = Array.from({ length: 40 }, (_, n) => `tS${n}USD`);
  const streams = symbols.flatMap((symbol) => [
    stream('book', symbol, 'P0.F0.250'),
    stream('quotes', symbol, 'P0.F0.250'),
    stream('trades', symbol),
  ]);
  const links = plan({ streams });
  assert.deepEqual(
    links.map(({ subscribe }) => subscribe.length),
    [25, 25, 25, 5],
  );
  assert.equal(new Set(links.flatMap((link) => link.streams.map((s) => JSON.stringify(s)))).size, 120);
  assert.equal(links.filter(({ streams: on }) => on.length > 25).length, 3);
  for (const link of links) assert.deepEqual(link.greeting, [GREETING]);
});

test('raw messages go first as they stand; a conf among them replaces ours on every link', () => {
  const raw = [
    { text: '{"event":"conf","flags":65536}' },
    { text: '{"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}' },
    { text: '{"event":"subscribe","channel":"candles","key":"trade:1m:tBTCUSD"}' },
    { text: 'hello', label: stream('trades', 'tXUSD') },
  ];
  const streams = [
    stream('trades', 'tBTCUSD'),
    ...Array.from({ length: 25 }, (_, n) => stream('ticker', `t${n}USD`)),
  ];
  const links = plan({ raw, streams });
  assert.deepEqual(
    links.map(({ greeting }) => greeting),
    [['{"event":"conf","flags":65536}'], ['{"event":"conf","flags":65536}']],
  );
  assert.deepEqual(
    links[0]?.subscribe.slice(0, 3).map((message) => [message.text, message.streams]),
    [
      [raw[1]?.text, [stream('trades', 'tBTCUSD')]],
      [raw[2]?.text, []],
      [raw[3]?.text, [stream('trades', 'tXUSD')]],
    ],
  );
  assert.equal(links.flatMap(({ subscribe }) => subscribe).length, 28);
});

test('a uri of the config replaces the host, and the path where it brings it', () => {
  const streams = [stream('trades', 'tBTCUSD')];
  assert.equal(plan({ streams, uri: 'ws://localhost:9/b' })[0]?.url, 'ws://localhost:9/b/ws/2');
  assert.equal(plan({ streams, uri: 'wss://api.bitfinex.com/ws/2' })[0]?.url, 'wss://api.bitfinex.com/ws/2');
});

test('the address of version 2 is spot; version 1 and other hosts are none of ours', () => {
  const market = (url: string) => bitfinex.readUrl(new URL(url))?.market ?? null;
  assert.equal(market('wss://api-pub.bitfinex.com/ws/2'), 'spot');
  assert.equal(market('wss://api.bitfinex.com/ws/2'), 'spot');
  assert.equal(market('wss://api.bitfinex.com/ws/1'), null);
  assert.equal(market('wss://stream.binance.com/ws/2'), null);
});

test('requests are read with defaults applied, and never throw on nonsense', () => {
  const read = (message: unknown) => bitfinex.readRequest('spot', JSON.stringify(message));
  assert.deepEqual(read(SUBSCRIBE_BOOK), {
    kind: 'subscribe',
    key: 'book|tBTCUSD|P0|F0|25',
    streams: [stream('book', 'tBTCUSD', 'P0.F0.25')],
  });
  assert.deepEqual(read({ ...SUBSCRIBE_BOOK, prec: 'R0', len: 100, subId: 7 }), {
    kind: 'subscribe',
    key: '7',
    streams: [],
  });
  const trades = { event: 'subscribe', channel: 'trades', symbol: 'fUSD' };
  assert.deepEqual(read(trades), { kind: 'subscribe', key: 'trades|fUSD', streams: [] });
  assert.deepEqual(read({ event: 'unsubscribe', chanId: 5 }), {
    kind: 'unsubscribe',
    key: 'unsubscribe|5',
    streams: [],
  });
  assert.deepEqual(read({ event: 'ping', cid: 1 }), { kind: 'ping' });
  for (const other of [{ event: 'conf' }, { event: 'subscribe' }, { event: 'subscribe', channel: 1 }, [], 7])
    assert.deepEqual(read(other), { kind: 'other' });
  assert.deepEqual(bitfinex.readRequest('spot', '{"ev'), { kind: 'other' });
});

test('every request of a plan has the key of its ack and of its refusal, with or without the tag repeated', () => {
  const streams = [
    stream('trades', 'tBTCUSD'),
    stream('ticker', 'tBTCUSD'),
    stream('book', 'tBTCUSD', 'P0.F0.250'),
    stream('book', 'tETHUSD', 'P0.F0.100'),
    stream('quotes', 'tETHUSD', 'P0.F0.100'),
  ];
  for (const { text, streams: asked } of plan({ streams }).flatMap(({ subscribe }) => subscribe)) {
    const request = bitfinex.readRequest('spot', text);
    assert.ok(request.kind === 'subscribe');
    assert.deepEqual(request.streams, asked);
    const sent = JSON.parse(text);
    assert.deepEqual(classified({ ...sent, event: 'subscribed', chanId: 9, pair: 'X' }), {
      kind: 'ack',
      key: request.key,
    });
    assert.deepEqual(classified({ ...sent, event: 'error', code: 10300, msg: 'no' }), {
      kind: 'refusal',
      key: request.key,
      reason: '10300 no',
      transient: false,
    });
    if (asked.length > 1) continue;
    const { subId: _, ...untagged } = sent;
    assert.deepEqual(classified({ ...untagged, event: 'subscribed', chanId: 9 }), {
      kind: 'ack',
      key: request.key,
    });
  }
});

test('control is told from data, and each shape says what it asks for', () => {
  const error = (code: number, more: object = SUBSCRIBE_BOOK) =>
    classified({ ...more, event: 'error', code, msg: 'm' });
  const key = 'book|tBTCUSD|P0|F0|25';
  assert.equal(classified([1, 'hb']), null);
  assert.equal(classified([1, [[1, 2, 3]], 5]), null);
  assert.equal(classified({ event: 'auth' }), null);
  assert.equal(classified({}), null);
  assert.equal(classified({ ...SUBSCRIBE_BOOK, event: 'subscribed' }), null, 'an ack without a channel id');
  assert.equal(bitfinex.classify(textFrame(0, 1, 1, 'received', '{"event'), 'spot'), null);
  assert.equal(bitfinex.classify(textFrame(0, 1, 1, 'received', ''), 'spot'), null);
  assert.deepEqual(classified({ event: 'info', version: 2, platform: { status: 1 } }), { kind: 'other' });
  assert.equal(classified({ event: 'info', version: 3 })?.kind, 'notice');
  assert.equal(classified({ event: 'info', version: 2, platform: { status: 0 } })?.kind, 'notice');
  const act = (code: number) => {
    const control = classified({ event: 'info', code, msg: 'm' });
    return control?.kind === 'notice' ? control.act : null;
  };
  assert.deepEqual([20051, 20060, 20061, 5000].map(act), ['reconnect', 'none', 'reconnect', 'none']);
  assert.deepEqual(classified({ event: 'conf', status: 'OK', flags: 1 }), { kind: 'other' });
  assert.equal(classified({ event: 'conf', status: 'FAILED' })?.kind, 'notice');
  assert.deepEqual(classified({ event: 'pong', ts: 1, cid: 2 }), { kind: 'pong' });
  assert.deepEqual(classified({ event: 'unsubscribed', status: 'OK', chanId: 5 }), {
    kind: 'ack',
    key: 'unsubscribe|5',
  });
  assert.deepEqual(error(11000), { kind: 'refusal', key, reason: '11000 m', transient: true });
  assert.deepEqual(error(10305), { kind: 'refusal', key, reason: '10305 m', transient: false });
  assert.deepEqual(error(10301), { kind: 'ack', key });
  assert.deepEqual(error(10300, { subId: 7 }), {
    kind: 'refusal',
    key: '7',
    reason: '10300 m',
    transient: false,
  });
  assert.deepEqual(error(10400, { chanId: 5 }), {
    kind: 'refusal',
    key: 'unsubscribe|5',
    reason: '10400 m',
    transient: false,
  });
  // A refusal that names no request must not be taken for the oldest one's.
  assert.equal(error(10000, {})?.kind, 'notice');
});

test('the listing gives symbols, leaves test pairs out, and refuses what is no listing', () => {
  const { spot, derivatives } = bitfinex.markets;
  const pairs = '[["AAABBB","AAVE:USD","AAVE:UST","ADABTC","TESTBTC:TESTUSD"]]';
  assert.deepEqual(spot?.listing.read(pairs), ['tAAVE:USD', 'tAAVE:UST', 'tADABTC']);
  const futures = '[["BTCF0:USTF0","TESTBTCF0:TESTUSDTF0","AAVEF0:USTF0"]]';
  assert.deepEqual(derivatives?.listing.read(futures), ['tBTCF0:USTF0', 'tAAVEF0:USTF0']);
  for (const body of ['["error",10020,"x"]', '{"error":"ERR_RATE_LIMIT"}', '<html>', '[[1]]', ''])
    assert.throws(() => spot?.listing.read(body), /expected a list/);
});

test('default feeds may be asked for, and unknown book parameters may not', () => {
  for (const market of Object.values(bitfinex.markets))
    for (const { defaultFeed, feeds } of Object.values(market.channels))
      assert.ok(feedAllowed(defaultFeed, feeds), defaultFeed);
  const book = bitfinex.markets.spot?.channels.book?.feeds ?? [];
  assert.ok(feedAllowed('P4.F1.100', book));
  for (const feed of ['P5.F0.25', 'P0.F2.25', 'P0.F0.50', 'R0.F0.25']) assert.ok(!feedAllowed(feed, book));
});
