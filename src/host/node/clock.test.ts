import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SlewedClock } from './clock.ts';

function virtual(): { wall: number; monotonic: number; clock: SlewedClock } {
  const source = { wall: 1e15, monotonic: 0 };
  const clock = new SlewedClock({ wall: () => source.wall, monotonic: () => source.monotonic });
  return Object.assign(source, { clock });
}

test('the clock never goes back and is slewed by at most 500 ppm while the wall clock drifts', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -900_000, max: 900_000 }), { maxLength: 50 }), (drifts) => {
      const source = virtual();
      for (const drift of drifts) {
        const before = source.clock.now();
        source.monotonic += 1e6;
        source.wall = 1e15 + source.monotonic + drift;
        const after = source.clock.now();
        assert.ok(after >= before);
        assert.ok(Math.abs(after - before - 1e6) <= 501, `moved ${after - before} µs in one second`);
        assert.equal(source.clock.adjust(), null);
      }
    }),
  );
});

test('a clock that was set is a step: reported once, then followed; time set back stands still, never decreases', () => {
  const source = virtual();
  source.clock.now();
  source.monotonic += 1e6;
  source.wall += 1e6 + 5e6;
  assert.equal(source.clock.adjust(), 5e6);
  assert.equal(source.clock.adjust(), null);
  const ahead = source.clock.now();
  assert.equal(ahead, source.wall);
  source.wall -= 60e6;
  assert.equal(source.clock.adjust(), -60e6);
  assert.equal(source.clock.now(), ahead);
});
