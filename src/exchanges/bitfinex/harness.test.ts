/**
 * What the tests of this folder share: a link with a host that writes everything down, books rebuilt from rows, and a
 * small market to simulate. It holds no test itself.
 */
import {
  type BookSide,
  DecimalReader,
  type Frame,
  type FrameKind,
  type Json,
  type RowObject,
  Rows,
  rowObject,
  type Stream,
  textFrame,
} from '../../record/index.ts';
import { Drift } from '../../shape/index.ts';
import type { Breach, DecoderHost, DecoderRequest, LinkDecoder, Outcome } from '../exchange.ts';
import type { SimulatedLevel, SimulatedMarket, SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import { TradeMemory } from '../trade-memory.ts';
import { bitfinex } from './index.ts';

export const START = 1_700_000_000_000_000;

/** How a link is opened: as new, from a whole state, or from routing alone. */
export interface Opening {
  readonly state?: Json;
  readonly routing?: Json;
  readonly ordinal?: number;
  /** The ids that another link remembers, as the session carries them over. */
  readonly tradesOf?: TestLink;
  readonly asked?: readonly Stream[];
}

/** One link's decoder with a host that keeps rows, gaps, requests and counts. */
export class TestLink {
  readonly rows: RowObject[] = [];
  readonly requests: DecoderRequest[] = [];
  readonly breaches: { readonly stream: string; readonly breach: Breach }[] = [];
  /** Streams whose book was proven at least once; every update that follows the rule says it again. */
  readonly proven: string[] = [];
  readonly heard: string[] = [];
  readonly checksums = { matched: 0, failed: 0 };
  readonly outcomes: Record<Outcome, number> = { rows: 0, control: 0, repeat: 0, held: 0, undecoded: 0 };
  readonly trades = new TradeMemory();
  readonly decoder: LinkDecoder;
  ordinal: number;
  readonly #asked: Stream[];
  readonly #out: Rows;

  constructor(opening: Opening = {}) {
    this.ordinal = opening.ordinal ?? 0;
    this.#asked = [...(opening.asked ?? [])];
    this.#out = new Rows((batch, streams) => {
      for (let i = 0; i < batch.count; i++) this.rows.push(rowObject(batch, i, streams, 'bitfinex'));
    });
    const { routing = null, state } = opening;
    const link = { link: 1, market: 'spot', url: 'wss://api-pub.bitfinex.com/ws/2', routing };
    if (opening.tradesOf !== undefined) this.#remember(opening.tradesOf);
    this.decoder = bitfinex.openDecoder(link, this.#host(), state);
  }

  /** Stream codes are each link's own here, so ids are carried over by the stream's name. */
  #remember(other: TestLink): void {
    const remembered = other.trades.state((code) => other.nameOf(code)) as Record<string, string[]>;
    for (const [name, ids] of Object.entries(remembered)) {
      const [channel, feed = '', symbol = ''] = name.split(' ');
      this.trades.restore(this.codeOf(channel as Stream['channel'], feed, symbol), ids);
    }
  }

  #host(): DecoderHost {
    const { streams } = this.#out;
    return {
      rows: this.#out,
      decimals: new DecimalReader(),
      drift: new Drift(),
      trades: this.trades,
      stream: (channel, feed, symbol) => streams.code('spot', channel, feed, symbol),
      asked: (code) => this.#asked.some((stream) => streams.codeOf(stream) === code),
      heard: (code) => this.heard.push(this.nameOf(code)),
      proven: (code) => {
        const name = this.nameOf(code);
        if (!this.proven.includes(name)) this.proven.push(name);
      },
      broken: (code, breach) => this.breaches.push({ stream: this.nameOf(code), breach }),
      brokenLink: (breach) => this.breaches.push({ stream: 'link', breach }),
      checksum: (_code, matched) => {
        this.checksums[matched ? 'matched' : 'failed']++;
      },
      undecoded: (reason, channel = null, symbol = null) => {
        this.#out.undecoded(streams.code('spot', channel, null, symbol), reason, '');
        return 'undecoded';
      },
      request: (request) => this.requests.push(request),
    };
  }

  nameOf(code: number): string {
    const { channel, feed, symbol } = this.#out.streams.entry(code);
    return `${channel} ${feed} ${symbol}`;
  }

  codeOf(channel: Stream['channel'], feed: string, symbol: string): number {
    return this.#out.streams.code('spot', channel, feed, symbol);
  }

  #frame(kind: FrameKind, text: string): Frame {
    const frame = textFrame(START + this.ordinal * 1000, 1, ++this.ordinal, kind, text);
    this.#out.at(frame);
    return frame;
  }

  receive(message: string | object): Outcome {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const outcome = this.decoder.received(this.#frame('received', text));
    this.outcomes[outcome]++;
    this.#out.flush();
    return outcome;
  }

  /** A message of ours, whose streams the link then asks for, as the session does it. */
  sent(text: string): void {
    this.decoder.sent(this.#frame('sent', text));
    const request = bitfinex.readRequest('spot', text);
    if (request.kind === 'subscribe') this.#asked.push(...request.streams);
  }

  /** Something that may write rows between frames, as the session does on events. */
  event(run: (decoder: LinkDecoder) => void): void {
    this.#frame('event', '{}');
    run(this.decoder);
    this.#out.flush();
  }

  state(): Json {
    return JSON.parse(JSON.stringify(this.decoder.state())) as Json;
  }

  table(table: string): RowObject[] {
    return this.rows.filter((row) => row.table === table);
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

/** Opens a link, confirms flags, and acks one book as channel 1. */
export function bookLink(flags: number, opening: Opening = {}, ack: object = {}): TestLink {
  const link = new TestLink(opening);
  link.receive({ event: 'conf', status: 'OK', flags });
  link.receive({ event: 'subscribed', channel: 'book', chanId: 1, symbol: 'tBTCUSD', len: '25', ...ack });
  return link;
}

/** Numbers in [0, 1) that look random and always come the same (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A symbol with `count` levels a side around a middle price; prices are whole numbers times `tick`. */
class TinySymbol implements SimulatedSymbol {
  readonly base = 'BTC';
  readonly quote = 'USD';
  readonly tickSize: string;
  readonly lotSize = '0.001';
  readonly name: string;
  sequence = 0;
  time = START;
  readonly #tick: number;
  readonly #random: () => number;
  readonly #amounts = { bid: new Map<number, string>(), ask: new Map<number, string>() };
  readonly #trades: SimulatedTrade[] = [];

  constructor(name: string, tick: number, random: () => number) {
    this.name = name;
    this.tickSize = String(tick);
    this.#tick = tick;
    this.#random = random;
    for (let n = 1; n <= 400; n++) {
      this.#amounts.bid.set(500 - n, this.#amount());
      this.#amounts.ask.set(500 + n, this.#amount());
    }
    for (let n = 0; n < 40; n++) this.trade();
  }

  #amount(): string {
    return ((1 + Math.floor(this.#random() * 9999)) / 1000).toFixed(3);
  }

  move(levels: number): void {
    for (let n = 0; n < levels; n++) {
      const side = this.#random() < 0.5 ? 'bid' : 'ask';
      const away = 1 + Math.floor(this.#random() ** 2 * 60);
      const price = side === 'bid' ? 500 - away : 500 + away;
      if (this.#random() < 0.4) this.#amounts[side].delete(price);
      else this.#amounts[side].set(price, this.#amount());
      this.sequence++;
    }
    this.time += 1000;
  }

  trade(): SimulatedTrade {
    const id = this.#trades.length + 1;
    const side = this.#random() < 0.5 ? 'buy' : 'sell';
    const price = String(500 * this.#tick);
    const trade = { id, time: this.time, side, price, amount: this.#amount() } as const;
    this.#trades.push(trade);
    this.time += 1000;
    return trade;
  }

  recentTrades(count: number): readonly SimulatedTrade[] {
    return this.#trades.slice(-count).reverse();
  }

  levels(side: BookSide, depth: number): readonly SimulatedLevel[] {
    const prices = [...this.#amounts[side].keys()].sort((a, b) => (side === 'bid' ? b - a : a - b));
    return prices.slice(0, depth).map((price) => ({
      price: (price * this.#tick).toFixed(10),
      amount: this.#amounts[side].get(price) ?? '0',
    }));
  }

  changesSince(): null {
    return null;
  }

  day() {
    return { open: '1', high: '3', low: '1', last: '2', volume: '10', quoteVolume: '20', trades: 7 };
  }
}

/** A market of one dear symbol, one whose prices need exponents (7e-7), and one perpetual. */
export function tinyMarket(seed: number): SimulatedMarket {
  const random = seeded(seed);
  const symbols = [
    new TinySymbol('tBTCUSD', 100, random),
    new TinySymbol('tXRPBTC', 1e-9, random),
    new TinySymbol('tBTCF0:USTF0', 1, random),
  ];
  return {
    symbols,
    symbol: (name) => symbols.find((symbol) => symbol.name === name),
    now: () => Math.max(...symbols.map(({ time }) => time)),
    random,
  };
}
