import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecimalReader, significantDigits } from './index.ts';

test('decimal text goes to the nearest double; nothing, null and the empty text are null; the rest is refused', () => {
  const reader = new DecimalReader();
  assert.equal(reader.read('30740.00'), 30740);
  assert.equal(reader.read('7e-7'), 7e-7);
  for (const nothing of ['', null, undefined]) assert.ok(Number.isNaN(reader.read(nothing)));
  for (const wrong of ['abc', ' 1', '1 ', 'Infinity', 'NaN', '1,5'])
    assert.throws(() => reader.read(wrong), TypeError);
});

test('texts whose double prints as another decimal are counted, however many zeros stand around them', () => {
  const reader = new DecimalReader();
  const exact = ['0.000000123456789012', '51996.00000000000000000000', '123456789012345', '1234567890123456'];
  for (const text of [...exact, '-1234567890123456.0e-3', '9007199254740992e0']) reader.read(text);
  assert.equal(reader.inexact, 0);
  for (const long of ['12345678901234567', '24497980.15228462554747551920', '1.00000000000000001'])
    reader.read(long);
  assert.equal(reader.inexact, 3);
});

test('up to 15 digits the double prints back to the same decimal', () => {
  const digits = fc.bigInt({ min: 1n, max: 999_999_999_999_999n });
  fc.assert(
    fc.property(digits, fc.integer({ min: 0, max: 12 }), (number, places) => {
      const text = number.toString().padStart(places + 1, '0');
      const decimal = places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`;
      assert.ok(significantDigits(decimal) <= 15);
      assert.equal(
        BigInt(Math.round(Number(new DecimalReader().read(decimal).toPrecision(15)) * 10 ** places)),
        number,
      );
    }),
  );
});
