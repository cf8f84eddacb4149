import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rows, textFrame } from '../record/index.ts';
import { MarketStats, sampleBatch } from './market-stats.ts';

function sampled(write: (rows: Rows) => void): (market: string) => MarketStats {
  const stats = new Map<string, MarketStats>();
  const statsOf = (market: string): MarketStats => {
    const known = stats.get(market) ?? new MarketStats();
    stats.set(market, known);
    return known;
  };
  const rows = new Rows((batch, streams) => sampleBatch(batch, streams, statsOf));
  write(rows);
  rows.flush();
  return statsOf;
}

test('the last trade of each market is the last that came, whatever came between', () => {
  const statsOf = sampled((rows) => {
    const stream = (market: string, symbol: string): number =>
      rows.streams.code(market, 'trades', 'trade', symbol);
    const trades: [string, string, number][] = [
      ['spot', 'AB', 1],
      ['spot', 'AB', 2],
      ['linear', 'AB', 3],
      ['spot', 'CD', 4],
      ['linear', 'EF', 5],
      ['linear', 'EF', 6],
    ];
    for (const [n, [market, symbol, price]] of trades.entries()) {
      rows.at(textFrame(1000 + n, 1, n, 'received', ''));
      rows.trade(stream(market, symbol), 1000, `${n}`, 'buy', price, 1);
    }
  });
  assert.deepEqual(statsOf('spot').lastTrade, { symbol: 'CD', price: 4 });
  assert.deepEqual(statsOf('linear').lastTrade, { symbol: 'EF', price: 6 });
  assert.equal(statsOf('inverse').lastTrade, null);
});

test('lags are those of messages that carry a time, and gaps count when they open', () => {
  const statsOf = sampled((rows) => {
    const stream = rows.streams.code('spot', 'quotes', 'bbo', 'AB');
    for (const [n, time] of [5000, Number.NaN, 2000].entries()) {
      rows.at(textFrame(10_000, 1, n, 'received', ''));
      rows.quote(stream, time, 1, 1, 2, 1);
    }
    for (const event of ['opened', 'closed'] as const)
      rows.gap({
        stream,
        id: '1',
        event,
        from: 1,
        to: null,
        fromSequence: null,
        toSequence: null,
        cause: 'silent',
        detail: null,
      });
  });
  assert.deepEqual([statsOf('spot').lagMs(0), statsOf('spot').lagMs(99)], [5, 8]);
  assert.equal(statsOf('linear').lagMs(50), null);
  assert.equal(statsOf('spot').gaps, 1);
});
