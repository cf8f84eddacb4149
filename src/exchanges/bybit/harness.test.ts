/**
 * What the tests of this folder share: one link's decoder with a host that writes everything down, the books that its
 * rows rebuild, and a small market for the dialect. It holds no test itself.
 */
import {
  DecimalReader,
  type Frame,
  type FrameKind,
  type Json,
  type RowObject,
  Rows,
  rowObject,
  type StreamEntry,
  textFrame,
} from '../../record/index.ts';
import { Drift } from '../../shape/index.ts';
import type { Breach, DecoderHost, DecoderRequest, LinkDecoder, Outcome } from '../exchange.ts';
import type {
  SimulatedChange,
  SimulatedDay,
  SimulatedLevel,
  SimulatedMarket,
  SimulatedSymbol,
  SimulatedTrade,
} from '../simulation.ts';
import { TradeMemory } from '../trade-memory.ts';
import { bybit } from './index.ts';

/** Where a frame stands on the tape when a test names no time, µs; each frame is 1 ms later. */
const START = 1_700_000_000_000_000;

/** One link's decoder; what it throws is treated as the session treats it. */
export class TestLink {
  readonly rows: RowObject[] = [];
  readonly requests: DecoderRequest[] = [];
  readonly broken: { stream: StreamEntry; breach: Breach }[] = [];
  readonly proven: StreamEntry[] = [];
  readonly outcomes: Record<Outcome, number> = { rows: 0, control: 0, repeat: 0, held: 0, undecoded: 0 };
  readonly errors: string[] = [];
  readonly decoder: LinkDecoder;
  /** Time of the next frame, µs. */
  now = START;
  readonly #rows: Rows;
  readonly #trades = new TradeMemory();
  readonly #market: string;
  #ordinal: number;
  #blamed: number | null = null;

  constructor(market: string, state?: Json, ordinal = 0) {
    this.#market = market;
    this.#ordinal = ordinal;
    this.#rows = new Rows((batch, streams) => {
      for (let i = 0; i < batch.count; i++) this.rows.push(rowObject(batch, i, streams, 'bybit'));
    });
    const url = `wss://stream.bybit.com/v5/public/${market}`;
    this.decoder = bybit.openDecoder({ link: 1, market, url }, this.#host(), state);
  }

  #host(): DecoderHost {
    const rows = this.#rows;
    return {
      rows,
      decimals: new DecimalReader(),
      drift: new Drift(),
      trades: this.#trades,
      stream: (channel, feed, symbol) => rows.streams.code(this.#market, channel, feed, symbol),
      asked: () => true,
      heard: (stream) => {
        this.#blamed = stream;
      },
      proven: (stream) => this.proven.push(rows.streams.entry(stream)),
      broken: (stream, breach) => this.broken.push({ stream: rows.streams.entry(stream), breach }),
      brokenLink: () => assertNever(),
      checksum: () => assertNever(),
      undecoded: (reason, channel = null, symbol = null) => {
        rows.undecoded(rows.streams.code(this.#market, channel, null, symbol), reason, '');
        return 'undecoded';
      },
      request: (request) => this.requests.push(request),
    };
  }

  #frame(kind: FrameKind, text: string): Frame {
    this.now += 1000;
    const frame = textFrame(this.now, 1, ++this.#ordinal, kind, text);
    this.#rows.at(frame);
    return frame;
  }

  get ordinal(): number {
    return this.#ordinal;
  }

  receive(message: string | object): Outcome {
    const frame = this.#frame('received', typeof message === 'string' ? message : JSON.stringify(message));
    this.#blamed = null;
    this.#trades.mark();
    const outcome = this.#guarded(() => this.decoder.received(frame));
    this.outcomes[outcome]++;
    this.#rows.flush();
    return outcome;
  }

  #guarded(read: () => Outcome): Outcome {
    try {
      return read();
    } catch (error) {
      this.#rows.rollback();
      this.#trades.rollback();
      this.errors.push(String(error));
      if (this.#blamed !== null) this.decoder.invalidate(this.#blamed);
      return 'undecoded';
    }
  }

  sent(message: object): void {
    this.decoder.sent(this.#frame('sent', JSON.stringify(message)));
    this.#rows.flush();
  }

  invalidateAll(): void {
    this.#frame('event', '{}');
    this.decoder.invalidate(null);
    this.#rows.flush();
  }

  openingSnapshots(): void {
    this.#frame('event', '{}');
    this.decoder.openingSnapshots();
    this.#rows.flush();
  }

  /** The decoder's state as it is after a way through text. */
  state(): Json {
    return JSON.parse(JSON.stringify(this.decoder.state())) as Json;
  }

  table(name: string): RowObject[] {
    return this.rows.filter((row) => row.table === name);
  }

  /** The topics it asked to leave and subscribe again, in order. */
  resubscribed(): string[] {
    return this.requests.flatMap((request) => {
      if (request.kind !== 'send') return [];
      const [off, on] = request.texts.map((text) => JSON.parse(text) as { op: string; args: string[] });
      return off?.op === 'unsubscribe' && on?.op === 'subscribe' && off.args.join() === on.args.join()
        ? on.args
        : ['wrong'];
    });
  }
}

function assertNever(): never {
  throw new Error('Bybit has no numbers of a whole link and no checksums');
}

export type Levels = Record<'bid' | 'ask', Record<string, number>>;

/** The book that `book` rows rebuild, by price; null where the last row says it is not valid. */
export function rebuilt(rows: readonly RowObject[]): Levels | null {
  let book: Levels = { bid: {}, ask: {} };
  let valid = false;
  for (const row of rows) {
    valid = row.valid === true;
    if (row.side === null) book = { bid: {}, ask: {} };
    else if (row.amount === 0) delete book[row.side as 'bid' | 'ask'][String(row.price)];
    else book[row.side as 'bid' | 'ask'][String(row.price)] = Number(row.amount);
  }
  return valid ? book : null;
}

/** A small generator with a seed: numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A market of one symbol on a grid of whole prices around 50 000, with about 80 levels a side. */
export class TestMarket implements SimulatedMarket, SimulatedSymbol {
  readonly name: string;
  readonly base = 'BTC';
  readonly quote = 'USDT';
  readonly tickSize = '1';
  readonly lotSize = '0.001';
  readonly symbols: readonly SimulatedSymbol[] = [this];
  readonly random: () => number;
  /** Server time, µs. */
  clock = START;
  sequence = 100;
  readonly #bids = new Map<number, number>();
  readonly #asks = new Map<number, number>();
  readonly #trades: SimulatedTrade[] = [];

  constructor(seed: number, name = 'BTCUSDT') {
    this.name = name;
    this.random = seeded(seed);
    for (let n = 0; n < 80; n++) {
      this.#bids.set(50_000 - n, this.#size());
      this.#asks.set(50_001 + n, this.#size());
    }
    for (let n = 0; n < 30; n++) this.trade();
  }

  get time(): number {
    return this.clock - 700;
  }

  symbol(name: string): SimulatedSymbol | undefined {
    return name === this.name ? this : undefined;
  }

  now(): number {
    return this.clock;
  }

  #size(): number {
    return 1 + Math.floor(this.random() * 5000);
  }

  move(levels: number): void {
    for (let n = 0; n < levels; n++) {
      const bid = this.random() < 0.5;
      const side = bid ? this.#bids : this.#asks;
      const distance = Math.floor(this.random() ** 3 * 90);
      const price = bid ? this.#best('bid') - distance : this.#best('ask') + distance;
      this.sequence++;
      if (side.size > 60 && this.random() < 0.3) side.delete(price);
      else side.set(price, this.#size());
    }
    this.clock += 1000;
  }

  #best(side: 'bid' | 'ask'): number {
    return side === 'bid' ? Math.max(...this.#bids.keys()) : Math.min(...this.#asks.keys());
  }

  trade(): SimulatedTrade {
    const buys = this.random() < 0.5;
    const side = buys ? this.#asks : this.#bids;
    const price = this.#best(buys ? 'ask' : 'bid');
    const there = side.get(price) ?? 1;
    const amount = Math.max(1, Math.floor(this.random() * there));
    this.sequence++;
    if (amount === there) side.delete(price);
    else side.set(price, there - amount);
    const trade: SimulatedTrade = {
      id: this.#trades.length + 1,
      time: this.time,
      side: buys ? 'buy' : 'sell',
      price: String(price),
      amount: (amount / 1000).toFixed(3),
    };
    this.#trades.push(trade);
    return trade;
  }

  recentTrades(count: number): readonly SimulatedTrade[] {
    return this.#trades.slice(-count).reverse();
  }

  levels(side: 'bid' | 'ask', depth: number): readonly SimulatedLevel[] {
    const levels = [...(side === 'bid' ? this.#bids : this.#asks)];
    levels.sort(([a], [b]) => (side === 'bid' ? b - a : a - b));
    return levels
      .slice(0, depth)
      .map(([price, lots]) => ({ price: String(price), amount: (lots / 1000).toFixed(3) }));
  }

  changesSince(): readonly SimulatedChange[] | null {
    return null;
  }

  day(): SimulatedDay {
    const last = this.#trades.at(-1)?.price ?? '50000';
    const volume = this.#trades.length.toFixed(3);
    return { open: '49000', high: '51000', low: '48000', last, volume, quoteVolume: '123456.5', trades: 30 };
  }
}
