/**
 * What the tests of this folder share: a link whose host writes everything down, books rebuilt from its rows, and a
 * small market to simulate. No test of its own.
 */
import {
  type BookSide,
  DecimalReader,
  type FrameKind,
  type Json,
  type RowObject,
  Rows,
  rowObject,
  type Stream,
  textFrame,
} from '../../record/index.ts';
import { Drift } from '../../shape/index.ts';
import type { Breach, DecoderRequest, LinkDecoder, Outcome } from '../exchange.ts';
import type { SimulatedMarket, SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import { TradeMemory } from '../trade-memory.ts';
import { coinex } from './index.ts';

/** First receive time, µs; each frame comes 1 ms later than the one before. */
export const START = 1_700_000_000_000_000;

/** One link as the recorder would run it, row by row and frame by frame. */
export class Harness {
  readonly rows: RowObject[] = [];
  readonly requests: DecoderRequest[] = [];
  readonly breaches: { stream: string; breach: Breach }[] = [];
  readonly heard: string[] = [];
  readonly proven: string[] = [];
  readonly checksums = { matched: 0, failed: 0 };
  readonly planned: Stream[] = [];
  decoder: LinkDecoder;
  ordinal = 0;
  time = START;
  readonly #market: string;
  readonly #out: Rows;
  readonly #trades: TradeMemory;

  constructor(market = 'spot', trades = new TradeMemory()) {
    this.#market = market;
    this.#trades = trades;
    this.#out = new Rows((batch, streams) => {
      for (let i = 0; i < batch.count; i++) this.rows.push(rowObject(batch, i, streams, 'coinex'));
    });
    this.decoder = this.#open();
  }

  #open(state?: Json): LinkDecoder {
    const { streams } = this.#out;
    const nameOf = (code: number): string => {
      const { channel, feed, symbol } = streams.entry(code);
      return `${channel} ${feed} ${symbol}`;
    };
    const link = { link: 1, market: this.#market, url: `wss://socket.coinex.com/v2/${this.#market}` };
    return coinex.openDecoder(
      link,
      {
        rows: this.#out,
        decimals: new DecimalReader(),
        drift: new Drift(),
        trades: this.#trades,
        stream: (channel, feed, symbol) => streams.code(this.#market, channel, feed, symbol),
        asked: (code) => this.planned.some((stream) => streams.codeOf(stream) === code),
        heard: (code) => this.heard.push(nameOf(code)),
        proven: (code) => this.proven.push(nameOf(code)),
        broken: (code, breach) => this.breaches.push({ stream: nameOf(code), breach }),
        brokenLink: (breach) => this.breaches.push({ stream: 'link', breach }),
        checksum: (_code, matched) => {
          this.checksums[matched ? 'matched' : 'failed']++;
        },
        undecoded: (reason, channel = null, symbol = null) => {
          this.#out.undecoded(streams.code(this.#market, channel, null, symbol), reason, '');
          return 'undecoded';
        },
        request: (request) => this.requests.push(request),
      },
      state,
    );
  }

  /** Goes on with a decoder opened from the state of the present one, as text. */
  reopen(): void {
    this.decoder = this.#open(JSON.parse(JSON.stringify(this.decoder.state())) as Json);
  }

  frame(kind: FrameKind, text: string) {
    this.time += 1000;
    const frame = textFrame(this.time, 1, ++this.ordinal, kind, text);
    this.#out.at(frame);
    return frame;
  }

  sent(text: string): void {
    this.decoder.sent(this.frame('sent', text));
    this.#out.flush();
  }

  receive(message: string | object, kind: FrameKind = 'gzip'): Outcome {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const outcome = this.decoder.received(this.frame(kind, text));
    this.#out.flush();
    return outcome;
  }

  /** Runs something that may write rows between frames, as the session does on events. */
  event(run: (decoder: LinkDecoder) => void): void {
    this.frame('event', '{}');
    run(this.decoder);
    this.#out.flush();
  }

  /** The rows of one table since row `from`. */
  table(table: string, from = 0): RowObject[] {
    return this.rows.slice(from).filter((row) => row.table === table);
  }

  /** The book that somebody would rebuild from the rows, best first; null where it is not valid. */
  rebuilt(symbol: string): Record<BookSide, [number, number][]> | null {
    let book: Record<BookSide, Map<number, number>> | null = null;
    for (const { side, price, amount, valid } of this.table('book').filter((row) => row.symbol === symbol)) {
      if (side === null) book = valid === true ? { bid: new Map(), ask: new Map() } : null;
      else if (amount === 0) book?.[side as BookSide].delete(Number(price));
      else book?.[side as BookSide].set(Number(price), Number(amount));
    }
    if (book === null) return null;
    return {
      bid: [...book.bid].sort((a, b) => b[0] - a[0]),
      ask: [...book.ask].sort((a, b) => a[0] - b[0]),
    };
  }
}

/** A push of the depth channel. */
export function depthPush(isFull: boolean, depth: object, market = 'BTCUSDT'): object {
  return { method: 'depth.update', data: { market, is_full: isFull, depth }, id: null };
}

/** Numbers in [0, 1) that look random and always come the same (a Park-Miller generator). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A symbol with 30 levels a side around a middle price that wanders, amounts with few decimals. */
class SmallSymbol implements SimulatedSymbol {
  readonly name: string;
  readonly base = 'BTC';
  readonly quote = 'USDT';
  readonly tickSize = '0.01';
  readonly lotSize = '0.0001';
  sequence = 0;
  time = START;
  readonly #random: () => number;
  readonly #books = { bid: new Map<number, number>(), ask: new Map<number, number>() };
  readonly #trades: SimulatedTrade[] = [];
  #middle = 3_000_000;

  constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
    while (this.#books.bid.size < 30 || this.#books.ask.size < 30) this.move(20);
    for (let n = 0; n < 30; n++) this.trade();
  }

  move(levels: number): void {
    this.time += 1000;
    for (let n = 0; n < levels; n++) {
      this.sequence++;
      this.#middle += Math.round((this.#random() - 0.5) * 4);
      const side = this.#random() < 0.5 ? 'bid' : 'ask';
      const distance = 1 + Math.floor(this.#random() * 60);
      const price = this.#middle + (side === 'bid' ? -distance : distance);
      if (this.#random() < 0.4) this.#books[side].delete(price);
      else this.#books[side].set(price, 1 + Math.floor(this.#random() * 90_000));
      for (const at of this.#books.bid.keys()) if (at >= this.#middle) this.#books.bid.delete(at);
      for (const at of this.#books.ask.keys()) if (at <= this.#middle) this.#books.ask.delete(at);
    }
  }

  trade(): SimulatedTrade {
    this.time += 1000;
    const trade = {
      id: this.#trades.length + 1,
      time: this.time,
      side: this.#random() < 0.5 ? 'buy' : 'sell',
      price: (this.#middle / 100).toFixed(2),
      amount: '0.5',
    } as const;
    this.#trades.unshift(trade);
    return trade;
  }

  recentTrades(count: number): readonly SimulatedTrade[] {
    return this.#trades.slice(0, count);
  }

  levels(side: BookSide, depth: number) {
    const prices = [...this.#books[side].keys()].sort((a, b) => (side === 'bid' ? b - a : a - b));
    return prices.slice(0, depth).map((price) => ({
      price: (price / 100).toFixed(2),
      amount: String((this.#books[side].get(price) ?? 0) / 10_000),
    }));
  }

  changesSince(): null {
    return null;
  }

  day() {
    const last = this.#trades[0]?.price ?? '30000.00';
    return {
      open: '30000.00',
      high: '31000.00',
      low: '29000.00',
      last,
      volume: '12.5',
      quoteVolume: '375000',
      trades: 30,
    };
  }
}

/** A market of such symbols; `clock.ms` is added to its time. */
export function smallMarket(
  names: readonly string[],
  seed = 1,
): SimulatedMarket & { readonly clock: { ms: number } } {
  const random = chance(seed);
  const symbols = names.map((name) => new SmallSymbol(name, random));
  const clock = { ms: 0 };
  return {
    clock,
    symbols,
    symbol: (name) => symbols.find((symbol) => symbol.name === name),
    now: () => START + clock.ms * 1000,
    random,
  };
}
