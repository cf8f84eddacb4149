import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockChecksum, interleavedChecksum, OrderBook } from './index.ts';

test('a book equals a map of prices under random changes, both sides best first', () => {
  const change = fc.record({
    side: fc.constantFrom('bid' as const, 'ask' as const),
    // Near each other, far apart, and what no market has.
    price: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: -3, max: 2000 })),
    amount: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 800, size: 'max' }), fc.boolean(), (changes, keepTexts) => {
      const book = new OrderBook(keepTexts);
      const model = { bid: new Map<number, number>(), ask: new Map<number, number>() };
      for (const { side, price, amount } of changes) {
        book.apply(side, price, amount, `${price}.0`, `${amount}.0`);
        if (amount === 0) model[side].delete(price);
        else model[side].set(price, amount);
        const prices = [...model[side].keys()];
        const best = side === 'bid' ? Math.max(...prices) : Math.min(...prices);
        assert.equal(book.side(side).price(0), prices.length === 0 ? Number.NaN : best);
        assert.equal(book.side(side).amount(0), model[side].get(best) ?? Number.NaN);
        assert.equal(book.side(side).count, prices.length);
      }
      for (const side of ['bid', 'ask'] as const) {
        const expected = [...model[side]].sort((a, b) => (side === 'bid' ? b[0] - a[0] : a[0] - b[0]));
        const levels = book.side(side);
        const got = Array.from({ length: levels.count }, (_, n) => [levels.price(n), levels.amount(n)]);
        assert.deepEqual(got, expected);
        for (let n = 0; n < levels.count; n++) {
          const zeros = keepTexts ? '.0' : '';
          assert.equal(levels.priceText(n), `${levels.price(n)}${zeros}`);
          assert.equal(levels.amountText(n), `${levels.amount(n)}${zeros}`);
        }
      }
      const cleared = new OrderBook(keepTexts);
      for (const { side, price, amount } of changes) cleared.apply(side, price, amount, 'p', 'a');
      cleared.clear();
      assert.deepEqual([cleared.bids.count, cleared.asks.count, cleared.bids.price(0)], [0, 0, Number.NaN]);
      cleared.apply('bid', 7, 1, 'p', 'a');
      assert.deepEqual(
        [cleared.bids.count, cleared.bids.price(0), cleared.bids.price(1)],
        [1, 7, Number.NaN],
      );
      const copy = new OrderBook(keepTexts);
      copy.restore(book.state());
      assert.deepEqual(copy.state(), book.state());
    }),
  );
});

test('levels that are set together are those set one by one, whatever the prices', () => {
  const price = fc.oneof(
    fc.integer({ min: 1, max: 400 }).map((ticks) => 100 + ticks / 100),
    fc.integer({ min: 1, max: 5000 }),
    // A map of prices does not tell zeros apart.
    fc.double({ min: -1e-300, noNaN: true }).map((any) => any + 0),
    fc.constantFrom(0, 5e-324, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  const level = fc.tuple(fc.constant(9), price, fc.integer({ min: 0, max: 3 }));
  const message = fc.record({
    side: fc.constantFrom('bid' as const, 'ask' as const),
    levels: fc.array(level, { maxLength: 60 }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 30, size: 'max' }), (messages) => {
      const [together, singly] = [new OrderBook(), new OrderBook()];
      for (const { side, levels } of messages) {
        const numbers = Float64Array.from(levels.flat());
        together.unknownDeletes += together.side(side).setAll(numbers, levels.length, 3, 1, 2);
        for (const [, price, amount] of levels) singly.apply(side, price, amount);
      }
      assert.equal(together.unknownDeletes, singly.unknownDeletes);
      assert.deepEqual(together.state(), singly.state());
      for (const side of ['bid', 'ask'] as const) {
        const model = new Map<number, number>();
        for (const message of messages)
          for (const [, price, amount] of message.side === side ? message.levels : [])
            model.set(price, amount);
        const expected = [...model].filter(([, amount]) => amount > 0).sort(([a], [b]) => (a > b ? -1 : 1));
        if (side === 'ask') expected.reverse();
        const levels = together.side(side);
        const got = Array.from({ length: levels.count }, (_, n) => [levels.price(n) + 0, levels.amount(n)]);
        assert.deepEqual(got, expected);
      }
    }),
    { numRuns: 300, endOnFailure: true },
  );
  assert.throws(() => new OrderBook(true).bids.setAll(new Float64Array(2), 1, 2, 0, 1), /keeps texts/);
});

test('CoinEx: the worked example of the protocol file, full push, increment, and one-sided books', () => {
  const book = new OrderBook(true);
  const set = (side: 'bid' | 'ask', price: string, amount: string) =>
    book.apply(side, Number(price), Number(amount), price, amount);
  set('ask', '30740.00', '0.31763545');
  set('ask', '30769.00', '1.45155000');
  assert.equal(blockChecksum(book), 775992809);
  set('bid', '30733.00', '0.84696320');
  set('bid', '30725.00', '0.12563353');
  set('bid', '30736.00', '0.04857373');
  assert.equal(blockChecksum(book), 2460740606);
  set('bid', '30736.00', '0.05000000');
  set('bid', '30733.00', '0');
  set('ask', '30739.50', '0.10000000');
  assert.equal(blockChecksum(book), 1529502893);
});

test('Bitfinex: the worked strings of the official unit test give the protocol file’s CRC', () => {
  const book = new OrderBook(true);
  book.apply('bid', 6000, 1, '6000', '1');
  book.apply('bid', 5900, 2, '5900', '2');
  book.apply('ask', 6100, 3, '6100', '3');
  book.apply('ask', 6200, 4, '6200', '4');
  assert.equal(interleavedChecksum(book), 1756193398);
});
