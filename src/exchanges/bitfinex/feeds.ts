import type { Channel, JsonObject, Stream } from '../../record/index.ts';

/** What tells one book channel of a symbol from another (protocols/bitfinex.md 8.1). */
export interface BookParameters {
  /** `P0`..`P4`: prices grouped to 5..1 significant figures; `R0`: order by order. */
  readonly prec: string;
  /** `F0` real time, `F1` every 2 s. */
  readonly freq: string;
  /** Entries per side. It may be sent as a number and comes back as text. */
  readonly len: string;
}

/** What applies where a request or an ack leaves a parameter out (8.1). */
const BOOK_DEFAULTS: BookParameters = { prec: 'P0', freq: 'F0', len: '25' };

export const PRECISIONS = ['P0', 'P1', 'P2', 'P3', 'P4'] as const;
export const FREQUENCIES = ['F0', 'F1'] as const;
export const LENGTHS = ['1', '25', '100', '250'] as const;

/** The quotes feed where none is named: the shortest book whose checksum can be verified (9.5). */
export const QUOTES_FEED = 'P0.F0.25';

/** The feed of a book channel: `P0.F0.250`. */
export function bookFeed({ prec, freq, len }: BookParameters): string {
  return `${prec}.${freq}.${len}`;
}

/** The parameters in a feed's name; null of a name that is no book feed. */
export function readBookFeed(feed: string): BookParameters | null {
  const [prec, freq, len, more] = feed.split('.');
  if (prec === undefined || freq === undefined || len === undefined || more !== undefined) return null;
  return { prec, freq, len };
}

/** Which of our channels one book channel of the exchange feeds. */
export interface Served {
  readonly book: boolean;
  readonly quotes: boolean;
}

/** What a `subscribe`, its ack or its refusal names. */
export interface Subscription {
  /** The exchange's word: `trades`, `book`, `ticker`, `candles`, `status`. */
  readonly channel: string;
  /** The symbol, or the key of a candles or status channel. */
  readonly subject: string;
  /** Of a book channel. */
  readonly book: BookParameters | null;
  readonly subId: string | null;
}

/** Reads what a message subscribes to; null where it names no channel. */
export function readSubscription(message: JsonObject): Subscription | null {
  const { channel, subId } = message;
  const subject = message.symbol ?? message.key;
  if (typeof channel !== 'string' || typeof subject !== 'string') return null;
  const book: BookParameters | null =
    channel === 'book'
      ? {
          prec: textOf(message.prec) ?? BOOK_DEFAULTS.prec,
          freq: textOf(message.freq) ?? BOOK_DEFAULTS.freq,
          len: textOf(message.len) ?? BOOK_DEFAULTS.len,
        }
      : null;
  return { channel, subject, book, subId: textOf(subId) };
}

/** A parameter as text: ids and lengths travel as text or as numbers (protocols/bitfinex.md 5, 13.9). */
function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** Matches a request with its answer: the client's own tag, else everything that makes the channel what it is. */
export function keyOf(subscription: Subscription): string {
  return subscription.subId ?? channelKey(subscription.channel, subscription);
}

function channelKey(word: string, { subject, book }: Pick<Subscription, 'subject' | 'book'>): string {
  return [word, subject, ...(book === null ? [] : [book.prec, book.freq, book.len])].join('|');
}

/**
 * The tag (`subId`) we send: the key itself, so that an answer which does not repeat the tag still matches. Of a book
 * channel the first word says what it serves, so that the tape alone tells it.
 */
export function ownSubId(
  channel: string,
  subject: string,
  book: BookParameters | null,
  served: Served,
): string {
  const word = channel !== 'book' || !served.quotes ? channel : served.book ? 'both' : 'quotes';
  return channelKey(word, { subject, book });
}

/** What a book channel serves by a tag of ours; null of any other tag. */
export function servedByTag(subscription: Subscription): Served | null {
  const { subId } = subscription;
  if (subId === channelKey('quotes', subscription)) return { book: false, quotes: true };
  if (subId === channelKey('both', subscription)) return { book: true, quotes: true };
  if (subId === channelKey('book', subscription)) return { book: true, quotes: false };
  return null;
}

/** Trading pairs begin with `t`, funding currencies with `f` (12). Of funding nothing is turned into rows yet. */
export function isTrading(symbol: string): boolean {
  return symbol.startsWith('t');
}

/** Perpetuals: both legs end in `F0` (12). */
export function isDerivative(symbol: string): boolean {
  return /^t?[^:]+F0:[^:]+F0$/.test(symbol);
}

/** Whether a subscription's messages become rows. */
export function isHandled({ channel, subject, book }: Subscription): boolean {
  if (!isTrading(subject)) return false;
  if (channel === 'book') return PRECISIONS.some((prec) => prec === book?.prec);
  return channel === 'trades' || channel === 'ticker';
}

/** The streams a subscription asks for; none where its messages are not turned into rows. */
export function streamsOf(market: string, subscription: Subscription): Stream[] {
  const { channel, subject: symbol, book } = subscription;
  if (!isHandled(subscription)) return [];
  if (book === null) return [{ market, channel: channel as Channel, feed: channel, symbol }];
  const served = servedByTag(subscription) ?? { book: true, quotes: false };
  const feed = bookFeed(book);
  const streams: Stream[] = [];
  if (served.book) streams.push({ market, channel: 'book', feed, symbol });
  if (served.quotes) streams.push({ market, channel: 'quotes', feed, symbol });
  return streams;
}

/** Our word for a channel, and the symbol in its subject, for what is not turned into rows. */
export function wordOf({ channel, subject }: Pick<Subscription, 'channel' | 'subject'>): {
  readonly channel: Channel | null;
  readonly symbol: string | null;
} {
  if (channel === 'trades' || channel === 'book' || channel === 'ticker') return { channel, symbol: subject };
  if (channel === 'candles')
    return { channel: 'candles', symbol: subject.split(':').slice(2).join(':') || null };
  if (channel === 'status' && subject.startsWith('deriv:'))
    return { channel: 'derivatives', symbol: subject.slice('deriv:'.length) };
  if (channel === 'status' && subject.startsWith('liq:')) return { channel: 'liquidations', symbol: null };
  return { channel: null, symbol: null };
}
