import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearestName } from './nearest.ts';

test('the nearest name is the one meant', () => {
  const known = ['trades', 'book', 'quotes', 'ticker', 'derivatives', 'liquidations', 'candles'];
  const cases: Readonly<Record<string, string | undefined>> = {
    tardes: 'trades',
    Trades: 'trades',
    trade: 'trades',
    boook: 'book',
    bk: undefined,
    tikcer: 'ticker',
    liquidation: 'liquidations',
    derivaties: 'derivatives',
    orders: undefined,
    x: undefined,
    '': undefined,
  };
  for (const [given, expected] of Object.entries(cases))
    assert.equal(nearestName(given, known), expected, given);
});

test('a text too long to be a mistyped name is not compared', () => {
  const started = performance.now();
  assert.equal(nearestName('trades'.repeat(1_000_000), ['trades']), undefined);
  assert.ok(performance.now() - started < 1000);
});

test('the distance is one for each insert, delete, replace and swap of neighbours', () => {
  for (const [a, b, edits] of [
    ['abcd', 'abcd', 0],
    ['abcd', 'abdc', 1],
    ['abcd', 'acd', 1],
    ['acd', 'abcd', 1],
    ['abcd', 'abxd', 1],
    ['ca', 'abc', 3],
    ['', 'abc', 3],
    ['abc', '', 3],
  ] as const)
    assert.equal(editDistance(a, b), edits, `${a} ${b}`);
});

test('the distance is the same both ways and never above the longer length', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const edits = editDistance(a, b);
      assert.equal(edits, editDistance(b, a));
      assert.ok(edits <= Math.max(a.length, b.length) && edits >= Math.abs(a.length - b.length));
      assert.equal(edits === 0, a === b);
    }),
  );
});
