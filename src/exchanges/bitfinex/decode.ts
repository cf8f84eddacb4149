import {
  type Frame,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type RestAnswer,
} from '../../record/index.ts';
import type { DecoderHost, LinkContext, LinkDecoder, Outcome } from '../exchange.ts';
import { ArrayHead, type Variant, variantOf } from './arrays.ts';
import { ChannelMap, type ChannelRoute } from './channels.ts';
import { controlOf, MAINTENANCE_ENDED } from './control.ts';
import { Entries } from './entries.ts';
import { wordOf } from './feeds.ts';
import { BULK_UPDATES, has, SEQ_ALL, SequenceRule, Tail, tailLength } from './flags.ts';
import { openSources, type Source, type Sources } from './sources.ts';
import { subscribeText, unsubscribeText } from './subscribe.ts';
import { tickerValues } from './ticker.ts';
import { Trades } from './trades.ts';

/**
 * Reads one link, one message variant per function. The channel is found by the digits of its id, and what comes by it
 * is read off its bytes; what is in no usual form is parsed, and its number counts all the same.
 */
export class BitfinexDecoder implements LinkDecoder {
  readonly #host: DecoderHost;
  readonly #channels: ChannelMap;
  readonly #sequence = new SequenceRule();
  readonly #sources: Sources;
  readonly #head = new ArrayHead();
  /** Of the present array. */
  readonly #tail = new Tail();
  readonly #trades: Trades;
  readonly #entries: Entries;
  /** As confirmed on this connection: they decide the layout of every array (protocols/bitfinex.md 4). */
  #flags = 0;
  /** As last asked for: what a confirmation without flags confirms. */
  #askedFlags = 0;

  constructor(link: LinkContext, host: DecoderHost, state?: Json) {
    this.#host = host;
    this.#channels = new ChannelMap(host);
    this.#sources = openSources(host.decimals, host.drift);
    this.#trades = new Trades(host, this.#sources);
    this.#entries = new Entries(this.#sources);
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

  /** Channel data: `[CHAN_ID, payload]`, `[CHAN_ID, "hb"]` or `[CHAN_ID, type, payload]`, each with a tail (4). */
  received(frame: Frame): Outcome {
    const head = this.#head;
    if (!head.find(frame)) return this.#parsed(frame);
    const { variant } = head;
    const route = this.#channels.get(head.id);
    const source = this.#sourceOf(route, variant);
    const verdict = source.reader.read(frame);
    if (verdict === 'malformed') return this.#malformed(frame);
    if (verdict === 'mismatch') return this.#parsed(frame);
    this.#tail.take(source.reading, source.tail, this.#flags);
    this.#count();
    return this.#array(frame, route, variant, true);
  }

  #sourceOf(route: ChannelRoute | undefined, variant: Variant): Source {
    const sources = this.#sources;
    switch (variant) {
      case 'heartbeat':
      case 'checksum':
      case 'trade':
      case 'fundingTrade':
        return sources[variant];
      case 'one':
        if (route?.kind === 'book') return sources.entry;
        return route?.kind === 'ticker' ? sources.ticker : sources.other;
      case 'list':
        if (route?.kind === 'book') return sources.entries;
        return route?.kind === 'trades' ? sources.trades : sources.other;
      case 'other':
      case 'unknown':
        return sources.other;
    }
  }

  /** Events, and arrays in no usual form. */
  #parsed(frame: Frame): Outcome {
    const message = parseJson(frame.text());
    if (Array.isArray(message)) return this.#parsedArray(frame, message);
    if (isObject(message)) return this.#event(message);
    return message === null ? this.#malformed(frame) : this.#host.undecoded('unknown');
  }

  /** Every array has its number, and one whose tail alone is odd has its payload too. */
  #parsedArray(frame: Frame, message: readonly unknown[]): Outcome {
    const [id, second] = message;
    if (!Number.isSafeInteger(id) || message.length < 2) return this.#host.undecoded('unknown');
    const tailStart = this.#tailStart(message);
    this.#tail.takeParsed(message, tailStart, this.#flags);
    this.#count();
    const route = this.#channels.get(Number(id));
    const variant = variantOf(second);
    const { reader } = this.#sourceOf(route, variant);
    return this.#array(frame, route, variant, reader.readParsed(message.slice(0, tailStart)));
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

  /** What an array means for its channel. `isRead`: its values are in the reading of its source. */
  #array(frame: Frame, route: ChannelRoute | undefined, variant: Variant, isRead: boolean): Outcome {
    if (variant === 'heartbeat') return this.#heartbeat(route);
    if (route === undefined) return this.#host.undecoded('no-context');
    if (variant === 'checksum') return isRead ? this.#checksum(route) : this.#unknown(route);
    switch (route.kind) {
      case 'trades':
        return this.#tradesOf(route, variant, isRead);
      case 'ticker':
        return this.#ticker(frame, route, isRead && variant === 'one');
      case 'book':
        return this.#book(route, variant, isRead);
      case 'other':
        return this.#notHandled(route);
    }
  }

  #tailStart(message: readonly unknown[]): number {
    const variant = variantOf(message[1]);
    if (variant === 'checksum' || variant === 'trade' || variant === 'fundingTrade') return 3;
    if (variant !== 'unknown') return 2;
    return Math.max(2, message.length - tailLength(this.#flags));
  }

  /** Every array counts, of whatever channel and with whatever payload (10). */
  #count(): void {
    const { sequence } = this.#tail;
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
  #checksum(route: ChannelRoute): Outcome {
    const { reading, slots } = this.#sources.checksum;
    if (route.book === null || !route.live || !route.book.valid) return 'control';
    route.book.heard();
    route.book.verify(reading.number(slots[2]));
    return 'control';
  }

  #tradesOf(route: ChannelRoute, variant: Variant, isRead: boolean): Outcome {
    this.#host.heard(route.stream);
    if (variant === 'fundingTrade') return this.#notHandled(route);
    let outcome: Outcome | null = null;
    if (isRead && variant === 'trade') outcome = this.#trades.event(route.stream);
    else if (isRead && variant === 'list') outcome = this.#trades.snapshot(route.stream);
    return outcome ?? this.#unknown(route);
  }

  /** Snapshot and update have one shape (7.1). Its only time is the server's. */
  #ticker(frame: Frame, route: ChannelRoute, isRead: boolean): Outcome {
    this.#host.heard(route.stream);
    const values = isRead ? tickerValues(frame, this.#sources.ticker) : null;
    if (values === null) return this.#unknown(route);
    this.#host.rows.ticker(route.stream, this.#tail.timestamp, values);
    return 'rows';
  }

  /**
   * The first payload after the ack is the snapshot. Later a list of lists is a bulk update where BULK_UPDATES was
   * confirmed; without that flag only snapshots have this shape, and the book is replaced (8.2).
   */
  #book(route: ChannelRoute, variant: Variant, isRead: boolean): Outcome {
    if (!route.live) return 'held';
    if (variant !== 'one' && variant !== 'list') return this.#unknown(route);
    const isList = variant === 'list';
    if (isRead) {
      if (isList) this.#entries.takeList();
      else this.#entries.takeOne();
    }
    const isEmpty = isRead && this.#entries.count === 0;
    const isBulk = has(this.#flags, BULK_UPDATES);
    const isSnapshot = isList && (route.awaitsSnapshot || !(isEmpty || isBulk));
    if (isSnapshot) return this.#bookSnapshot(route, isRead);
    if (route.book?.valid !== true) return 'held';
    if (isEmpty && !isBulk) return this.#unknown(route);
    return this.#bookUpdate(route, isRead);
  }

  #bookSnapshot(route: ChannelRoute, isRead: boolean): Outcome {
    route.book?.heard();
    if (!isRead || !this.#entries.isSound || route.book === null) return this.#unknown(route);
    route.awaitsSnapshot = false;
    route.book.snapshot(this.#entries, this.#tail);
    return 'rows';
  }

  #bookUpdate(route: ChannelRoute, isRead: boolean): Outcome {
    route.book?.heard();
    if (!isRead || !this.#entries.isSound || route.book === null) return this.#unknown(route);
    return route.book.update(this.#entries, this.#tail) ? 'rows' : 'repeat';
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
