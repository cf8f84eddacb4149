import type { LinkKeeper } from '../link/index.ts';
import type { MarketStatus } from '../recorder/index.ts';
import type { LiveRow } from './live-table.ts';

interface Totals {
  readonly at: number;
  readonly frames: number;
  readonly bytes: number;
}

/**
 * Turns the recorder's totals and the links' states into the lines of the live table, with rates since the last call.
 */
export class LiveRows {
  readonly #beganMs: number;
  readonly #before = new Map<string, Totals>();

  /** `beganMs`: when the recording began, in any monotonic time; the first rates are since then. */
  constructor(beganMs: number) {
    this.#beganMs = beganMs;
  }

  /** `nowMs`: the same time as `beganMs`. */
  rows(links: readonly LinkKeeper[], status: readonly MarketStatus[], nowMs: number): LiveRow[] {
    const markets = new Map<string, LinkKeeper[]>();
    for (const link of links) {
      const key = `${link.plan.exchange} ${link.plan.market}`;
      markets.set(key, [...(markets.get(key) ?? []), link]);
    }
    return [...markets].map(([key, keepers]) => this.#row(key, keepers, status, nowMs));
  }

  #row(key: string, links: readonly LinkKeeper[], status: readonly MarketStatus[], nowMs: number): LiveRow {
    const [exchange = '', market = ''] = key.split(' ');
    const now = status.find((line) => line.exchange === exchange && line.market === market);
    const before = this.#before.get(key) ?? { at: this.#beganMs, frames: 0, bytes: 0 };
    const seconds = Math.max(0.001, (nowMs - before.at) / 1000);
    if (nowMs - before.at > 900 || !this.#before.has(key))
      this.#before.set(key, { at: nowMs, frames: now?.frames ?? 0, bytes: now?.bytes ?? 0 });
    const open = links.filter((link) => link.state === 'open').length;
    const planned = links.reduce((sum, link) => sum + link.plan.streams.length, 0);
    return {
      exchange,
      market,
      links: `${open === links.length ? open : `${open}/${links.length}`} up${behind(now)}`,
      streamsUp: now?.streamsUp ?? 0,
      streamsAsked: now?.streamsAsked ?? planned,
      framesPerSecond: ((now?.frames ?? 0) - before.frames) / seconds,
      bytesPerSecond: ((now?.bytes ?? 0) - before.bytes) / seconds,
      journalBytes: now?.journalBytes ?? 0,
      lastTrade: now?.lastTrade == null ? '-' : `${now.lastTrade.symbol} ${now.lastTrade.price}`,
      lagMsP50: now?.lagMsP50 ?? null,
      lagMsP99: now?.lagMsP99 ?? null,
      gaps: now === undefined ? '-' : now.gapsOpen > 0 ? `${now.gaps} (${now.gapsOpen} open)` : `${now.gaps}`,
    };
  }
}

/** Says so where rows are made later than frames come. */
function behind(now: MarketStatus | undefined): string {
  const seconds = Math.round((now?.behindMs ?? 0) / 1000);
  return seconds > 0 ? `, rows ${seconds} s behind` : '';
}
