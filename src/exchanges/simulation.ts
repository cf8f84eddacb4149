import type { BookSide, TakerSide } from '../record/index.ts';

/**
 * The market model as the dialects see it (made by `src/simulator`), and what a dialect gives the simulator.
 * A dialect keeps to its exchange's protocol so well that any client of that exchange can be tested against it.
 */
export interface SimulatedMarket {
  /** The symbols traded here, spelled as in `listing` requests: `BTCUSDT`. */
  readonly symbols: readonly SimulatedSymbol[];
  symbol(name: string): SimulatedSymbol | undefined;
  /** Server time, µs since the epoch. */
  now(): number;
  /** A number in [0, 1) of the seeded generator: the only source of chance a dialect may use. */
  random(): number;
}

/** One instrument: an order book that moves, and trades that move it. Prices and amounts are decimal text. */
export interface SimulatedSymbol {
  readonly name: string;
  readonly base: string;
  readonly quote: string;
  readonly tickSize: string;
  readonly lotSize: string;
  /** Number of the latest change of the book; rises by one with each level changed. */
  readonly sequence: number;
  /** Matching time of the latest change or trade, µs. */
  readonly time: number;
  /** Lets the market move: changes about `levels` levels of the book, mostly near the top. */
  move(levels: number): void;
  /** Matches a taker's order: a trade, and the book changes that come with it. */
  trade(): SimulatedTrade;
  /** The latest trades, newest first, at most `count` (at least 30 are there from the start). */
  recentTrades(count: number): readonly SimulatedTrade[];
  /** Best `depth` levels of a side, best first. */
  levels(side: BookSide, depth: number): readonly SimulatedLevel[];
  /**
   * Levels changed after sequence `since`, each once with its present amount ('0' where it is gone), in no special
   * order; null where `since` is so old that the changes are forgotten (the dialect then sends a snapshot or
   * closes).
   */
  changesSince(since: number): readonly SimulatedChange[] | null;
  day(): SimulatedDay;
}

export interface SimulatedTrade {
  /** Rises by one with each trade of the symbol. */
  readonly id: number;
  readonly time: number;
  readonly side: TakerSide;
  readonly price: string;
  readonly amount: string;
}

export interface SimulatedLevel {
  readonly price: string;
  readonly amount: string;
}

export interface SimulatedChange extends SimulatedLevel {
  readonly side: BookSide;
}

/** The last 24 hours. */
export interface SimulatedDay {
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly last: string;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly trades: number;
}

/** The server side of one market of an exchange. */
export interface Dialect {
  /** How payloads travel: `gzip` puts each message into one gzip member in a binary frame. */
  readonly framing: 'text' | 'gzip';
  /** Protocol pings from the server, every this many ms; null where the exchange sends none. */
  readonly pingMs: number | null;
  /** A client connected; `url` is what it dialled, below the market's base. Null refuses it (404). */
  connect(url: URL, send: (text: string) => void): DialectSession | null;
  /** Answers a REST request below the market's base; null is 404. */
  rest(url: URL): { readonly status: number; readonly body: string } | null;
}

/** One connection as the server sees it. */
export interface DialectSession {
  /** A message of the client came in; answers go out through `send`. */
  receive(text: string): void;
  /** Active subscriptions: 0 while there is nothing to publish. */
  readonly active: number;
  /** Sends the next data message of some active subscription, chosen at random with realistic weights. */
  publish(): void;
  /** Called about every 100 ms with server time in ms: heartbeats and periodic snapshots. */
  tick(nowMs: number): void;
}
