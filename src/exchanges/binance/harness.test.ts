/**
 * What the tests of this folder share: a host that writes everything down, a link fed with messages, books rebuilt
 * from rows, and a small market model. It holds no test itself.
 */
import {
  DecimalReader,
  type Frame,
  type FrameKind,
  type Json,
  type RowObject,
  Rows,
  restPayload,
  rowObject,
  type Stream,
  textFrame,
} from '../../record/index.ts';
import { Drift } from '../../shape/index.ts';
import type { Breach, DecoderHost, DecoderRequest, LinkDecoder, Outcome } from '../exchange.ts';
import type { SimulatedChange, SimulatedMarket, SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import { TradeMemory } from '../trade-memory.ts';
import { binance } from './index.ts';

/** One link's decoder with a host that keeps rows, gaps and requests. */
export class TestLink {
  readonly rows: RowObject[] = [];
  readonly requests: DecoderRequest[] = [];
  readonly broken: Breach[] = [];
  /** Streams whose book was proven at least once; every update that follows the rule says it again. */
  readonly proven: number[] = [];
  readonly outcomes: Record<Outcome, number> = { rows: 0, control: 0, repeat: 0, held: 0, undecoded: 0 };
  readonly asked: Stream[] = [];
  readonly decoder: LinkDecoder;
  readonly market: string;
  readonly #rows: Rows;
  #ordinal: number;

  constructor(
    market: string,
    options: { url?: string; state?: Json; ordinal?: number; asked?: readonly Stream[] } = {},
  ) {
    this.market = market;
    this.#ordinal = options.ordinal ?? 0;
    this.asked.push(...(options.asked ?? []));
    this.#rows = new Rows((batch, streams) => {
      for (let i = 0; i < batch.count; i++) this.rows.push(rowObject(batch, i, streams, 'binance'));
    });
    const url = options.url ?? `${binance.markets[market]?.websocket}/stream`;
    this.decoder = binance.openDecoder({ link: 1, market, url }, this.#host(), options.state);
  }

  #host(): DecoderHost {
    const rows = this.#rows;
    return {
      rows,
      decimals: new DecimalReader(),
      drift: new Drift(),
      trades: new TradeMemory(),
      stream: (channel, feed, symbol) => rows.streams.code(this.market, channel, feed, symbol),
      asked: (stream) => this.asked.some((known) => rows.streams.codeOf(known) === stream),
      heard: () => undefined,
      proven: (stream) => {
        if (!this.proven.includes(stream)) this.proven.push(stream);
      },
      broken: (_stream, breach) => this.broken.push(breach),
      brokenLink: (breach) => this.broken.push(breach),
      checksum: () => undefined,
      undecoded: (reason, channel = null, symbol = null) => {
        rows.undecoded(rows.streams.code(this.market, channel, null, symbol), reason, '');
        return 'undecoded';
      },
      request: (request) => this.requests.push(request),
    };
  }

  #frame(kind: FrameKind, text: string): Frame {
    const frame = textFrame(1_700_000_000_000_000 + this.#ordinal * 1000, 1, ++this.#ordinal, kind, text);
    this.#rows.at(frame);
    return frame;
  }

  get ordinal(): number {
    return this.#ordinal;
  }

  receive(message: string | object): Outcome {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const outcome = this.decoder.received(this.#frame('received', text));
    this.outcomes[outcome]++;
    this.#rows.flush();
    return outcome;
  }

  /** A payload in the combined wrapper. */
  data(stream: string, data: object): Outcome {
    return this.receive({ stream, data });
  }

  sent(text: string): void {
    this.decoder.sent(this.#frame('sent', text));
  }

  rest(url: string, body: string | object, status = 200): Outcome {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const frame = this.#frame('rest', restPayload({ status, url, body: text }));
    const outcome = this.decoder.rest(frame, { status, url, body: text });
    this.#rows.flush();
    return outcome;
  }

  invalidate(stream: number | null): void {
    this.decoder.invalidate(stream);
    this.#rows.flush();
  }

  openingSnapshots(): void {
    this.#frame('event', '{"event":"file"}');
    this.decoder.openingSnapshots();
    this.#rows.flush();
  }

  /** The book of a symbol as its rows say, in the order of steps; null while it is not valid. */
  rebuilt(symbol: string): Record<'bid' | 'ask', Map<number, number>> | null {
    let book: Record<'bid' | 'ask', Map<number, number>> | null = null;
    const rows = this.rows.filter((row) => row.table === 'book' && row.symbol === symbol);
    rows.sort((a, b) => Number(a.step) - Number(b.step) || Number(a.row) - Number(b.row));
    for (const { side, price, amount, valid } of rows) {
      if (side === null) book = valid === true ? { bid: new Map(), ask: new Map() } : null;
      else if (amount === 0) book?.[side as 'bid' | 'ask'].delete(Number(price));
      else book?.[side as 'bid' | 'ask'].set(Number(price), Number(amount));
    }
    return book;
  }
}

/** A seeded generator, good enough for tests (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A symbol whose book is a map of whole prices and whose memory of changes is short. */
export class TinySymbol implements SimulatedSymbol {
  readonly base = 'BTC';
  readonly quote = 'USDT';
  readonly tickSize = '0.10';
  readonly lotSize = '0.001';
  readonly name: string;
  readonly #random: () => number;
  readonly #amounts = { bid: new Map<number, string>(), ask: new Map<number, string>() };
  readonly #changes: { sequence: number; side: 'bid' | 'ask'; price: number }[] = [];
  readonly #trades: SimulatedTrade[] = [];
  sequence = 1000;
  time = 1_700_000_000_123_456;

  constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
    this.move(40);
    for (let i = 0; i < 30; i++) this.trade();
  }

  move(levels: number): void {
    for (let i = 0; i < levels; i++) {
      const side = this.#random() < 0.5 ? 'bid' : 'ask';
      const distance = 1 + Math.floor(this.#random() * 20);
      const price = side === 'bid' ? 1000 - distance : 1000 + distance;
      const amount = this.#random() < 0.3 ? 0 : 1 + Math.floor(this.#random() * 5000);
      if (amount === 0) this.#amounts[side].delete(price);
      else this.#amounts[side].set(price, (amount / 1000).toString());
      this.#changes.push({ sequence: ++this.sequence, side, price });
      if (this.#changes.length > 200) this.#changes.shift();
    }
    this.time += 1234;
  }

  trade(): SimulatedTrade {
    this.move(1);
    const side = this.#random() < 0.5 ? 'buy' : 'sell';
    const trade = {
      id: this.#trades.length + 1,
      time: this.time,
      side,
      price: '1000.5',
      amount: '0.25',
    } as const;
    this.#trades.unshift(trade);
    return trade;
  }

  recentTrades(count: number): readonly SimulatedTrade[] {
    return this.#trades.slice(0, count);
  }

  levels(side: 'bid' | 'ask', depth: number) {
    const prices = [...this.#amounts[side].keys()].sort((a, b) => (side === 'bid' ? b - a : a - b));
    return prices
      .slice(0, depth)
      .map((price) => ({ price: String(price), amount: this.#amounts[side].get(price) ?? '0' }));
  }

  changesSince(since: number): readonly SimulatedChange[] | null {
    const oldest = this.#changes[0]?.sequence ?? 0;
    if (since + 1 < oldest) return null;
    const latest = new Map<string, SimulatedChange>();
    for (const { sequence, side, price } of this.#changes) {
      const amount = this.#amounts[side].get(price) ?? '0';
      if (sequence > since) latest.set(`${side}${price}`, { side, price: String(price), amount });
    }
    return [...latest.values()];
  }

  day() {
    return {
      open: '990.5',
      high: '1010',
      low: '980.1',
      last: '1000.5',
      volume: '12.345',
      quoteVolume: '12345.6',
      trades: 99,
    };
  }
}

/** A market of such symbols. */
export function tinyMarket(
  names: readonly string[],
  seed: number,
): SimulatedMarket & { symbols: TinySymbol[] } {
  const random = seeded(seed);
  const symbols = names.map((name) => new TinySymbol(name, random));
  return {
    symbols,
    symbol: (name) => symbols.find((symbol) => symbol.name === name),
    now: () => Math.max(...symbols.map(({ time }) => time)) + 777,
    random,
  };
}
