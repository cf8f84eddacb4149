import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadGauge } from './load-gauge.ts';

test('a load lasts once half the pool has waited for fifteen seconds without a break', () => {
  const gauge = new LoadGauge(64);
  assert.equal(gauge.lasts(32, 0), false);
  assert.equal(gauge.lasts(64, 14_999), false);
  assert.equal(gauge.lasts(32, 15_000), true);
  assert.equal(gauge.lasts(64, 20_000), true);
  assert.equal(gauge.lasts(31, 20_001), false, 'a break');
  assert.equal(gauge.lasts(64, 20_002), false, 'and it counts anew');
  assert.equal(gauge.lasts(64, 35_001), false);
  assert.equal(gauge.lasts(64, 35_002), true);
  gauge.restart();
  assert.equal(gauge.lasts(64, 35_003), false, 'something was done about it');
  assert.equal(gauge.lasts(64, 50_002), false);
  assert.equal(gauge.lasts(64, 50_003), true);
});

test('a burst, however high, is no load that lasts', () => {
  const gauge = new LoadGauge(8);
  for (let second = 0; second < 100; second++)
    assert.equal(gauge.lasts(second % 10 === 9 ? 3 : 8, second * 1000), false);
});
