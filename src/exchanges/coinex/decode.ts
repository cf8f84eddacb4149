import {
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
  type TakerSide,
} from '../../record/index.ts';
import { type NumberSlot, type Reading, ShapeReader, startsWith, type TextSlot } from '../../shape/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import { Asked } from './asked.ts';
import { LinkBooks } from './books.ts';
import { readReply } from './control.ts';
import { DealOrder } from './deals.ts';
import { DepthPush } from './depth.ts';
import { isMarketName } from './messages.ts';
import { marketOf, readId, readWireRequest, type WireChannel } from './requests.ts';
import { DEALS, DEPTH, QUOTE, STATES } from './shapes.ts';
import { LinkMarkets, type NamedMarket } from './streams.ts';
import { Unreadable } from './unreadable.ts';

/** How a push of each channel begins, in the order of keys that all samples have. */
const BEGINNINGS = (['deals', 'depth', 'bbo', 'state'] as const).map((channel) => ({
  channel,
  method: `${channel}.update`,
  bytes: Buffer.from(`{"method":"${channel}.update"`),
}));

/** What `side` of a trade says, by the index of its choice in shapes.ts; anything else is unknown. */
const SIDES: readonly TakerSide[] = ['buy', 'sell'];

/** Opens a reader for one link (protocols/coinex.md 4, 7, 8). */
export function openDecoder(link: LinkContext, host: DecoderHost, state?: Json): LinkDecoder {
  const decoder = new CoinexDecoder(host);
  if (state !== undefined) decoder.restore(state);
  else if (isObject(link.routing)) decoder.restoreRouting(link.routing as Json);
  return decoder;
}

class CoinexDecoder implements LinkDecoder {
  readonly #host: DecoderHost;
  readonly #asked = new Asked();
  readonly #books: LinkBooks;
  readonly #markets: LinkMarkets;
  readonly #unreadable: Unreadable;
  readonly #readers: Readonly<Record<WireChannel, ShapeReader>>;
  readonly #order: DealOrder;
  readonly #depthPush: DepthPush;

  constructor(host: DecoderHost) {
    this.#host = host;
    this.#books = new LinkBooks(host, this.#asked);
    this.#markets = new LinkMarkets(host, this.#asked);
    this.#unreadable = new Unreadable(host, this.#books, this.#markets);
    const { decimals, drift } = host;
    this.#readers = {
      deals: new ShapeReader(DEALS, decimals, drift),
      depth: new ShapeReader(DEPTH, decimals, drift),
      bbo: new ShapeReader(QUOTE, decimals, drift),
      state: new ShapeReader(STATES, decimals, drift),
    };
    this.#order = new DealOrder(this.#readers.deals.reading);
    this.#depthPush = new DepthPush(this.#readers.depth.reading);
  }

  sent(frame: Frame): void {
    const request = readWireRequest(frame.text());
    if (request === null) return;
    if (request.channel === 'depth') this.#books.asked(request);
    this.#asked.sent(request);
    const first = request.entries[0];
    if (first === undefined || !this.#asked.isPartial(request)) return;
    const { channel } = request;
    const stream =
      channel === 'depth'
        ? this.#books.of(marketOf(first)).stream
        : this.#markets.code(channel, this.#markets.of(marketOf(first)));
    this.#host.request({ kind: 'send', stream, texts: [this.#asked.fullText(channel)] });
  }

  received(frame: Frame): Outcome {
    const { bytes, start, end } = frame;
    for (const beginning of BEGINNINGS)
      if (startsWith(bytes, start, end, beginning.bytes))
        return this.#push(beginning.channel, frame) ?? this.#parsed(frame);
    return this.#parsed(frame);
  }

  /** Reads a push by its shape; null where that cannot be. */
  #push(channel: WireChannel, frame: Frame): Outcome | null {
    if (this.#readers[channel].read(frame) !== 'read') return null;
    switch (channel) {
      case 'deals':
        return this.#deals();
      case 'depth':
        return this.#depth(frame.time);
      case 'bbo':
        return this.#quote();
      case 'state':
        return this.#tickers();
    }
  }

  /** Replies, pushes in another order of keys, what is not read, and what is not as it should be. */
  #parsed(frame: Frame): Outcome {
    const message = parseJson(frame.text());
    if (!isObject(message)) return this.#unreadable.noObject(frame);
    if (typeof message.method !== 'string') return this.#reply(message);
    const data = isObject(message.data) ? message.data : {};
    const push = BEGINNINGS.find(({ method }) => method === message.method);
    if (push !== undefined)
      return (
        this.#push(push.channel, frame) ??
        this.#unreadable.refused(push.channel, data, this.#readers[push.channel].problem)
      );
    if (message.method === 'index.update' || message.method === 'premium.update')
      return this.#notHandled(data);
    return this.#host.undecoded('unknown');
  }

  #reply(message: JsonObject): Outcome {
    const control = readReply(message);
    if (control === null) return this.#host.undecoded('unknown');
    if (control.kind === 'ack' || control.kind === 'refusal')
      this.#asked.answered(readId(message.id), control.kind === 'refusal');
    return 'control';
  }

  /** Trades, oldest first. The first push after each subscription repeats trades (protocols/coinex.md 7.3). */
  #deals(): Outcome | null {
    const { reading } = this.#readers.deals;
    const { list, item } = DEALS.slots.data.deal_list;
    const market = this.#marketOf(reading, DEALS.slots.data.market);
    const order = this.#order.oldestFirst();
    if (market === null || order === null) return null;
    const stream = this.#markets.code('deals', market);
    this.#host.heard(stream);
    const { rows, trades } = this.#host;
    let written = 0;
    for (const place of order) {
      const start = reading.startAt(list, place, item.deal_id);
      const end = reading.endAt(list, place, item.deal_id);
      if (!trades.isNewBytes(stream, reading.bytes, start, end)) continue;
      rows.tradeFrom(
        stream,
        reading.numberAt(list, place, item.created_at),
        reading.bytes,
        start,
        end,
        SIDES[reading.numberAt(list, place, item.side)] ?? 'unknown',
        reading.numberAt(list, place, item.price),
        reading.numberAt(list, place, item.amount),
      );
      written++;
    }
    return written > 0 ? 'rows' : 'repeat';
  }

  /** The book (protocols/coinex.md 8.2). `time` is the frame's. */
  #depth(time: number): Outcome | null {
    const market = this.#marketOf(this.#readers.depth.reading, DEPTH.slots.data.market);
    if (market === null) return null;
    const book = this.#books.of(market.name);
    this.#host.heard(book.stream);
    const push = this.#depthPush.take();
    if (book.wentBack(push)) {
      const detail = `updated_at went back from ${book.updatedAt} to ${push.updatedAt} µs`;
      this.#books.breach(book, { cause: 'sequence', detail });
      return 'rows'; // The row that ends the book's validity.
    }
    if (push.isFull) {
      book.replace(push);
      return 'rows';
    }
    if (book.keeper.valid) return book.change(push) ? 'rows' : 'repeat';
    if (book.hold(time)) this.#books.resync([book]);
    return 'held';
  }

  /** Best bid and offer, a row each message (protocols/coinex.md 7.2). */
  #quote(): Outcome | null {
    const { reading } = this.#readers.bbo;
    const slots = QUOTE.slots.data;
    const market = this.#marketOf(reading, slots.market);
    if (market === null) return null;
    const stream = this.#markets.code('bbo', market);
    this.#host.heard(stream);
    const hasBid = hasSide(reading, slots.best_bid_price, slots.best_bid_size);
    const hasAsk = hasSide(reading, slots.best_ask_price, slots.best_ask_size);
    this.#host.rows.quote(
      stream,
      reading.number(slots.updated_at),
      hasBid ? reading.number(slots.best_bid_price) : Number.NaN,
      hasBid ? reading.number(slots.best_bid_size) : Number.NaN,
      hasAsk ? reading.number(slots.best_ask_price) : Number.NaN,
      hasAsk ? reading.number(slots.best_ask_size) : Number.NaN,
    );
    return 'rows';
  }

  /** 24-hour figures, a row each entry of a market that was asked for; they bear no time (protocols/coinex.md 7.1). */
  #tickers(): Outcome | null {
    const { reading } = this.#readers.state;
    const { list, item } = STATES.slots.data.state_list;
    const count = reading.count(list);
    for (let n = 0; n < count; n++)
      if (reading.startAt(list, n, item.market) === reading.endAt(list, n, item.market)) return null;
    let written = 0;
    for (let n = 0; n < count; n++) if (this.#ticker(n)) written++;
    return written > 0 ? 'rows' : 'repeat';
  }

  /**
   * `volume_buy` and `volume_sell` are left out: whether they are taker volumes or sizes of quotes is disputed, the
   * samples fit volumes (protocols/coinex.md 7.1).
   */
  #ticker(n: number): boolean {
    const { reading } = this.#readers.state;
    const { list, item } = STATES.slots.data.state_list;
    const market = this.#markets.at(
      reading.bytes,
      reading.startAt(list, n, item.market),
      reading.endAt(list, n, item.market),
    );
    const stream = market === null ? null : this.#markets.stateOf(market);
    if (stream === null) return false;
    this.#host.heard(stream);
    this.#host.rows.ticker(stream, Number.NaN, {
      lastPrice: reading.numberAt(list, n, item.last),
      openPrice: reading.numberAt(list, n, item.open),
      highPrice: reading.numberAt(list, n, item.high),
      lowPrice: reading.numberAt(list, n, item.low),
      volume: reading.numberAt(list, n, item.volume),
      quoteVolume: reading.numberAt(list, n, item.value),
    });
    return true;
  }

  /** The market a push names; null where the name is empty. */
  #marketOf(reading: Reading, slot: TextSlot): NamedMarket | null {
    return this.#markets.at(reading.bytes, reading.start(slot), reading.end(slot));
  }

  /** Index price and premium: not among the tables read from CoinEx yet (protocols/coinex.md 7.5, 7.6). */
  #notHandled(data: JsonObject): Outcome {
    const market = isMarketName(data.market) ? data.market : null;
    return this.#host.undecoded('not-handled', 'derivatives', market);
  }

  /** REST answers carry no number that would join them to the feed: they are kept, not read. */
  rest(_frame: Frame, _answer: RestAnswer): Outcome {
    return this.#host.undecoded('not-handled');
  }

  invalidate(stream: number | null): void {
    this.#books.invalidate(stream);
  }

  openingSnapshots(): void {
    for (const book of this.#books) book.keeper.openingSnapshot();
  }

  routing(): Json {
    return this.#asked.state();
  }

  state(): Json {
    return { asked: this.#asked.state(), books: this.#books.state() };
  }

  restoreRouting(routing: Json): void {
    this.#asked.restore(routing);
  }

  restore(state: Json): void {
    const { asked, books } = state as { asked: Json; books: Json };
    this.#asked.restore(asked);
    this.#books.restore(books);
  }
}

/** How an empty side is written is open, so `""`, `"0"` and nothing all mean it (protocols/coinex.md 7.2). */
function hasSide(reading: Reading, price: NumberSlot, amount: NumberSlot): boolean {
  return reading.number(price) > 0 && reading.number(amount) > 0;
}
