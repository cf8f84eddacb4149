import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ID_BYTES_MAX, IdRing } from './id-ring.ts';

/** Ten lines that do the same slowly. */
class Model {
  ids: string[] = [];

  add(id: string): boolean {
    if (Buffer.byteLength(id) > ID_BYTES_MAX) return true;
    if (this.ids.includes(id)) return false;
    this.ids.push(id);
    if (this.ids.length > 256) this.ids.shift();
    return true;
  }
}

test('an id ring tells old ids from new as a list of the latest does, whatever is added and taken back', () => {
  const id = fc.oneof(
    fc.nat(700).map(String),
    fc.string({ maxLength: 4 }),
    fc.nat(50).map((n) => 'x'.repeat(n * 7)),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(id, fc.constant(null)), { maxLength: 1500, size: 'max' }), (acts) => {
      const ring = new IdRing(256);
      const model = new Model();
      for (const act of acts) {
        if (act === null) {
          ring.removeLast();
          model.ids.pop();
          continue;
        }
        const bytes = Buffer.from(`<${act}>`);
        assert.equal(ring.add(bytes, 1, bytes.length - 1), model.add(act), act);
      }
      assert.deepEqual(
        ring.ids().map((bytes) => bytes.toString()),
        model.ids,
      );
    }),
    { numRuns: 60 },
  );
});
