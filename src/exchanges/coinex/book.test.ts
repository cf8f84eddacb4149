import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { depthPush, Harness } from './harness.test.ts';

const FULL = {
  asks: [
    ['30740.00', '0.31763545'],
    ['30769.00', '1.45155000'],
  ],
  bids: [
    ['30736.00', '0.04857373'],
    ['30733.00', '0.84696320'],
    ['30725.00', '0.12563353'],
  ],
  updated_at: 1689152421692,
};

/** The variants that the decoder's state counts for a market. */
function variants(link: Harness): unknown {
  const { books } = link.decoder.state() as unknown as { books: { checksums: unknown }[] };
  return books[0]?.checksums;
}

test('the worked example: unsigned, signed and textual checksums all fit (protocols/coinex.md 8.3)', () => {
  for (const checksum of [2460740606, -1834226690, '2460740606', '-1834226690']) {
    const link = new Harness();
    link.receive(depthPush(true, { ...FULL, checksum }));
    assert.deepEqual(link.checksums, { matched: 1, failed: 0 });
    const bids = [
      ['30736.00', '0.05000000'],
      ['30733.00', '0'],
    ];
    link.receive(depthPush(false, { bids, asks: [['30739.50', '0.10000000']], checksum: 1529502893 }));
    assert.deepEqual(link.checksums, { matched: 2, failed: 0 });
  }
  const sides = new Harness();
  sides.receive(depthPush(true, { asks: FULL.asks, checksum: 775992809 }));
  sides.receive(depthPush(true, { bids: FULL.bids, checksum: 2825556914 }));
  assert.deepEqual(sides.checksums, { matched: 2, failed: 0 });
});

test('a checksum that does not fit is counted and leaves the book as it is; none counts nothing', () => {
  const link = new Harness();
  link.receive(depthPush(true, { ...FULL, checksum: 2578768879 }));
  assert.deepEqual(link.checksums, { matched: 0, failed: 1 });
  assert.equal(link.receive(depthPush(false, { bids: [['30736.00', '0']], checksum: 'none' })), 'rows');
  assert.equal(link.receive(depthPush(false, { bids: [['30733.00', '0']] })), 'rows');
  assert.deepEqual(link.checksums, { matched: 0, failed: 1 });
  assert.deepEqual(link.rebuilt('BTCUSDT')?.bid, [[30725, 0.12563353]]);
  assert.deepEqual([link.breaches, link.requests], [[], []]);
});

test('where only the window cut to the limit fits, that is counted', () => {
  const link = new Harness();
  const text = '{"method":"depth.subscribe","params":{"market_list":[["BTCUSDT",5,"0",false]]},"id":1}';
  link.sent(text);
  const bids = Array.from({ length: 6 }, (_, n) => [`${100 - n}.0`, '1.50']);
  const trimmed = crc32(
    bids
      .slice(0, 5)
      .map((level) => level.join(':'))
      .join(':'),
  );
  const whole = crc32(bids.map((level) => level.join(':')).join(':'));
  for (const checksum of [trimmed, whole, 1]) link.receive(depthPush(true, { bids, checksum }));
  assert.deepEqual(variants(link), { whole: 1, trimmed: 1, neither: 1 });
});

test('a price that comes again with another spelling takes the place of the old one', () => {
  const link = new Harness();
  link.receive(depthPush(true, { bids: [['70855.30', '1']] }));
  link.receive(depthPush(false, { bids: [['70855.3', '2']], checksum: crc32('70855.3:2') }));
  assert.deepEqual(link.checksums, { matched: 1, failed: 0 });
  const { books } = link.decoder.state() as unknown as { books: { respelled: number }[] };
  assert.equal(books[0]?.respelled, 1);
});

test('time may stand still between pushes, but not go back behind any of them, increments included', () => {
  const at = (ms: number) => ({ bids: [['5', '5']], updated_at: 1_689_152_421_000 + ms });
  const link = new Harness();
  link.receive(depthPush(true, at(0)));
  assert.equal(link.receive(depthPush(false, at(0))), 'rows');
  assert.equal(link.receive(depthPush(false, at(200))), 'rows');
  assert.equal(link.receive(depthPush(false, { bids: [['5', '5']] })), 'rows', 'no time, no verdict');
  assert.deepEqual(link.breaches, []);
  link.receive(depthPush(false, at(100)));
  assert.equal(link.breaches.length, 1);
  link.receive(depthPush(true, at(50)));
  assert.notEqual(link.rebuilt('BTCUSDT'), null, 'a waiting book takes any full push');
  link.receive(depthPush(true, at(49)));
  assert.equal(link.breaches.length, 2, 'a full push is no exception');
});

test('a delete of a price that is not there is a row in a change, as it was sent', () => {
  const link = new Harness();
  link.receive(depthPush(true, { bids: [['5', '5']] }));
  const before = link.rows.length;
  assert.equal(link.receive(depthPush(false, { asks: [['9', '0']] })), 'rows');
  assert.deepEqual(
    link.table('book', before).map(({ side, price, amount }) => [side, price, amount]),
    [['ask', 9, 0]],
  );
});

test('a book waits again once it is unsubscribed, or asked for with another limit', () => {
  const link = new Harness();
  const ask = (verb: string, entry: unknown) =>
    link.sent(JSON.stringify({ method: `depth.${verb}`, params: { market_list: entry }, id: 1 }));
  ask('subscribe', [['BTCUSDT', 50, '0', false]]);
  link.receive(depthPush(true, FULL));
  ask('unsubscribe', ['BTCUSDT']);
  assert.equal(link.rebuilt('BTCUSDT'), null);
  assert.equal(link.breaches.length, 1);
  ask('subscribe', [['BTCUSDT', 50, '0', false]]);
  link.receive(depthPush(true, FULL));
  ask('subscribe', [['BTCUSDT', 50, '0', false]]);
  assert.notEqual(link.rebuilt('BTCUSDT'), null, 'the same again changes nothing');
  ask('subscribe', [['BTCUSDT', 20, '0', false]]);
  assert.equal(link.rebuilt('BTCUSDT'), null);
  assert.equal(link.receive(depthPush(false, FULL)), 'held');
  link.receive(depthPush(true, FULL));
  assert.equal(link.rows.at(-1)?.feed, 'depth.20.0');
  ask('unsubscribe', []);
  assert.equal(link.rebuilt('BTCUSDT'), null);
});

test('a message whose numbers are no decimals changes nothing before it throws', () => {
  const link = new Harness();
  link.receive(depthPush(true, FULL));
  const before = JSON.stringify(link.decoder.state());
  for (const level of [
    ['x', '1'],
    ['1', '-1'],
    ['1', ' 1'],
  ])
    assert.throws(() => link.receive(depthPush(false, { bids: [['5', '5'], level] })), TypeError);
  assert.equal(JSON.stringify(link.decoder.state()), before);
});

/** What the server says next: a push with levels, how its time moves, or something unreadable. */
const act = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('change' as const), levels: levels(6), back: flag(12) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('full' as const), levels: levels(20), back: flag(12) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unreadable' as const) }) },
);

function levels(maxLength: number) {
  const level = fc.record({
    side: fc.constantFrom('bids' as const, 'asks' as const),
    price: fc.integer({ min: 1, max: 30 }),
    amount: fc.integer({ min: 0, max: 9 }),
  });
  return fc.array(level, { maxLength });
}

/** True once in `n` times. */
function flag(n: number) {
  return fc.integer({ min: 1, max: n }).map((value) => value === n);
}

interface Level {
  readonly side: 'bids' | 'asks';
  readonly price: number;
  readonly amount: number;
}

/** Amounts as sent, by price. */
type Model = Record<Level['side'], Map<number, string>>;

function applyTo(model: Model, changes: readonly Level[]): void {
  for (const { side, price, amount } of changes) {
    if (amount === 0) model[side].delete(price);
    else model[side].set(price, `${amount}.50`);
  }
}

test('under random pushes the rows rebuild the model book, and every checksum of the model fits', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const link = new Harness();
      let time = 1_689_152_421_000;
      let model: Model | null = null;
      let compared = 0;
      for (const step of acts) {
        if (step.kind === 'unreadable') {
          link.receive('{"method":"depth.update","data":{"market":"BTCUSDT",');
          model = null;
        } else {
          time += 200;
          const old = step.back && model !== null;
          if (old) model = null;
          else if (step.kind === 'full') model = { bids: new Map(), asks: new Map() };
          if (model !== null) {
            applyTo(model, step.levels);
            compared++;
          }
          link.receive(
            depthPush(step.kind === 'full', {
              ...texts(step.levels),
              updated_at: old ? time - 10_000 : time,
              checksum: model === null ? 1 : modelChecksum(model),
            }),
          );
          if (old) time += 20_000;
        }
        const rebuilt = link.rebuilt('BTCUSDT');
        if (model === null) assert.equal(rebuilt, null);
        else {
          assert.deepEqual(rebuilt?.bid, sorted(model.bids, -1));
          assert.deepEqual(rebuilt?.ask, sorted(model.asks, 1));
        }
      }
      assert.deepEqual(link.checksums, { matched: compared, failed: 0 });
    }),
    { numRuns: 150 },
  );
});

/** Levels as they travel; a side without levels is left out. Amounts and prices have trailing zeros. */
function texts(list: readonly Level[]): object {
  const made: Record<string, [string, string][]> = {};
  for (const { side, price, amount } of list) {
    made[side] ??= [];
    made[side].push([`${price}.00`, amount === 0 ? '0' : `${amount}.50`]);
  }
  return made;
}

function sorted(side: ReadonlyMap<number, string>, direction: 1 | -1): [number, number][] {
  return [...side]
    .map(([price, amount]): [number, number] => [price, Number(amount)])
    .sort((a, b) => direction * (a[0] - b[0]));
}

function modelChecksum(model: Model): number {
  const bids = [...model.bids].sort((a, b) => b[0] - a[0]);
  const asks = [...model.asks].sort((a, b) => a[0] - b[0]);
  return crc32([...bids, ...asks].map(([price, amount]) => `${price}.00:${amount}`).join(':'));
}
