import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitBytes } from './doubles.ts';

test('bytes are split by their place in the number, for any count, at any place', () => {
  for (let count = 0; count < 14; count++)
    for (const at of [0, 1, 3]) {
      const values = Float64Array.from({ length: count + 1 }, (_, n) => Math.sin(n + count) * 10 ** (n - 5));
      const bytes = Buffer.from(values.buffer);
      const to = new Uint8Array(at + count * 8 + 2).fill(7);
      splitBytes(to, at, values, count);
      for (let place = 0; place < 8; place++)
        for (let n = 0; n < count; n++)
          assert.equal(to[at + place * count + n], bytes[n * 8 + place], `${count} at ${at}`);
      assert.deepEqual([...to.subarray(0, at), ...to.subarray(at + count * 8)], Array(at + 2).fill(7));
    }
});
