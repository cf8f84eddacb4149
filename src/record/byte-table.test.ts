import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteTable } from './index.ts';

test('a byte table answers as a map of the same names does', () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 6, max: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.nat()), { maxLength: 300 }), fc.array(name), (entries, asked) => {
      const table = new ByteTable<number>();
      const map = new Map<string, number>();
      for (const [key, value] of entries) {
        table.set(key, value);
        map.set(String(key), value);
      }
      assert.equal(table.size, map.size);
      for (const key of [...entries.map(([key]) => key), ...asked]) {
        const around = Buffer.from([9, ...key, 9]);
        for (let twice = 0; twice < 2; twice++)
          assert.equal(table.get(around, 1, 1 + key.length), map.get(String(key)));
      }
    }),
  );
});

test('what the frame brings after a look-up does not change the name that was set', () => {
  const table = new ByteTable<string>();
  const name = Buffer.from('btcusdt@trade');
  table.set(name, 'route');
  name.fill(0);
  assert.equal(table.get(Buffer.from('btcusdt@trade'), 0, 13), 'route');
  assert.equal(table.get(name, 0, 13), undefined);
  assert.equal(table.get(name, 0, 0), undefined);
});

test('a name is looked up as far as the byte that ends it, and not beyond the frame', () => {
  const table = new ByteTable<string>();
  for (const name of ['a', 'ab', 'abc']) table.set(Buffer.from(name), name);
  const quote = '"'.charCodeAt(0);
  const frame = Buffer.from('ab"abc"a"x"abc');
  const until = (start: number, end = frame.length) => table.getUntil(quote, frame, start, end);
  for (let twice = 0; twice < 2; twice++) {
    assert.deepEqual([until(0), until(0), until(3), until(7), until(9)], ['ab', 'ab', 'abc', 'a', undefined]);
    assert.equal(until(11), undefined, 'no quote before the end');
    assert.equal(until(3, 6), undefined, 'the quote stands behind the end');
  }
});
