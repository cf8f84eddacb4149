import {
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
} from '../../record/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import { readEntries } from './book.ts';
import { ChannelMap, type ChannelRoute } from './channels.ts';
import { controlOf, MAINTENANCE_ENDED } from './control.ts';
import { wordOf } from './feeds.ts';
import { BULK_UPDATES, has, readTail, SEQ_ALL, SequenceRule, type Tail, tailLength } from './flags.ts';
import { subscribeText, unsubscribeText } from './subscribe.ts';
import { readTicker, readTrade, readTrades, type Trade } from './values.ts';

/** Reads one link over JSON.parse, one message variant per function: the reference for any faster reader. */
export class BitfinexDecoder implements LinkDecoder {
  readonly #host: DecoderHost;
  readonly #channels: ChannelMap;
  readonly #sequence = new SequenceRule();
  /** As confirmed on this connection: they decide the layout of every array (protocols/bitfinex.md 4). */
  #flags = 0;
  /** As last asked for: what a confirmation without flags confirms. */
  #askedFlags = 0;

  constructor(link: LinkContext, host: DecoderHost, state?: Json) {
    this.#host = host;
    this.#channels = new ChannelMap(host);
    const saved = isObject(state) ? state : { routing: link.routing, books: null };
    if (!isObject(saved.routing)) return;
    const { flags, askedFlags, sequence, channels } = saved.routing;
    this.#flags = Number(flags);
    this.#askedFlags = Number(askedFlags);
    this.#sequence.last = typeof sequence === 'number' ? sequence : Number.NaN;
    this.#channels.restore(channels, saved.books);
  }

  /** Of our own messages only `conf` matters here. */
  sent(frame: Frame): void {
    const message = parseJson(frame.text());
    if (isObject(message) && message.event === 'conf' && Number.isSafeInteger(message.flags))
      this.#askedFlags = Number(message.flags);
  }

  received(frame: Frame): Outcome {
    const message = parseJson(frame.text());
    if (Array.isArray(message)) return this.#array(message);
    if (isObject(message)) return this.#event(message);
    return message === null ? this.#malformed(frame) : this.#host.undecoded('unknown');
  }

  /** No JSON at all. Without numbers nothing else would tell that the channel it names has lost a message. */
  #malformed(frame: Frame): Outcome {
    const id = /^\s*\[\s*(\d+)\s*,/.exec(frame.text().slice(0, 40))?.[1];
    const route = has(this.#flags, SEQ_ALL) || id === undefined ? undefined : this.#channels.get(Number(id));
    if (route !== undefined) this.#breakBook(route, 'a message is no JSON');
    const word = route === undefined ? null : wordOf(route.subscription);
    return this.#host.undecoded('malformed', word?.channel, word?.symbol);
  }

  /** Objects are never numbered and never data (2). */
  #event(message: JsonObject): Outcome {
    if (controlOf(message) === null) return this.#host.undecoded('unknown');
    if (message.event === 'conf') this.#confirmed(message);
    else if (message.event === 'info') this.#info(message);
    else if (message.event === 'unsubscribed') this.#channels.unsubscribed(message.chanId);
    else if (message.event === 'subscribed' && !this.#channels.acknowledged(message))
      return this.#host.undecoded('unknown');
    return 'control';
  }

  /** Maintenance is over: the books of before are not gone on with, every channel needs a fresh snapshot (3). */
  #info(message: JsonObject): void {
    if (message.code !== MAINTENANCE_ENDED) return;
    const detail = '20061 maintenance ended, every channel needs a fresh snapshot';
    this.#host.brokenLink({ cause: 'disconnect', detail });
    this.#channels.invalidate();
  }

  /** The echoed flags count; a confirmation without them confirms what was asked for (the echo is [U], 4). */
  #confirmed(message: JsonObject): void {
    if (message.status !== 'OK') return;
    this.#flags = Number.isSafeInteger(message.flags) ? Number(message.flags) : this.#askedFlags;
  }

  /** Channel data: `[CHAN_ID, payload]`, `[CHAN_ID, "hb"]` or `[CHAN_ID, type, payload]`, each with a tail (4). */
  #array(message: readonly unknown[]): Outcome {
    const [id, second] = message;
    if (!Number.isSafeInteger(id) || message.length < 2) return this.#host.undecoded('unknown');
    const tail = readTail(message, this.#tailStart(message), this.#flags);
    this.#count(tail);
    const route = this.#channels.get(Number(id));
    if (second === 'hb') return this.#heartbeat(route);
    if (route === undefined) return this.#host.undecoded('no-context');
    if (second === 'cs') return this.#checksum(route, message[2]);
    switch (route.kind) {
      case 'trades':
        return typeof second === 'string'
          ? this.#tradeEvent(route, second, message[2])
          : this.#tradesSnapshot(route, second);
      case 'ticker':
        return this.#ticker(route, second, tail);
      case 'book':
        return this.#book(route, second, tail);
      case 'other':
        return this.#notHandled(route);
    }
  }

  #tailStart(message: readonly unknown[]): number {
    const [, second] = message;
    if (second === 'hb' || typeof second !== 'string') return 2;
    if (second === 'cs' || TRADE_EVENTS.has(second)) return 3;
    return Math.max(2, message.length - tailLength(this.#flags)); // A type that nobody has described.
  }

  /** Every array counts, of whatever channel and with whatever payload (10). */
  #count({ sequence }: Tail): void {
    if (!has(this.#flags, SEQ_ALL)) {
      this.#sequence.unnumbered();
      return;
    }
    const last = this.#sequence.take(sequence);
    if (last === null) return;
    const detail = `expected sequence ${last + 1}, got ${sequence}`;
    this.#host.brokenLink({ cause: 'sequence', detail, fromSequence: last, toSequence: sequence });
    this.#channels.invalidate();
    this.#host.request({ kind: 'reconnect', reason: detail });
  }

  /**
   * Comes for every channel about every 15 s, even before its ack (5, 6). It keeps a channel from counting as silent,
   * but not a book that waits for its snapshot.
   */
  #heartbeat(route: ChannelRoute | undefined): Outcome {
    if (route === undefined) return 'control';
    if (route.stream >= 0) this.#host.heard(route.stream);
    else if (route.book?.valid && route.live) route.book.heard();
    return 'control';
  }

  /** Describes the book after all earlier messages (9). Of funding and raw books it is not verified. */
  #checksum(route: ChannelRoute, value: unknown): Outcome {
    if (!Number.isSafeInteger(value)) return this.#unknown(route);
    if (route.book === null || !route.live || !route.book.valid) return 'control';
    route.book.heard();
    route.book.verify(Number(value));
    return 'control';
  }

  /** The latest trades, newest first; after a reconnect most are known already (7.2). */
  #tradesSnapshot(route: ChannelRoute, payload: unknown): Outcome {
    this.#host.heard(route.stream);
    const trades = Array.isArray(payload) ? readTrades(payload) : null;
    if (trades === null) return this.#unknown(route);
    let written = 0;
    for (const trade of trades) if (this.#trade(route, trade)) written++;
    return written > 0 ? 'rows' : 'repeat';
  }

  /** A trade comes as `te`, then as `tu` with the same id and content: whichever is seen first is written (7.2). */
  #tradeEvent(route: ChannelRoute, type: string, payload: unknown): Outcome {
    this.#host.heard(route.stream);
    const trade = type === 'te' || type === 'tu' ? readTrade(payload) : null;
    if (trade === null) return FUNDING_EVENTS.has(type) ? this.#notHandled(route) : this.#unknown(route);
    return this.#trade(route, trade) ? 'rows' : 'repeat';
  }

  #trade({ stream }: ChannelRoute, { id, timestamp, side, priceText, amountText }: Trade): boolean {
    const { rows, decimals, trades } = this.#host;
    if (!trades.isNew(stream, id)) return false;
    rows.trade(stream, timestamp, id, side, decimals.read(priceText), decimals.read(amountText));
    return true;
  }

  /** Snapshot and update have one shape (7.1). Its only time is the server's. */
  #ticker(route: ChannelRoute, payload: unknown, { timestamp }: Tail): Outcome {
    this.#host.heard(route.stream);
    const values = Array.isArray(payload) ? readTicker(payload, this.#host.decimals) : null;
    if (values === null) return this.#unknown(route);
    this.#host.rows.ticker(route.stream, timestamp, values);
    return 'rows';
  }

  /**
   * The first payload after the ack is the snapshot. Later a list of lists is a bulk update where BULK_UPDATES was
   * confirmed; without that flag only snapshots have this shape, and the book is replaced (8.2).
   */
  #book(route: ChannelRoute, payload: unknown, tail: Tail): Outcome {
    if (!route.live) return 'held';
    if (!Array.isArray(payload)) return this.#unknown(route);
    const isList = Array.isArray(payload[0]);
    const isSnapshot = route.awaitsSnapshot
      ? isList || payload.length === 0
      : isList && !has(this.#flags, BULK_UPDATES);
    if (isSnapshot) return this.#bookSnapshot(route, payload, tail);
    if (route.book?.valid !== true) return 'held';
    if (payload.length === 0 && !has(this.#flags, BULK_UPDATES)) return this.#unknown(route);
    return this.#bookUpdate(route, isList || payload.length === 0 ? payload : [payload], tail);
  }

  #bookSnapshot(route: ChannelRoute, payload: readonly unknown[], tail: Tail): Outcome {
    route.book?.heard();
    const entries = readEntries(payload);
    if (entries === null || route.book === null) return this.#unknown(route);
    route.awaitsSnapshot = false;
    route.book.snapshot(entries, tail);
    return 'rows';
  }

  #bookUpdate(route: ChannelRoute, payload: readonly unknown[], tail: Tail): Outcome {
    route.book?.heard();
    const entries = readEntries(payload);
    if (entries === null || route.book === null) return this.#unknown(route);
    return route.book.update(entries, tail) ? 'rows' : 'repeat';
  }

  /** A shape nobody has described: a book that may have missed a change is no longer trusted. */
  #unknown(route: ChannelRoute): Outcome {
    this.#breakBook(route, 'a message of an unknown shape');
    const { channel, symbol } = wordOf(route.subscription);
    return this.#host.undecoded('unknown', channel, symbol);
  }

  #notHandled(route: ChannelRoute): Outcome {
    const { channel, symbol } = wordOf(route.subscription);
    return this.#host.undecoded(channel === null ? 'unknown' : 'not-handled', channel, symbol);
  }

  #breakBook(route: ChannelRoute, detail: string): void {
    if (route.book === null || !route.live) return;
    route.book.break({ cause: 'decoder-error', detail });
    this.#resync(route);
  }

  /** A book has no REST snapshot that could be aligned: its channel is subscribed again (9.5, 10). */
  #resync(route: ChannelRoute): void {
    const { subject, book: parameters } = route.subscription;
    if (route.book === null) return;
    route.live = false;
    const texts = [unsubscribeText(route.id), subscribeText('book', subject, parameters, route.book.served)];
    this.#host.request({ kind: 'send', stream: route.book.stream, texts });
  }

  /** Nothing is asked for over REST: snapshots there carry neither number nor time (10). */
  rest(_frame: Frame, _answer: RestAnswer): Outcome {
    return this.#host.undecoded('not-handled');
  }

  invalidate(stream: number | null): void {
    if (stream === null) {
      this.#channels.invalidate();
      return;
    }
    const route = this.#channels.routeOf(stream);
    if (route !== undefined) this.#breakBook(route, 'a message could not be decoded');
  }

  openingSnapshots(): void {
    for (const book of this.#channels.books()) book.openingSnapshot();
  }

  /** Flags, where the count stands, and what each channel id means. */
  routing(): Json {
    const { last } = this.#sequence;
    return {
      flags: this.#flags,
      askedFlags: this.#askedFlags,
      sequence: Number.isNaN(last) ? null : last,
      channels: this.#channels.routing(),
    };
  }

  state(): Json {
    return { routing: this.routing(), books: this.#channels.booksState() };
  }
}

/** Of trading pairs and of funding currencies (7.2). */
const FUNDING_EVENTS: ReadonlySet<string> = new Set(['fte', 'ftu']);
const TRADE_EVENTS: ReadonlySet<string> = new Set(['te', 'tu', ...FUNDING_EVENTS]);
