import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestLink } from './harness.test.ts';

/** A folder of real captures, which are no part of the project (`docs/decode.md` describes their form). */
const CORPUS = process.env.FEEDTAPE_CORPUS;
const skip = CORPUS === undefined && 'FEEDTAPE_CORPUS names no folder of captures';

test('bitfinex.jsonl: 210 trades, 1670 numbers without a gap, 7 whole books, nothing undecoded', {
  skip,
}, () => {
  const link = new TestLink();
  let arrays = 0;
  for (const line of readFileSync(join(CORPUS ?? '', 'bitfinex.jsonl'), 'utf8')
    .trim()
    .split('\n')) {
    const entry = JSON.parse(line) as { t: string; data: string };
    if (entry.t === 'sent') link.sent(entry.data);
    if (entry.t !== 'recv') continue;
    if (entry.data.startsWith('[')) arrays++;
    link.receive(entry.data);
  }
  const { routing } = link.decoder.state() as { routing: { sequence: number } };
  assert.equal(arrays, 1670);
  assert.equal(routing.sequence, 1670);
  assert.deepEqual(link.breaches, []);
  assert.equal(link.table('trades').length, 210);
  assert.equal(link.table('tickers').length, 21);
  assert.equal(link.table('undecoded').length, 0);
  assert.equal(link.proven.length, 7);
  assert.deepEqual(link.outcomes, {
    rows: 7 + 21 + 1600,
    control: 23 + 42,
    repeat: 0,
    held: 0,
    undecoded: 0,
  });
  for (const symbol of new Set(link.table('book').map((row) => String(row.symbol)))) {
    const book = link.rebuilt(symbol);
    assert.ok(book !== null);
    const [bid, ask] = [book.bid[0]?.[0] ?? 0, book.ask[0]?.[0] ?? Number.POSITIVE_INFINITY];
    assert.ok(bid < ask, `${symbol} is crossed`);
    assert.ok(book.bid.length <= 100 && book.ask.length <= 100, `${symbol} has more levels than its window`);
  }
});
