import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AnyBatch, Rows, StreamDictionary, textFrame } from '../record/index.ts';
import { Arrival } from './arrival.ts';

/** Three names in four streams: the last two are one but for their channel. */
const NAMES = ['AB', 'CD', 'EF', 'EF'];

const few = fc.nat(2);
const fact = fc.record({
  stream: fc.nat(3),
  time: few,
  link: few,
  frame: few,
  rows: fc.integer({ min: 1, max: 2 }),
});

/** Whether rows sorted by name and these keys are sorted by name and arrival too. */
function isSorted(facts: readonly { name: string; key: readonly number[] }[]): boolean {
  const last = new Map<string, readonly number[]>();
  for (const { name, key } of facts) {
    const before = last.get(name);
    const at = before === undefined ? -1 : key.findIndex((value, i) => value !== before[i]);
    if (before !== undefined && (at < 0 || (key[at] as number) < (before[at] as number))) return false;
    last.set(name, key);
  }
  return true;
}

test('arrival is taken for the order only where it is the order', () => {
  let inOrder = 0;
  const property = fc.property(fc.array(fact, { maxLength: 6 }), fc.boolean(), (facts, isAscending) => {
    const ordered = isAscending
      ? [...facts].sort((a, b) => a.time - b.time || a.link - b.link || a.frame - b.frame)
      : facts;
    const streams = new StreamDictionary();
    for (const [i, name] of NAMES.entries()) streams.code('spot', i === 3 ? 'book' : 'trades', 'x', name);
    const arrival = new Arrival('trades');
    const rows = new Rows((batch: AnyBatch) => arrival.add(batch), 1, streams);
    const all: { name: string; key: readonly number[] }[] = [];
    const codes = new Set<number>();
    for (const { stream, time, link, frame, rows: count } of ordered) {
      rows.at(textFrame(time, link, frame, 'received', ''));
      for (let row = 0; row < count; row++) {
        rows.trade(stream, 0, '', 'buy', 1, 1);
        codes.add(stream);
        all.push({ name: NAMES[stream] ?? '', key: [time, link, frame, row] });
      }
    }
    rows.flush();
    assert.equal(arrival.count, all.length);
    const isOrder = arrival.isOrder(streams);
    if (isOrder) assert.ok(isSorted(all));
    else if (codes.size < 4 && !(codes.has(2) && codes.has(3))) assert.ok(!isSorted(all));
    if (isOrder && all.length > 4) inOrder++;
  });
  fc.assert(property, { numRuns: 2000 });
  assert.ok(inOrder > 20, `${inOrder} of the runs had many rows in order`);
});
