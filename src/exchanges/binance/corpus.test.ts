import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestLink } from './harness.test.ts';
import { binance } from './index.ts';

/** A folder of real captures, which are no part of the project (`docs/decode.md` describes their form). */
const CORPUS = process.env.FEEDTAPE_CORPUS;
const skip = CORPUS === undefined && 'FEEDTAPE_CORPUS names no folder of captures';

interface Known {
  readonly file: string;
  readonly market: string;
  readonly diffs: number;
  readonly aggTrades?: number;
  readonly candles?: number;
}

const KNOWN: readonly Known[] = [
  { file: 'binance-spot.jsonl', market: 'spot', diffs: 177 },
  { file: 'binance-us.jsonl', market: 'us', diffs: 336 },
  { file: 'binance-usdm.jsonl', market: 'usdm', diffs: 764, aggTrades: 91, candles: 67 },
];

for (const known of KNOWN) {
  test(`${known.file}: every book bridges, no gap, nothing undecoded but candles`, { skip }, () => {
    const link = read(join(CORPUS ?? '', known.file));
    const { books } = link.decoder.state() as unknown as { books: { keeper: { valid: boolean } }[] };
    assert.equal(link.seen.diffs, known.diffs);
    assert.equal(link.proven.length, 4);
    assert.deepEqual(
      books.map((book) => book.keeper.valid),
      [true, true, true, true],
    );
    assert.deepEqual(link.broken, []);
    const undecoded = link.rows.filter((row) => row.table === 'undecoded');
    assert.deepEqual(
      [...new Set(undecoded.map((row) => `${row.reason} ${row.channel}`))],
      ['not-handled candles'],
    );
    const trades = link.rows.filter((row) => row.table === 'trades');
    if (known.candles !== undefined) assert.equal(undecoded.length, known.candles);
    if (known.aggTrades !== undefined) assert.equal(trades.length, known.aggTrades);
    assert.equal(link.market, known.market);
    assert.equal(link.rows.filter((row) => row.table === 'quotes').length, link.seen.quotes);
    assert.equal(link.rows.filter((row) => row.table === 'book' && row.side === null).length, 4);
    for (const symbol of new Set(trades.map((row) => String(row.symbol)))) checkTop(link, symbol);
  });
}

/** A rebuilt book is never crossed: were a diff lost or applied twice, it soon would be. */
function checkTop(link: TestLink, symbol: string): void {
  const book = link.rebuilt(symbol);
  assert.ok(book !== null);
  assert.ok(Math.max(...book.bid.keys()) < Math.min(...book.ask.keys()), `${symbol} is crossed`);
}

function read(file: string) {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const seen = { diffs: 0, quotes: 0 };
  let link: TestLink | null = null;
  for (const line of lines) {
    const entry = JSON.parse(line) as { t: string; url: string; data: string };
    if (entry.t === 'open') {
      const meaning = binance.readUrl(new URL(entry.url));
      assert.equal(meaning?.streams.length, 16, 'four channels of four symbols');
      link = new TestLink(meaning?.market ?? '', { url: entry.url, asked: meaning?.streams ?? [] });
    } else if (entry.t === 'http') link?.rest(entry.url, entry.data);
    else {
      link?.receive(entry.data);
      if (entry.data.includes('@depth')) seen.diffs++;
      if (entry.data.includes('@bookTicker')) seen.quotes++;
    }
  }
  assert.ok(link !== null, 'the capture opens a connection');
  return Object.assign(link, { seen });
}
