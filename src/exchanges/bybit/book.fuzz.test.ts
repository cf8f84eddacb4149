import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../exchange.ts';
import { type Levels, rebuilt, TestLink } from './harness.test.ts';

const TS = 1_687_940_967_466;

type Level = [price: string, size: string];

function message(type: string, u: number, b: Level[], a: Level[]): object {
  const data = { s: 'BTCUSDT', b, a, u, seq: u * 2 };
  return { topic: 'orderbook.50.BTCUSDT', type, ts: TS, data, cts: TS - 2 };
}

/** What may happen to a feed, and what a ten-line model makes of it. */
type Act = {
  kind: 'delta' | 'hole' | 'old' | 'snapshot' | 'restart' | 'restart-delta';
  levels: Level[][];
  by: number;
};

const level = fc.tuple(
  fc.integer({ min: 90, max: 110 }).map(String),
  fc.integer({ min: 0, max: 5 }).map(String),
) as fc.Arbitrary<Level>;
const levels = fc.array(level, { maxLength: 4 });
const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom<Act['kind'][]>(
    'delta',
    'delta',
    'delta',
    'delta',
    'hole',
    'old',
    'snapshot',
    'restart',
    'restart-delta',
  ),
  levels: fc.tuple(levels, levels),
  by: fc.integer({ min: 1, max: 9 }),
});

class BookModel {
  u = 500;
  levels: Levels | null = null;

  /** The message of an act, and what must become of it. */
  take({ kind, levels: [b = [], a = []], by }: Act): { sent: object; outcome: Outcome } {
    if (kind === 'restart' || kind === 'restart-delta' || kind === 'snapshot') {
      this.u = kind === 'snapshot' ? this.u + by : 1;
      this.levels = { bid: {}, ask: {} };
      this.#apply(b, a);
      return {
        sent: message(kind === 'restart-delta' ? 'delta' : 'snapshot', this.u, b, a),
        outcome: 'rows',
      };
    }
    if (kind === 'old') {
      const u = Math.max(2, this.u - by);
      const old = message('delta', u, b, a);
      if (this.levels === null || u <= this.u)
        return { sent: old, outcome: this.levels === null ? 'held' : 'repeat' };
    }
    this.u += kind === 'hole' ? 1 + by : 1;
    if (kind === 'hole') this.levels = null;
    const empty = b.length + a.length === 0;
    const outcome = this.levels === null ? 'held' : empty ? 'repeat' : 'rows';
    this.#apply(b, a);
    return { sent: message('delta', this.u, b, a), outcome };
  }

  #apply(b: readonly Level[], a: readonly Level[]): void {
    for (const [side, changes] of [
      ['bid', b],
      ['ask', a],
    ] as const)
      for (const [price, size] of changes) {
        if (this.levels === null) return;
        if (size === '0') delete this.levels[side][price];
        else this.levels[side][price] = Number(size);
      }
  }
}

test("whatever holes, repeats and snapshots come, the rows rebuild the model's book, also through a saved state", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), fc.nat(60), (acts, cut) => {
      const model = new BookModel();
      let link = new TestLink('linear');
      const whole = new TestLink('linear');
      const rows = [];
      for (const [index, step] of acts.entries()) {
        if (index === cut) {
          rows.push(...link.rows);
          const { now } = link;
          link = new TestLink('linear', link.state(), link.ordinal);
          link.now = now;
        }
        const { sent, outcome } = model.take(step);
        assert.equal(link.receive(sent), outcome, `${index}: ${JSON.stringify(sent)}`);
        whole.receive(sent);
        assert.deepEqual(rebuilt(whole.table('book')), model.levels, `${index}: ${JSON.stringify(sent)}`);
      }
      rows.push(...link.rows);
      assert.deepEqual(rows, whole.rows);
      assert.deepEqual(link.state(), whole.state());
    }),
    { numRuns: 150 },
  );
});
