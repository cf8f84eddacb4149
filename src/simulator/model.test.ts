import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SimulatedSymbol } from '../exchanges/index.ts';
import { MarketModel } from './model.ts';
import { type SymbolSpecification, specifySymbols } from './specification.ts';

const START = 1_790_000_000_000_000;

const BTC: SymbolSpecification = {
  name: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  tickSize: '0.01',
  lotSize: '0.00001',
  price: 64_000,
  typicalAmount: 0.06,
};

/** The coarsest grid that is allowed, with a step that is no power of ten. */
const COARSE: SymbolSpecification = { ...BTC, name: 'COARSE', tickSize: '0.5', lotSize: '1', price: 4000 };

/** A market on a clock that moves by 50 µs each time it is read. */
function marketOf(seed: string, ...specifications: SymbolSpecification[]) {
  let now = START;
  const model = new MarketModel(seed, specifications, () => {
    now += 50;
    return now;
  });
  const [symbol] = model.symbols;
  assert.ok(symbol !== undefined);
  return { model, symbol };
}

type Act = { readonly move: number } | { readonly trades: number };

const acts = fc.array(
  fc.oneof(
    fc.record({ move: fc.integer({ min: 0, max: 400 }) }),
    fc.record({ trades: fc.integer({ min: 1, max: 100 }) }),
  ),
  { maxLength: 12 },
);

function perform(symbol: SimulatedSymbol, act: Act): void {
  if ('move' in act) symbol.move(act.move);
  else for (let n = 0; n < act.trades; n++) symbol.trade();
}

function bookOf(symbol: SimulatedSymbol): Map<string, string> {
  const book = new Map<string, string>();
  for (const side of ['bid', 'ask'] as const)
    for (const { price, amount } of symbol.levels(side, 5000)) book.set(`${side} ${price}`, amount);
  return book;
}

function assertSound(symbol: SimulatedSymbol): void {
  const bids = symbol.levels('bid', 5000).map(({ price }) => Number(price));
  const asks = symbol.levels('ask', 5000).map(({ price }) => Number(price));
  assert.ok(bids.length >= 1200 && asks.length >= 1200, `${bids.length} bids, ${asks.length} asks`);
  const prices = [...bids.toReversed(), ...asks];
  for (let n = 1; n < prices.length; n++)
    assert.ok((prices[n] ?? 0) > (prices[n - 1] ?? 0), `level ${n} of ${symbol.name} does not rise`);
  assert.ok((prices[0] ?? 0) > 0);
  for (const amount of bookOf(symbol).values()) assert.ok(Number(amount) > 0);
}

test('whatever happens, the book never crosses, is sorted and keeps 1200 levels a side', () => {
  fc.assert(
    fc.property(fc.string(), acts, fc.constantFrom(BTC, COARSE), (seed, steps, specification) => {
      const { symbol } = marketOf(seed, specification);
      for (const act of steps) {
        perform(symbol, act);
        assertSound(symbol);
      }
    }),
    { numRuns: 20 },
  );
});

test('changesSince brings an old copy of the book to the present one exactly', () => {
  fc.assert(
    fc.property(fc.string(), acts, acts, (seed, before, after) => {
      const { symbol } = marketOf(seed, BTC);
      for (const act of before) perform(symbol, act);
      const copy = bookOf(symbol);
      const since = symbol.sequence;
      for (const act of after) perform(symbol, act);
      const changes = symbol.changesSince(since);
      assert.ok(changes !== null);
      const named = new Set(changes.map(({ side, price }) => `${side} ${price}`));
      assert.equal(named.size, changes.length, 'a level is named twice');
      for (const { side, price, amount } of changes) {
        if (amount === '0') copy.delete(`${side} ${price}`);
        else copy.set(`${side} ${price}`, amount);
      }
      assert.deepEqual([...copy].sort(), [...bookOf(symbol)].sort());
    }),
    { numRuns: 30 },
  );
});

test('the sequence rises by one with each level changed, and move changes as many as asked', () => {
  const { symbol } = marketOf('s', COARSE);
  for (const levels of [1, 7, 500]) {
    const before = symbol.sequence;
    symbol.move(levels);
    assert.equal(symbol.sequence - before, levels);
  }
  const before = symbol.sequence;
  let shown = bookOf(symbol);
  for (let n = 0; n < 200; n++) {
    symbol.move(1);
    const now = bookOf(symbol);
    const differing = new Set([...shown, ...now].map(([key]) => key)).values();
    assert.equal([...differing].filter((key) => shown.get(key) !== now.get(key)).length, 1);
    shown = now;
  }
  assert.equal(symbol.sequence, before + 200);
});

test('changes that are forgotten are null, and so are those before the beginning', () => {
  const { symbol } = marketOf('s', BTC);
  const first = symbol.sequence;
  symbol.move(65_536);
  assert.notEqual(symbol.changesSince(first), null);
  symbol.move(1);
  assert.equal(symbol.changesSince(first), null);
  assert.equal(symbol.changesSince(0), null);
  assert.deepEqual(symbol.changesSince(symbol.sequence), []);
});

/** All that a market says under the same calls. */
function transcript(seed: string): string {
  const { model, symbol } = marketOf(seed, BTC, { ...BTC, name: 'ETHUSDT', price: 3400 });
  const said: unknown[] = [symbol.recentTrades(30), symbol.levels('bid', 50)];
  for (let n = 0; n < 300; n++) {
    const chosen = model.symbols[Math.floor(model.random() * model.symbols.length)] ?? symbol;
    const since = chosen.sequence;
    if (model.random() < 0.3) said.push(chosen.trade());
    else chosen.move(3);
    said.push(chosen.time, chosen.changesSince(since), chosen.levels('ask', 2), chosen.day());
  }
  return JSON.stringify(said);
}

test('the same seed gives the same texts, another seed others', () => {
  assert.equal(transcript('7'), transcript('7'));
  assert.notEqual(transcript('7'), transcript('8'));
});

test('a trade takes its amount from the best level of the other side, and ids and times follow on', () => {
  const { model, symbol } = marketOf('s', BTC);
  let last = symbol.recentTrades(1)[0];
  assert.ok(last !== undefined);
  const sides = new Set<string>();
  let sameTime = 0;
  let removed = 0;
  for (let n = 0; n < 3000; n++) {
    const before = { bid: symbol.levels('bid', 1)[0], ask: symbol.levels('ask', 1)[0] };
    const since = symbol.sequence;
    const trade = symbol.trade();
    const met = before[trade.side === 'buy' ? 'ask' : 'bid'];
    assert.equal(trade.price, met?.price);
    assert.ok(Number(trade.amount) > 0 && Number(trade.amount) <= Number(met?.amount));
    assert.equal(trade.id, last.id + 1);
    assert.ok(trade.time >= last.time && trade.time <= model.now());
    assert.match(trade.price, /^\d+\.\d\d$/);
    assert.match(trade.amount, /^\d+\.\d{5}$/);
    if (trade.time === last.time) sameTime++;
    const left = symbol.changesSince(since)?.find(({ price }) => price === trade.price)?.amount;
    if (Math.abs(Number(met?.amount) - Number(trade.amount) - Number(left)) < 1e-9) removed++;
    sides.add(trade.side);
    assert.deepEqual(symbol.recentTrades(2), [trade, last]);
    assert.equal(symbol.day().last, trade.price);
    last = trade;
  }
  assert.deepEqual([...sides].sort(), ['buy', 'sell']);
  // Now and then a maker changes the same level at once.
  assert.ok(removed > 2700, `the amount was taken from the book ${removed} times of 3000`);
  assert.ok(sameTime > 100, 'takers walk several levels at one time');
});

test('there are trades from the start, newest first, none of them in the future', () => {
  const { model, symbol } = marketOf('s', BTC);
  const trades = symbol.recentTrades(30);
  assert.equal(trades.length, 30);
  for (let n = 1; n < trades.length; n++) {
    assert.equal(trades[n]?.id, (trades[n - 1]?.id ?? 0) - 1);
    assert.ok((trades[n]?.time ?? 0) <= (trades[n - 1]?.time ?? 0));
  }
  assert.ok((trades[0]?.time ?? 0) <= model.now());
  assert.equal(symbol.recentTrades(5000).length, 100);
});

test('a long life of nothing but trades, or nothing but moves, leaves a sound book near its price', () => {
  for (const act of [{ trades: 60_000 }, { move: 200_000 }]) {
    const { symbol } = marketOf('long', COARSE);
    const start = symbol.levels('bid', 1)[0]?.price;
    perform(symbol, act);
    assertSound(symbol);
    const end = Number(symbol.levels('bid', 1)[0]?.price);
    assert.notEqual(String(end), start);
    assert.ok(end > 4000 * 0.8 && end < 4000 * 1.25, `ended at ${end}`);
  }
});

test('changes are mostly near the top, sizes are varied with round ones among them', () => {
  const { symbol } = marketOf('s', BTC);
  const ranks: number[] = [];
  for (let n = 0; n < 2000; n++) {
    const since = symbol.sequence;
    symbol.move(1);
    const [change] = symbol.changesSince(since) ?? [];
    if (change === undefined || change.amount === '0') continue;
    ranks.push(symbol.levels(change.side, 2000).findIndex(({ price }) => price === change.price));
  }
  ranks.sort((a, b) => a - b);
  assert.ok((ranks[Math.floor(ranks.length / 2)] ?? 99) <= 3, 'half of the changes are in the best levels');
  assert.ok((ranks.at(-1) ?? 0) > 300, 'some are deep');
  const amounts = symbol.levels('bid', 1000).map(({ amount }) => amount);
  assert.ok(new Set(amounts).size > 400);
  assert.ok(amounts.filter((amount) => /^[0.]*[1-9]0*$/.test(amount)).length > 100, 'round sizes');
});

test('a price of too few ticks and a tick that is no decimal are refused', () => {
  assert.throws(() => marketOf('s', { ...BTC, tickSize: '100' }), RangeError);
  assert.throws(() => marketOf('s', { ...BTC, tickSize: '1e-2' }), RangeError);
});

test('symbols are spelled as the market spells its example', () => {
  const named = (name: string, example: string): string[] =>
    specifySymbols({ name, example } as Parameters<typeof specifySymbols>[0]).map((symbol) => symbol.name);
  assert.deepEqual(named('spot', 'BTCUSDT').slice(0, 3), ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']);
  assert.deepEqual(named('spot', 'tBTCUSD').slice(0, 2), ['tBTCUSD', 'tETHUSD']);
  assert.deepEqual(named('derivatives', 'tBTCF0:USTF0').slice(0, 2), ['tBTCF0:USTF0', 'tETHF0:USTF0']);
  assert.deepEqual(named('coinm', 'BTCUSD_PERP').slice(0, 2), ['BTCUSD_PERP', 'ETHUSD_PERP']);
  assert.deepEqual(named('option', 'BTC-27MAR26-70000-P-USDT').slice(0, 3), [
    'BTC-27MAR26-70000-C-USDT',
    'BTC-27MAR26-70000-P-USDT',
    'ETH-27MAR26-3700-C-USDT',
  ]);
});

test('the symbols of every kind of market make a model', () => {
  for (const [name, example] of [
    ['spot', 'BTCUSDT'],
    ['spot', 'tBTCUSD'],
    ['derivatives', 'tBTCF0:USTF0'],
    ['coinm', 'BTCUSD_PERP'],
    ['inverse', 'BTCUSD'],
    ['options', 'BTC-260925-100000-C'],
  ] as const) {
    const specified = specifySymbols({ name, example } as Parameters<typeof specifySymbols>[0]);
    const { model } = marketOf('s', ...specified);
    assert.ok(model.symbols.some((symbol) => symbol.name === example));
    for (const symbol of model.symbols) {
      symbol.move(500);
      assertSound(symbol);
    }
  }
});
