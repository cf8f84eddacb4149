import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../record/index.ts';
import { TradeMemory } from './trade-memory.ts';

test('an id is new once, as text and as number, each stream for itself; the oldest are forgotten', () => {
  const memory = new TradeMemory();
  for (let id = 0; id < 3000; id++) {
    assert.equal(memory.isNewNumber(1, id), true, `number ${id}`);
    assert.equal(memory.isNewNumber(1, id), false);
    assert.equal(memory.isNew(2, `t${id}`), true);
    assert.equal(memory.isNew(2, `t${id}`), false);
    memory.mark();
  }
  assert.equal(memory.isNewNumber(3, 2999), true, 'another stream');
  assert.equal(memory.isNewNumber(1, 2999 - 2047), false, 'the last 2048 are known');
  assert.equal(memory.isNewNumber(1, 2999 - 2048), true, 'what came before them is forgotten');
  assert.equal(memory.isNew(2, 't2000'), false);
  assert.equal(memory.isNew(2, 't0'), true);
});

test('what a failed frame remembered is taken back, and what it overwrote is there again', () => {
  const memory = new TradeMemory();
  memory.isNewNumber(1, 5);
  memory.isNew(2, 'a');
  memory.mark();
  assert.equal(memory.isNewNumber(1, 5 + 2048), true);
  assert.equal(memory.isNewNumber(1, 5 + 4096), true);
  memory.isNew(2, 'b');
  memory.rollback();
  assert.equal(memory.isNewNumber(1, 5), false);
  assert.equal(memory.isNewNumber(1, 5 + 2048), true);
  assert.equal(memory.isNew(2, 'a'), false);
  assert.equal(memory.isNew(2, 'b'), true);
});

test('what is taken back is taken from the stream it went to, whichever came in the frame before', () => {
  const memory = new TradeMemory();
  for (const [stream, id] of [
    [1, 7],
    [2, 7],
    [1, 8],
    [3, 8],
  ] as const) {
    memory.mark();
    assert.equal(memory.isNewNumber(stream, id), true);
    assert.equal(memory.isNewNumber(stream + 10, id), true);
    memory.rollback();
    assert.equal(memory.isNewNumber(stream, id), true, `${id} of stream ${stream}`);
    assert.equal(memory.isNewNumber(stream + 10, id), true);
  }
  assert.equal(memory.isNewNumber(1, 7), false, 'what was kept is still known');
});

test('state and restore go on as if nothing had happened', () => {
  const act = fc.record({ isText: fc.boolean(), id: fc.integer({ min: 0, max: 5000 }) });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), fc.nat(300), (acts, cut) => {
      const whole = new TradeMemory();
      let parts = new TradeMemory();
      for (const [index, { isText, id }] of acts.entries()) {
        if (index === cut) {
          const state = JSON.parse(JSON.stringify(parts.state(String))) as Record<
            string,
            (string | number)[]
          >;
          parts = new TradeMemory();
          for (const [stream, ids] of Object.entries(state)) parts.restore(Number(stream), ids);
        }
        const see = (memory: TradeMemory): boolean =>
          isText ? memory.isNew(1, String(id)) : memory.isNewNumber(2, id);
        assert.equal(see(parts), see(whole));
      }
      assert.deepEqual(parts.state(String) as Json, whole.state(String) as Json);
    }),
  );
});
