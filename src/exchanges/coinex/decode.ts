import {
  type Channel,
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
  toMicroseconds,
} from '../../record/index.ts';
import type { Breach, DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import { Asked } from './asked.ts';
import { readDepth } from './book.ts';
import { LinkBooks } from './books.ts';
import { readReply } from './control.ts';
import { isPseudoMarket } from './instruments.ts';
import { glimpse, isMarketName, readDeals, readQuoteSide, readTicker } from './messages.ts';
import { CHANNEL_OF, marketOf, readId, readWireRequest, type WireChannel } from './requests.ts';

const UNREADABLE: Breach = { cause: 'decoder-error', detail: 'a message could not be read' };

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
  /** Stream codes of the channels without books, by channel and market. */
  readonly #codes = new Map<string, number>();

  constructor(host: DecoderHost) {
    this.#host = host;
    this.#books = new LinkBooks(host, this.#asked);
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
      channel === 'depth' ? this.#books.of(marketOf(first)).stream : this.#code(channel, marketOf(first));
    this.#host.request({ kind: 'send', stream, texts: [this.#asked.fullText(channel)] });
  }

  received(frame: Frame): Outcome {
    const message = parseJson(frame.text());
    if (!isObject(message)) return this.#unreadable(frame);
    if (typeof message.method !== 'string') return this.#reply(message);
    const data = isObject(message.data) ? message.data : {};
    switch (message.method) {
      case 'deals.update':
        return this.#deals(data);
      case 'depth.update':
        return this.#depth(data, frame.time);
      case 'bbo.update':
        return this.#quote(data);
      case 'state.update':
        return this.#tickers(data);
      case 'index.update':
      case 'premium.update':
        return this.#notHandled(data);
      default:
        return this.#host.undecoded('unknown');
    }
  }

  #reply(message: JsonObject): Outcome {
    const control = readReply(message);
    if (control === null) return this.#host.undecoded('unknown');
    if (control.kind === 'ack' || control.kind === 'refusal')
      this.#asked.answered(readId(message.id), control.kind === 'refusal');
    return 'control';
  }

  /** Trades, oldest first. The first push after each subscription repeats trades (protocols/coinex.md 7.3). */
  #deals(data: JsonObject): Outcome {
    const { market } = data;
    if (!isMarketName(market)) return this.#host.undecoded('malformed', 'trades');
    const stream = this.#code('deals', market);
    this.#host.heard(stream);
    const deals = readDeals(data.deal_list);
    if (deals === null) return this.#malformed(stream, 'trades', market);
    const { rows, decimals, trades } = this.#host;
    let written = 0;
    for (const { id, side, price, amount, createdAt } of deals) {
      if (!trades.isNew(stream, id)) continue;
      const time = toMicroseconds(createdAt);
      rows.trade(stream, time, id, side, decimals.read(price), decimals.read(amount));
      written++;
    }
    return written > 0 ? 'rows' : 'repeat';
  }

  /** The book (protocols/coinex.md 8.2). `time` is the frame's. */
  #depth(data: JsonObject, time: number): Outcome {
    const { market } = data;
    if (!isMarketName(market)) return this.#unreadableDepth(null);
    const book = this.#books.of(market);
    this.#host.heard(book.stream);
    const push = readDepth(data);
    if (push === null) return this.#unreadableDepth(market);
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
  #quote(data: JsonObject): Outcome {
    const { market } = data;
    if (!isMarketName(market)) return this.#host.undecoded('malformed', 'quotes');
    const stream = this.#code('bbo', market);
    this.#host.heard(stream);
    const { rows, decimals } = this.#host;
    const bid = readQuoteSide(data.best_bid_price, data.best_bid_size, decimals);
    const ask = readQuoteSide(data.best_ask_price, data.best_ask_size, decimals);
    rows.quote(stream, toMicroseconds(data.updated_at), bid.price, bid.amount, ask.price, ask.amount);
    return 'rows';
  }

  /** 24-hour figures, a row each entry of a market that was asked for; they bear no time (protocols/coinex.md 7.1). */
  #tickers(data: JsonObject): Outcome {
    const list = data.state_list;
    if (!Array.isArray(list) || !list.every((entry) => isObject(entry) && isMarketName(entry.market)))
      return this.#host.undecoded('malformed', 'ticker');
    const all = this.#asked.wantsAll('state');
    let written = 0;
    for (const entry of list as (JsonObject & { market: string })[]) {
      if (isPseudoMarket(entry.market)) continue;
      const stream = this.#code('state', entry.market);
      if (!all && !this.#host.asked(stream)) continue;
      this.#host.heard(stream);
      this.#host.rows.ticker(stream, Number.NaN, readTicker(entry, this.#host.decimals));
      written++;
    }
    return written > 0 ? 'rows' : 'repeat';
  }

  /** Index price and premium: not among the tables read from CoinEx yet (protocols/coinex.md 7.5, 7.6). */
  #notHandled(data: JsonObject): Outcome {
    const market = isMarketName(data.market) ? data.market : null;
    return this.#host.undecoded('not-handled', 'derivatives', market);
  }

  /** A push that is no book's: what it said about its market is missing. */
  #malformed(stream: number, channel: Channel, market: string): Outcome {
    this.#host.broken(stream, UNREADABLE);
    return this.#host.undecoded('malformed', channel, market);
  }

  /** A depth push was missed: its book is doubtful, or all of them where it does not say which it was for. */
  #unreadableDepth(market: string | null): Outcome {
    if (market === null) this.#books.breachAll(UNREADABLE);
    else this.#books.breach(this.#books.of(market), UNREADABLE);
    return this.#host.undecoded('malformed', 'book', market);
  }

  /**
   * A message that is no JSON object. Bytes that did not even inflate end the link (protocols/coinex.md 2, rule 4).
   * Text out of a whole gzip member is what the exchange wrote: a new link would not mend it, and only what it may
   * have been about is doubtful.
   */
  #unreadable(frame: Frame): Outcome {
    if (frame.kind !== 'gzip') {
      this.#host.brokenLink(UNREADABLE);
      this.invalidate(null);
      this.#host.request({ kind: 'reconnect', reason: UNREADABLE.detail });
      return this.#host.undecoded('malformed');
    }
    const seen = glimpse(frame.text());
    if (seen === null) {
      this.#host.brokenLink(UNREADABLE);
      this.#books.breachAll(UNREADABLE);
      return this.#host.undecoded('malformed');
    }
    const { channel, market } = seen;
    if (channel === 'depth') return this.#unreadableDepth(market);
    if (market !== null) return this.#malformed(this.#code(channel, market), CHANNEL_OF[channel], market);
    return this.#host.undecoded('malformed', CHANNEL_OF[channel]);
  }

  #code(channel: Exclude<WireChannel, 'depth'>, market: string): number {
    const key = `${channel} ${market}`;
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = this.#host.stream(CHANNEL_OF[channel], channel, market);
      this.#codes.set(key, code);
    }
    return code;
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
