import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bookLink } from './harness.test.ts';

const SEQUENCED = 65_536;
const BULK = 536_870_912;

type WireEntry = [price: number, count: number, amount: number];
type Model = { bid: Map<number, number>; ask: Map<number, number> };

const entry = fc
  .record({
    price: fc.integer({ min: 1, max: 30 }).map((n) => n * 1e-7),
    count: fc.integer({ min: 0, max: 3 }),
    amount: fc.integer({ min: 1, max: 1000 }).map((n) => n * 1e-5),
    bid: fc.boolean(),
  })
  .map(
    ({ price, count, amount, bid }): WireEntry => [price, count, (bid ? 1 : -1) * (count === 0 ? 1 : amount)],
  );

/** Ten lines of what a book is (protocols/bitfinex.md 8.3). */
function apply(model: Model, [price, count, amount]: WireEntry): void {
  const side = amount > 0 ? model.bid : model.ask;
  if (count === 0) side.delete(price);
  else side.set(price, Math.abs(amount));
}

function sorted(model: Model) {
  return {
    bid: [...model.bid].sort((a, b) => b[0] - a[0]),
    ask: [...model.ask].sort((a, b) => a[0] - b[0]),
  };
}

const message = fc.oneof(
  { weight: 8, arbitrary: entry.map((one) => ({ kind: 'update' as const, entries: [one] })) },
  {
    weight: 2,
    arbitrary: fc
      .array(entry, { minLength: 2, maxLength: 4 })
      .map((entries) => ({ kind: 'bulk' as const, entries })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'heartbeat' as const, entries: [] }) },
  {
    weight: 1,
    arbitrary: fc.array(entry, { maxLength: 5 }).map((entries) => ({ kind: 'subscribed' as const, entries })),
  },
);

test('the rows rebuild the book that a model of the rules holds, quotes are its top, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 20 }),
      fc.array(message, { maxLength: 60 }),
      (first, messages) => {
        const quotes = { market: 'spot', channel: 'quotes', feed: 'P0.F0.25', symbol: 'tBTCUSD' } as const;
        const book = { ...quotes, channel: 'book' } as const;
        const link = bookLink(SEQUENCED | BULK, { asked: [quotes, book] });
        const model: Model = { bid: new Map(), ask: new Map() };
        let sequence = 0;
        let id = 1;
        const send = (payload: unknown) => link.receive([id, payload, ++sequence]);
        send(first);
        for (const one of first) apply(model, one);
        for (const { kind, entries } of messages) {
          if (kind === 'subscribed') {
            id++;
            link.receive({ event: 'subscribed', channel: 'book', chanId: id, symbol: 'tBTCUSD' });
            model.bid.clear();
            model.ask.clear();
          }
          if (kind === 'heartbeat') send('hb');
          else send(kind === 'update' ? entries[0] : entries);
          for (const one of entries) apply(model, one);
          assert.deepEqual(link.rebuilt('tBTCUSD'), sorted(model));
        }
        const { bid, ask } = sorted(model);
        const last = link.table('quotes').at(-1);
        const top = [...(bid[0] ?? [null, null]), ...(ask[0] ?? [null, null])];
        if (last !== undefined && (bid.length > 0 || ask.length > 0))
          assert.deepEqual([last.bid_price, last.bid_amount, last.ask_price, last.ask_amount], top);
        assert.deepEqual(link.breaches, []);
        const steps = link.table('book').map((row) => Number(row.step));
        assert.deepEqual(
          steps,
          steps.toSorted((a, b) => a - b),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test('a quotes row comes when one of the four best numbers changes and at no other time', () => {
  const asked = [{ market: 'spot', channel: 'quotes', feed: 'P0.F0.25', symbol: 'tBTCUSD' }] as const;
  const link = bookLink(0, { asked });
  link.receive('[1,[[100,1,1],[99,1,1],[101,1,-1]]]');
  assert.equal(link.receive('[1,[99,1,7]]'), 'repeat');
  assert.equal(link.receive('[1,[100,9,1]]'), 'repeat');
  assert.equal(link.receive('[1,[101,1,-2]]'), 'rows');
  assert.equal(link.receive('[1,[100,0,1]]'), 'rows');
  assert.equal(link.table('book').length, 0);
  assert.deepEqual(
    link.table('quotes').map((row) => [row.bid_price, row.bid_amount, row.ask_price, row.ask_amount]),
    [
      [100, 1, 101, 1],
      [100, 1, 101, 2],
      [99, 7, 101, 2],
    ],
  );
});

test('protocols/bitfinex.md 9.3: after snapshot and update the checksum is the server’s; expanded exponents are not', () => {
  const link = bookLink(131_072, {}, { chanId: 81757, symbol: 'tXRPBTC' });
  const snapshot = WORKED_EXAMPLE;
  link.receive(JSON.stringify([81757, snapshot]));
  link.receive('[81757,"cs",-1175357890]');
  assert.deepEqual(link.checksums, { matched: 0, failed: 1 }, 'before the update it must not match');
  link.receive('[81757,[0.0000011,12,266122.94]]');
  assert.equal(link.receive('[81757,"cs",-1175357890]'), 'control');
  link.receive('[81757,"cs",1293492257]');
  assert.deepEqual(link.checksums, { matched: 1, failed: 2 });
  assert.deepEqual(link.breaches, [], 'a failed checksum is only counted for now');
});

test('a checksum is compared only where it is known what it covers: a valid P0 book of 25 levels or more', () => {
  for (const [ack, compared] of [
    [{}, 1],
    [{ len: '250' }, 1],
    [{ len: '1' }, 0],
    [{ prec: 'P1' }, 0],
    [{ prec: 'R0' }, 0],
  ] as const) {
    const link = bookLink(131_072, {}, ack);
    assert.equal(link.receive('[1,"cs",5]'), 'control');
    link.receive('[1,[[100,1,1]]]');
    link.receive('[1,"cs",5]');
    assert.equal(link.checksums.failed, compared, JSON.stringify(ack));
  }
});

test('a book message of an unknown shape breaks the book, asks for the channel again, and changes nothing', () => {
  for (const payload of [
    '[1,[101,1]]',
    '[1,[101,1,"x"]]',
    '[1,[101,0,0]]',
    '[1,[101,-1,1]]',
    '[1,[[99,1,1],[101,1,0]]]',
    '[1,[null,1,1]]',
    '[1,[]]',
    '[1,{}]',
    '[1,"zz"]',
  ]) {
    const link = bookLink(0);
    link.receive('[1,[[100,1,1]]]');
    assert.equal(link.receive(payload), 'undecoded', payload);
    assert.equal(link.breaches[0]?.stream, 'book P0.F0.25 tBTCUSD', payload);
    assert.equal(link.rebuilt('tBTCUSD'), null, payload);
    const [request] = link.requests;
    assert.deepEqual(request?.kind === 'send' && request.texts.map((text) => JSON.parse(text)), [
      { event: 'unsubscribe', chanId: 1 },
      {
        event: 'subscribe',
        channel: 'book',
        symbol: 'tBTCUSD',
        prec: 'P0',
        freq: 'F0',
        len: '25',
        subId: 'book|tBTCUSD|P0|F0|25',
      },
    ]);
    assert.equal(link.receive('[1,[102,1,1]]'), 'held', payload);
    assert.equal(link.receive('[1,[[102,1,1]]]'), 'held', 'only a new ack makes a snapshot believed');
  }
});

/** The snapshot of the worked example, as the protocol file has it. */
const WORKED_EXAMPLE = JSON.parse(`[
  [0.0000011,13,271510.49],[0.00000109,4,500793.10790141],[0.00000108,5,776367.43],
  [0.00000107,1,23329.54842056],[0.00000106,3,116868.87735849],[0.00000105,3,205000],
  [0.00000103,3,227308.25386407],[0.00000102,2,105000],[0.00000101,1,2970],[0.000001,2,21000],
  [7e-7,1,10000],[6.6e-7,1,10000],[6e-7,1,100000],[4.9e-7,1,10000],[2.5e-7,1,2000],[6e-8,1,100000],
  [5e-8,1,200000],[1e-8,4,640000],[0.00000111,1,-4847.13],[0.00000112,7,-528102.69042633],
  [0.00000113,5,-302397.07],[0.00000114,3,-339088.93],[0.00000126,4,-245944.06],[0.00000127,1,-5000],
  [0.0000013,1,-5000],[0.00000134,1,-8249.18938656],[0.00000136,1,-13161.25184766],
  [0.00000145,1,-2914],[0.0000015,3,-54448.5],[0.00000152,2,-5538.54849594],
  [0.00000153,1,-62691.75475079],[0.00000159,1,-2914],[0.0000016,1,-52631.10296831],
  [0.00000164,1,-4000],[0.00000166,1,-3831.46784605],[0.00000171,1,-14575.17730379],
  [0.00000174,1,-3124.81815395],[0.0000018,1,-18000],[0.00000182,1,-16000],[0.00000186,1,-4000],
  [0.00000189,1,-10000.686624],[0.00000191,1,-14500],[0.00000193,1,-2422]
]`) as WireEntry[];
