import type { AnyBatch, StreamDictionary } from '../record/index.ts';

/** Lags kept per market for the percentiles. */
const LAG_SAMPLES = 1024;
/** Rows looked at per batch: the newest say how late we are now. */
const ROWS_SAMPLED = 128;

/** What the live table shows of one market that only decoding can tell. */
export class MarketStats {
  frames = 0;
  bytes = 0;
  gaps = 0;
  lastTrade: { symbol: string; price: number } | null = null;
  readonly #lags = new Float64Array(LAG_SAMPLES);
  #lagCount = 0;

  addLag(lagUs: number): void {
    this.#lags[this.#lagCount++ % LAG_SAMPLES] = lagUs;
  }

  /** A percentile of the latest lags, ms; null where no message carried a time. */
  lagMs(percentile: number): number | null {
    const count = Math.min(this.#lagCount, LAG_SAMPLES);
    if (count === 0) return null;
    const sorted = this.#lags.slice(0, count).sort();
    return (sorted[Math.min(count - 1, Math.floor((count * percentile) / 100))] as number) / 1000;
  }
}

/** Looks at the newest rows of a batch on their way to the store: the last trade, the lags, the gaps opened. */
export function sampleBatch(
  batch: AnyBatch,
  streams: StreamDictionary,
  statsOf: (market: string) => MarketStats,
): void {
  const { stream } = batch.columns;
  if (batch.table === 'gap_events') {
    const event = batch.array('event');
    for (let i = 0; i < batch.count; i++)
      if (event[i] === 0) statsOf(streams.entry(stream[i] as number).market).gaps++;
    return;
  }
  const time = batch.array('timestamp') as Float64Array;
  const local = batch.array('local_timestamp') as Float64Array;
  for (let i = Math.max(0, batch.stretches - ROWS_SAMPLED); i < batch.stretches; i++) {
    const lag = (local[i] as number) - (time[i] as number);
    if (!Number.isNaN(lag)) statsOf(streams.entry(stream[i] as number).market).addLag(lag);
  }
  if (batch.table !== 'trades') return;
  const price = batch.array('price') as Float64Array;
  for (let i = Math.max(0, batch.count - ROWS_SAMPLED); i < batch.count; i++) {
    // Only the last of each run of a stream can be the last of its market.
    if (i + 1 < batch.count && stream[i + 1] === stream[i]) continue;
    const { market, symbol } = streams.entry(stream[i] as number);
    statsOf(market).lastTrade = { symbol: symbol ?? '', price: price[i] as number };
  }
}
