import { diffs, type Market, quotes, SPOT, type Speaker, times, trades, USDM } from './market.ts';
import { Random } from './random.ts';

/**
 * What a flood says: one kind of message of one symbol, or a blend of several. All of Binance spot but `usdm`: diffs of its
 * USD-M futures, whose numbers are not padded.
 */
export type Mode = 'trades' | 'deltas' | 'usdm' | 'quotes' | 'mix';
export const MODES: readonly Mode[] = ['trades', 'deltas', 'usdm', 'quotes', 'mix'];

/** A diff's feed is what tardis-dev asks for too: it takes the fastest of each market. */
export type Feed = 'trade' | 'depth@100ms' | 'depth@0ms' | 'bookTicker';
export const isDiff = (feed: Feed): boolean => feed.startsWith('depth');

/** One stream of the flood, by its name at the exchange, and its share of the messages. */
export interface Part {
  readonly market: Market;
  readonly feed: Feed;
  readonly weight: number;
}

/** A turn: how many distinct messages there are, and the powers of ten by which ids and times go on when they repeat. */
export interface Turn {
  readonly messages: number;
  readonly idSpan: number;
  readonly timeSpan: number;
}

/** Every id has 12 digits and every time 16 (13 in ms) in every turn, so that a turn changes digits and no lengths. */
export const FIRST_ID = 100_000_000_000;
export const FIRST_TIME = 1_780_000_000_000_000;

function market(symbol: string, mid: number, index: number): Market {
  return { symbol, venue: SPOT, mid, firstId: FIRST_ID + index * 10_000_000_000 };
}

const BITCOIN = market('BTCUSDT', 6_712_345, 0);
const FUTURE: Market = { ...BITCOIN, venue: USDM, mid: 671_234 };
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT'];

/** Of a hundred messages 50 quotes, 30 trades and 20 diffs, over four symbols, the n-th with a weight of 1/n. */
function blend(): Part[] {
  return SYMBOLS.flatMap((symbol, index) => {
    const one = market(symbol, Math.round(6_712_345 / (index + 1)), index);
    return [
      { market: one, feed: 'bookTicker', weight: 50 / (index + 1) },
      { market: one, feed: 'trade', weight: 30 / (index + 1) },
      { market: one, feed: 'depth@100ms', weight: 20 / (index + 1) },
    ] as const;
  });
}

/** The streams of each mode. */
export const PARTS: Readonly<Record<Mode, readonly Part[]>> = {
  trades: [{ market: BITCOIN, feed: 'trade', weight: 1 }],
  deltas: [{ market: BITCOIN, feed: 'depth@100ms', weight: 1 }],
  usdm: [{ market: FUTURE, feed: 'depth@0ms', weight: 1 }],
  quotes: [{ market: BITCOIN, feed: 'bookTicker', weight: 1 }],
  mix: blend(),
};

/** Distinct messages: more rows than a Parquet row group has, and no more than a few hundred MB of memory. */
const TURNS: Readonly<Record<Mode, Turn>> = {
  // As many trades as a turn has ids: they stay consecutive for ever.
  trades: { messages: 1_000_000, idSpan: 1e6, timeSpan: 1e11 },
  deltas: { messages: 100_000, idSpan: 1e7, timeSpan: 1e10 },
  usdm: { messages: 100_000, idSpan: 1e7, timeSpan: 1e10 },
  quotes: { messages: 1_000_000, idSpan: 1e7, timeSpan: 1e9 },
  mix: { messages: 400_000, idSpan: 1e7, timeSpan: 1e10 },
};

/** One message before it is a frame. */
export interface Message {
  readonly part: Part;
  readonly data: string;
}

/** What a mode says, in order. `messages` limits the distinct ones where fewer will be sent. */
export class Script {
  readonly parts: readonly Part[];
  readonly turn: Turn;
  /** Times are in µs; else in ms. */
  readonly micros: boolean;

  constructor(mode: Mode, { messages, micros = true }: { messages: number; micros?: boolean }) {
    this.parts = PARTS[mode];
    this.turn = { ...TURNS[mode], messages: Math.min(messages, TURNS[mode].messages) };
    // Futures know only ms.
    this.micros = micros && !this.parts.some(({ market: { venue } }) => venue.isFutures);
  }

  *messages(): Generator<Message> {
    const random = new Random(7);
    const { messages, timeSpan } = this.turn;
    const order = this.#order(random);
    const speakers = this.parts.map((part, index) =>
      this.#speaker(
        part,
        random,
        order.reduce((count, chosen) => count + (chosen === index ? 1 : 0), 0),
      ),
    );
    const when = times(random, messages, timeSpan);
    for (const [index, chosen] of order.entries()) {
      const [part, speak] = [this.parts[chosen], speakers[chosen]];
      if (part !== undefined && speak !== undefined)
        yield { part, data: speak(FIRST_TIME + (when[index] ?? 0)) };
    }
  }

  /** Which part speaks when, by weight. Each speaks once at the beginning, so that every book can be joined at once. */
  #order(random: Random): Uint8Array {
    const total = this.parts.reduce((sum, { weight }) => sum + weight, 0);
    return Uint8Array.from({ length: this.turn.messages }, (_, index) => {
      if (index < this.parts.length) return index;
      let left = random.uniform() * total;
      const chosen = this.parts.findIndex(({ weight }) => {
        left -= weight;
        return left < 0;
      });
      return Math.max(0, chosen);
    });
  }

  #speaker({ market: of, feed }: Part, random: Random, count: number): Speaker {
    const timeText = (µs: number): string => String(µs).slice(0, this.micros ? 16 : 13);
    if (feed === 'trade') return trades(of, random, count, timeText);
    if (feed === 'bookTicker') return quotes(of, random, count);
    return diffs(of, random, count, timeText, this.turn.idSpan);
  }
}

/** The name a part is subscribed by. */
export function nameOf({ market: { symbol }, feed }: Part): string {
  return `${symbol.toLowerCase()}@${feed}`;
}
