import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecimalReader } from '../../record/index.ts';
import { Drift, ShapeReader } from '../../shape/index.ts';
import { TestLink } from './harness.test.ts';
import { VARIANTS } from './shapes.ts';

/*
 * A frame in the wrapper that is known is read without it. What it gives must be what the reference reader makes of the
 * whole frame, whatever was done to it.
 */

let nextId = 1;

function trade(fields: { price: number; amount: number; maker: boolean }, changed: object = {}): string {
  const data = {
    e: 'trade',
    E: 1_700_000_000_000,
    s: 'BTCUSDT',
    t: nextId++,
    p: (fields.price / 100).toFixed(8),
    q: (fields.amount / 1e5).toFixed(8),
    T: 1_700_000_000_001,
    m: fields.maker,
    M: true,
    ...changed,
  };
  return `{"stream":"btcusdt@trade","data":${JSON.stringify(data)}}`;
}

const fields = fc.record({ price: fc.nat(1e9), amount: fc.nat(1e9), maker: fc.boolean() });

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Ways to spoil a frame, or to write it in another way. */
const change = fc.oneof(
  fc.constant({ kind: 'none' as const }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(300) }),
  fc.record({
    kind: fc.constant('put' as const),
    at: fc.nat(300),
    text: fc.constantFrom(' ', '}', '"', ',"x":1', '\\', '0', '-', '{'),
  }),
  fc.record({
    kind: fc.constant('swap' as const),
    at: fc.nat(300),
    text: fc.constantFrom(' ', '}', '"', 'x', '9', ','),
  }),
  fc.record({ kind: fc.constant('end' as const), text: fc.constantFrom(' ', '}', ',"x":1}', '\n', '{}') }),
  fc.record({
    kind: fc.constant('field' as const),
    changed: fc.constantFrom<object>({ s: 'ETHUSDT' }, { x: 1 }, { p: 5 }, { T: undefined }, { t: 'a' }),
  }),
);

function spoiled(given: { price: number; amount: number; maker: boolean }, how: Change): string {
  const text = trade(given, how.kind === 'field' ? how.changed : {});
  switch (how.kind) {
    case 'none':
    case 'field':
      return text;
    case 'cut':
      return text.slice(0, how.at);
    case 'put':
      return text.slice(0, how.at) + how.text + text.slice(how.at);
    case 'swap':
      return text.slice(0, how.at) + how.text + text.slice(how.at + 1);
    case 'end':
      return text.slice(0, -1) + how.text;
  }
}

test('a trade in a wrapper that is known is what the reference reader makes of the whole frame', () => {
  let rows = 0;
  const property = fc.property(fc.array(fc.tuple(fields, change), { maxLength: 20 }), (given) => {
    const link = new TestLink('spot');
    const reference = new ShapeReader(VARIANTS.trade.wrapped, new DecimalReader(), new Drift());
    const { slots } = VARIANTS.trade.wrapped;
    assert.equal(link.receive(trade({ price: 1, amount: 1, maker: true })), 'rows');
    for (const [each, how] of given) {
      const text = spoiled(each, how);
      const before = link.rows.length;
      let outcome: string;
      try {
        outcome = link.receive(text);
      } catch {
        outcome = 'error';
      }
      const isRead =
        reference.readText(text) === 'read' && reference.reading.text(slots.data.s) === 'BTCUSDT';
      // In another stream's name it is another's, and its id may be what no id is, or have come before.
      const isOurs = isRead && reference.reading.text(slots.stream) === 'btcusdt@trade';
      if (outcome === 'rows') assert.ok(isRead, text);
      else if (isOurs && outcome !== 'repeat')
        assert.ok(Number.isNaN(reference.reading.number(slots.data.t)), text);
      if (outcome !== 'rows' || !isOurs) continue;
      rows++;
      const row = link.rows[before];
      assert.deepEqual(
        [row?.price, row?.amount, row?.id, row?.side],
        [
          reference.reading.number(slots.data.p),
          reference.reading.number(slots.data.q),
          reference.reading.text(slots.data.t),
          reference.reading.number(slots.data.m) === 1 ? 'sell' : 'buy',
        ],
      );
    }
  });
  fc.assert(property, { numRuns: 400, endOnFailure: true });
  assert.ok(rows > 500, `${rows} rows`);
});
