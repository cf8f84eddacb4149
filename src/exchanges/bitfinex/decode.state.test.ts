import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../record/index.ts';
import { bookLink, TestLink, tinyMarket } from './harness.test.ts';
import { bitfinex } from './index.ts';

const SEQUENCED = 65_536;

/** What one connection to the simulated exchange says, and what we said to it. */
function conversation(seed: number, publishes: number): { sent: boolean; text: string }[] {
  const lines: { sent: boolean; text: string }[] = [];
  const dialect = bitfinex.simulate('spot', tinyMarket(seed));
  const receive = (text: string) => lines.push({ sent: false, text });
  const session = dialect.connect(new URL('ws://localhost/ws/2'), receive);
  const say = (text: string) => {
    lines.push({ sent: true, text });
    session?.receive(text);
  };
  const streams = (['trades', 'ticker'] as const).map((channel) => ({
    channel,
    feed: channel,
    symbol: 'tBTCUSD',
  }));
  const [plan] = bitfinex.planLinks({
    market: 'spot',
    streams: [
      ...streams.map((stream) => ({ market: 'spot', ...stream })),
      { market: 'spot', channel: 'book', feed: 'P0.F0.100', symbol: 'tBTCUSD' },
      { market: 'spot', channel: 'quotes', feed: 'P0.F0.25', symbol: 'tBTCUSD' },
      { market: 'spot', channel: 'quotes', feed: 'P0.F0.25', symbol: 'tXRPBTC' },
    ],
  });
  for (const text of plan?.greeting ?? []) say(text);
  for (const { text } of plan?.subscribe ?? []) {
    say(text);
    for (let n = 0; n < publishes / 4; n++) session?.publish();
  }
  session?.tick(Number.MAX_SAFE_INTEGER);
  return lines;
}

function feed(link: TestLink, lines: readonly { sent: boolean; text: string }[]): void {
  for (const { sent, text } of lines) {
    if (sent) link.sent(text);
    else link.receive(text);
  }
}

test('from the state taken anywhere, another decoder gives the same rows, counts and state', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 100 }), (seed, percent) => {
      const lines = conversation(seed, 80);
      const cut = Math.floor((percent / 100) * lines.length);
      const whole = new TestLink();
      const before = new TestLink();
      feed(whole, lines);
      feed(before, lines.slice(0, cut));
      const asked = lines.slice(0, cut).flatMap(({ sent, text }) => {
        const request = sent ? bitfinex.readRequest('spot', text) : null;
        return request?.kind === 'subscribe' ? request.streams : [];
      });
      const { ordinal } = before;
      const after = new TestLink({ state: before.state(), ordinal, tradesOf: before, asked });
      feed(after, lines.slice(cut));
      assert.deepEqual([...before.rows, ...after.rows], whole.rows);
      assert.deepEqual(after.state(), whole.state());
      assert.equal(before.checksums.matched + after.checksums.matched, whole.checksums.matched);
    }),
    { numRuns: 40 },
  );
});

test('a restored book knows the top it told last', () => {
  const both = { subId: 'both|tBTCUSD|P0|F0|25' };
  const before = bookLink(0, {}, both);
  before.receive('[1,[[100,1,1],[99,1,1],[101,1,-1]]]');
  const after = new TestLink({ state: before.state() });
  after.receive('[1,[99,1,2]]');
  assert.equal(after.table('quotes').length, 0);
  assert.equal(after.table('book').length, 1);
});

test('from routing alone a file is read: trades and numbers go on, books are held until subscribed again', () => {
  const before = bookLink(SEQUENCED, {}, { symbol: 'tETHUSD' });
  before.receive({ event: 'subscribed', channel: 'trades', chanId: 2, symbol: 'tBTCUSD' });
  before.receive({ event: 'subscribed', channel: 'book', chanId: 3, symbol: 'tLTCUSD' });
  before.receive('[1,[[100,1,1]],1]');
  const { routing } = before.state() as { routing: Json };
  const after = new TestLink({ routing });
  assert.equal(after.receive('[2,"te",[7,1590593199934,1,2],2]'), 'rows');
  assert.equal(after.receive('[1,[101,1,-1],3]'), 'held');
  assert.equal(after.receive('[3,[[5,1,1]],4]'), 'rows', 'a snapshot that was still to come is one');
  assert.equal(after.receive('[99,"hb",5]'), 'control');
  assert.equal(after.breaches.length, 0);
  after.receive('[99,"hb",7]');
  assert.deepEqual(after.breaches[0]?.breach, {
    cause: 'sequence',
    detail: 'expected sequence 6, got 7',
    fromSequence: 5,
    toSequence: 7,
  });
});
