/** What can be asked for, in our words (DESIGN section 2). */
export const CHANNELS = [
  'trades',
  'book',
  'quotes',
  'ticker',
  'derivatives',
  'liquidations',
  'candles',
] as const;

export type Channel = (typeof CHANNELS)[number];

/** One (market, channel, feed, symbol) of an exchange: the unit of subscription, of books and of gaps. */
export interface Stream {
  readonly market: string;
  readonly channel: Channel;
  readonly feed: string;
  readonly symbol: string;
}

/** The stream as one line of text, for maps and messages: `spot trades BTCUSDT (trade)`. */
export function streamName(stream: Stream): string {
  return `${stream.market} ${stream.channel} ${stream.symbol} (${stream.feed})`;
}

/** What a row's stream code stands for. Null where a row belongs to no known channel, feed or symbol. */
export interface StreamEntry {
  readonly market: string;
  readonly channel: Channel | null;
  readonly feed: string | null;
  readonly symbol: string | null;
}

/**
 * Gives each stream of one exchange a small number, so that rows carry a code and no text.
 * Codes count from 0 in order of first use; entries are never removed.
 */
export class StreamDictionary {
  readonly entries: StreamEntry[] = [];
  readonly #codes = new Map<string, number>();

  /** The code of this stream, given out on first use. */
  code(market: string, channel: Channel | null, feed: string | null, symbol: string | null): number {
    const key = `${market}\u0000${channel ?? ''}\u0000${feed ?? ''}\u0000${symbol ?? ''}`;
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = this.entries.length;
      this.entries.push({ market, channel, feed, symbol });
      this.#codes.set(key, code);
    }
    return code;
  }

  codeOf(stream: Stream): number {
    return this.code(stream.market, stream.channel, stream.feed, stream.symbol);
  }

  /** The entry behind a code. A code nobody gave out is a programmer's error. */
  entry(code: number): StreamEntry {
    const entry = this.entries[code];
    if (entry === undefined) throw new RangeError(`no stream has the code ${code}`);
    return entry;
  }
}
