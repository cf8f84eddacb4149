import { type Exchange, feedAllowed, type Market, type RawMessage } from '../exchanges/index.ts';
import { CHANNELS, type Channel, isObject, type Stream } from '../record/index.ts';
import type { StreamRequest } from './config.ts';
import { describeMessage, messageText } from './message.ts';
import { marketCalled, marketsOf } from './names.ts';
import { nearestName } from './nearest.ts';
import { oneOf, type Path, type Problems, pathText, shown } from './problem.ts';
import { FORM_KEYS, labelledEntry, SINGULARS, semanticEntry } from './schema.ts';
import { readShape } from './shape.ts';

/** Where a stream entry stands. Undefined where a problem with it was reported already. */
export interface EntryContext {
  readonly exchange: Exchange | undefined;
  readonly market: Market | undefined;
}

const SYMBOL_LENGTH_MAX = 100;
/** Most streams of a config: more than all symbols and channels of all exchanges. */
const STREAMS_MAX = 100_000;
const FORMS =
  'expected channels and symbols, a raw message (an object or its text), or type, symbol, market and message';

/**
 * Reads the stream entries of all exchanges of a config, by the three forms (DESIGN section 5), and sees to it that
 * no stream is asked for twice.
 */
export class EntryReader {
  readonly #problems: Problems;
  /** Where each stream was asked for first. */
  readonly #asked = new Map<string, string>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** Reads one exchange's entries; what is wrong is reported and left out. */
  read(
    entries: readonly unknown[],
    path: Path,
    context: EntryContext,
  ): { streams: StreamRequest[]; raw: RawMessage[] } {
    const streams: StreamRequest[] = [];
    const raw: RawMessage[] = [];
    for (const [index, entry] of entries.entries()) {
      const at = [...path, index];
      if (isObject(entry) && (Object.hasOwn(entry, 'channels') || Object.hasOwn(entry, 'symbols')))
        this.#semantic(entry, at, context, streams);
      else if (isObject(entry) && Object.hasOwn(entry, 'message')) this.#labelled(entry, at, context, raw);
      else if (isObject(entry) || typeof entry === 'string') this.#raw(entry, at, context, raw);
      else this.#problems.add(at, `found ${shown(entry)}; ${FORMS}`);
    }
    return { streams, raw };
  }

  #semantic(entry: unknown, path: Path, context: EntryContext, out: StreamRequest[]): void {
    const shape = readShape(semanticEntry, entry, path, this.#problems);
    if (shape === null) return;
    const channels = this.#distinct(shape.channels, [...path, 'channels'], (word, at) => {
      const read = this.#channel(word, at, context);
      return read === null ? null : { ...read, key: `${read.channel}@${read.feed}` };
    });
    const symbols = this.#distinct(shape.symbols, [...path, 'symbols'], (symbol, at) =>
      this.#symbol(symbol, at, context) ? { symbol, key: symbol } : null,
    );
    const count = channels.length * symbols.length;
    if (this.#asked.size + count > STREAMS_MAX) {
      const message = `${count} streams in one entry; expected at most ${STREAMS_MAX} in a config`;
      this.#problems.add(path, message);
      return;
    }
    for (const { channel, feed } of channels)
      for (const { symbol } of symbols) {
        const request = { channel, feed, symbol };
        if (this.#first(request, path, context)) out.push(request);
      }
  }

  /** Reads each word of a list once; reports those that mean the same as an earlier one. */
  #distinct<T extends { key: string }>(
    words: readonly string[],
    path: Path,
    read: (word: string, path: Path) => T | null,
  ): T[] {
    const first = new Map<string, { index: number; item: T }>();
    for (const [index, word] of words.entries()) {
      const at = [...path, index];
      const item = read(word, at);
      const earlier = item === null ? undefined : first.get(item.key);
      if (earlier !== undefined) {
        const before = pathText([...path, earlier.index]);
        this.#problems.add(at, `${shown(word)} is the same as ${before}; expected each stream once`);
      } else if (item !== null) first.set(item.key, { index, item });
    }
    return [...first.values()].map(({ item }) => item);
  }

  /** Reads `book` or `book@depth`; null where it was reported. */
  #channel(word: string, path: Path, context: EntryContext): { channel: Channel; feed: string } | null {
    const at = word.indexOf('@');
    const name = at < 0 ? word : word.slice(0, at);
    const channel = CHANNELS.find((known) => known === name);
    const { exchange, market } = context;
    const offered = market === undefined ? CHANNELS : (Object.keys(market.channels) as Channel[]);
    if (channel === undefined) {
      const message = `${shown(name)} is no channel; expected ${oneOf(offered)}`;
      this.#problems.add(path, message, singular(name) ?? nearestName(name, offered));
      return null;
    }
    if (market === undefined) return null;
    const feeds = market.channels[channel];
    const where = `${exchange?.title ?? ''} ${market.name}`;
    if (feeds === undefined) {
      this.#problems.add(path, `${where} has no ${channel} here; expected ${oneOf(offered)}`);
      return null;
    }
    if (at < 0) return { channel, feed: feeds.defaultFeed };
    const feed = word.slice(at + 1);
    if (!feedAllowed(feed, feeds.feeds)) {
      const message = `${where} has no feed ${shown(feed)} of ${channel}; expected ${oneOf(feeds.feeds)}`;
      this.#problems.add(path, message, nearestName(feed, feeds.feeds));
      return null;
    }
    return { channel, feed };
  }

  #symbol(symbol: string, path: Path, { market }: EntryContext): boolean {
    if (symbol === '' || symbol.length > SYMBOL_LENGTH_MAX || /[\s\p{Cc}\p{Cf}]/u.test(symbol)) {
      const expected = 'expected a symbol as the exchange spells it, without spaces';
      this.#problems.add(path, `found ${shown(symbol)}; ${expected}`);
      return false;
    }
    // A case is never changed, only asked about: an all-lower symbol where symbols are upper would match no message.
    if (market !== undefined && isAllLower(symbol) && market.example === market.example.toUpperCase()) {
      const message = `found ${shown(symbol)}; the exchange spells symbols like ${market.example}`;
      this.#problems.add(path, message, symbol.toUpperCase());
      return false;
    }
    return true;
  }

  #labelled(
    entry: Readonly<Record<string, unknown>>,
    path: Path,
    context: EntryContext,
    out: RawMessage[],
  ): void {
    const shape = readShape(labelledEntry, entry, path, this.#problems);
    if (shape === null) return;
    const word = singular(shape.type) ?? shape.type;
    const channel = this.#channel(word, [...path, 'type'], context);
    let good = this.#symbol(shape.symbol, [...path, 'symbol'], context);
    if (good && shape.symbol.includes('*')) {
      good = false;
      this.#problems.add([...path, 'symbol'], 'a * is resolved only beside "channels"; expected one symbol');
    }
    if (shape.market !== undefined && !this.#sameMarket(shape.market, [...path, 'market'], context))
      good = false;
    const text = this.#messageText(entry.message, [...path, 'message']);
    const { market } = context;
    if (!good || channel === null || text === null || market === undefined) return;
    const label: Stream = { market: market.name, ...channel, symbol: shape.symbol };
    this.#firstRaw(text, label, path, context);
    out.push({ text, label });
  }

  /** A label's market must be the entry's: one link carries one market. */
  #sameMarket(word: string, path: Path, { exchange, market }: EntryContext): boolean {
    if (exchange === undefined || market === undefined) return false;
    const named = marketCalled(word, exchange);
    if (named === market) return true;
    const names = marketsOf(exchange).map(({ name }) => name);
    if (named === undefined) {
      const message = `${exchange.title} has no market ${shown(word)}; expected ${oneOf(names)}`;
      this.#problems.add(path, message, nearestName(word, names));
    } else {
      const message = `${shown(word)} is market ${named.name}, but this exchange entry is ${market.name}`;
      this.#problems.add(path, `${message}; expected an exchange entry for each market`);
    }
    return false;
  }

  #raw(
    entry: Readonly<Record<string, unknown>> | string,
    path: Path,
    context: EntryContext,
    out: RawMessage[],
  ): void {
    if (typeof entry === 'string') {
      const word = entry.split('@')[0] ?? '';
      if (CHANNELS.some((channel) => channel === word)) {
        this.#problems.add(path, `${shown(entry)} is a channel, not a message; ${FORMS}`);
        return;
      }
    }
    for (const key of typeof entry === 'string' ? [] : Object.keys(entry)) {
      const meant = isSingularKey(key) ? undefined : nearestName(key, FORM_KEYS);
      if (meant === undefined) continue;
      this.#problems.add([...path, key], `unknown key; ${FORMS}`, meant);
      return;
    }
    const text = this.#messageText(entry, path);
    if (text === null) return;
    this.#firstRaw(text, null, path, context);
    out.push({ text });
  }

  #messageText(message: unknown, path: Path): string | null {
    const text = messageText(message);
    if (text !== null) return text;
    this.#problems.add(path, `found ${describeMessage(message)}; expected a message, or write it as text`);
    return null;
  }

  /** Notes the streams that a raw message asks for, as far as the exchange can read it. */
  #firstRaw(text: string, label: Stream | null, path: Path, context: EntryContext): void {
    const { exchange, market } = context;
    if (exchange === undefined || market === undefined) return;
    const request = exchange.readRequest(market.name, text);
    const read = request.kind === 'subscribe' ? request.streams : [];
    for (const stream of read.length > 0 || label === null ? read : [label])
      this.#first(stream, path, context);
  }

  /** True where nobody asked for the stream before. */
  #first(request: StreamRequest, path: Path, { exchange, market }: EntryContext): boolean {
    const { channel, feed, symbol } = request;
    const key = JSON.stringify([exchange?.name, market?.name, channel, feed, symbol]);
    const earlier = this.#asked.get(key);
    const here = pathText(path);
    if (earlier === undefined) {
      this.#asked.set(key, here);
      return true;
    }
    const stream = `${channel} of ${symbol} (${feed})`;
    const before = earlier === here ? 'twice here' : `already at ${earlier}`;
    this.#problems.add(path, `${stream} is asked for ${before}; expected each stream once`);
    return false;
  }
}

function singular(word: string): string | undefined {
  return Object.hasOwn(SINGULARS, word) ? SINGULARS[word as keyof typeof SINGULARS] : undefined;
}

/** Keys of real messages (Bitfinex has both) that only look like mistyped keys of ours. */
function isSingularKey(key: string): boolean {
  return key === 'channel' || key === 'symbol';
}

function isAllLower(text: string): boolean {
  return /[a-z]/.test(text) && text === text.toLowerCase();
}
