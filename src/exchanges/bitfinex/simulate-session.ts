import { isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { DialectSession, SimulatedMarket, SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import { bookFeed, FREQUENCIES, LENGTHS, PRECISIONS, readSubscription, type Subscription } from './feeds.ts';
import { BULK_UPDATES, has, OB_CHECKSUM, SEQ_ALL, TIMESTAMP } from './flags.ts';
import { SimulatedBook } from './simulate-book.ts';

/** The smaller of the two documented limits: a client that keeps to it keeps to both (protocols/bitfinex.md 1). */
const CHANNELS_MAX = 25;
const HEARTBEAT_MS = 15_000;
const CHANNELS: readonly string[] = ['trades', 'ticker', 'book'];
/** Trades in a snapshot (7.2). */
const SNAPSHOT_TRADES = 30;
/** Changes of a book between two checksums; the real rhythm is not known (9). */
const CHANGES_PER_CHECKSUM = 10;
/** How often a publish tries to make something happen before it gives up. */
const ATTEMPTS_MAX = 20;

interface SimulatedChannel {
  readonly id: number;
  readonly subscription: Subscription;
  readonly symbol: SimulatedSymbol;
  readonly book: SimulatedBook | null;
  /** Relative share of what is published. */
  readonly weight: number;
  lastTrade: number;
  changes: number;
}

/** An array that waits to be sent, without its tail. */
interface Waiting {
  readonly channel: SimulatedChannel;
  readonly message: readonly unknown[];
}

/** A symbol by either spelling: the model may name it as a pair or as a trading symbol. */
export function findSymbol(model: SimulatedMarket, symbol: string): SimulatedSymbol | undefined {
  if (!symbol.startsWith('t')) return undefined;
  return model.symbol(symbol) ?? model.symbol(symbol.slice(1));
}

/** One connection of the simulated Bitfinex. */
export class SimulatedSession implements DialectSession {
  readonly #model: SimulatedMarket;
  readonly #send: (text: string) => void;
  readonly #channels = new Map<number, SimulatedChannel>();
  #waiting: Waiting[] = [];
  #flags = 0;
  #sequence = 0;
  #heartbeatAt = 0;

  constructor(model: SimulatedMarket, send: (text: string) => void) {
    this.#model = model;
    this.#send = send;
    this.#event({ event: 'info', version: 2, serverId: this.#serverId(), platform: { status: 1 } });
  }

  get active(): number {
    return this.#channels.size;
  }

  receive(text: string): void {
    const parsed = parseJson(text);
    const message = isObject(parsed) ? parsed : {};
    switch (message.event) {
      case 'conf':
        this.#conf(message);
        break;
      case 'subscribe':
        this.#subscribe(message);
        break;
      case 'unsubscribe':
        this.#unsubscribe(message);
        break;
      case 'ping':
        this.#event({ event: 'pong', ts: this.#nowMs(), cid: message.cid });
        break;
      default:
        this.#error(10000, 'event: invalid', message);
    }
  }

  #conf(message: JsonObject): void {
    const flags = message.flags ?? 0;
    if (!Number.isSafeInteger(flags) || Number(flags) < 0) {
      this.#error(10050, 'conf: failed', message);
      return;
    }
    this.#flags = Number(flags);
    this.#event({ event: 'conf', status: 'OK', flags });
  }

  #subscribe(message: JsonObject): void {
    const subscription = readSubscription(message);
    const symbol = subscription === null ? undefined : findSymbol(this.#model, subscription.subject);
    const refusal = this.#refusal(subscription, symbol);
    if (refusal !== null) this.#error(...refusal, message);
    else if (subscription !== null && symbol !== undefined) this.#open(message, subscription, symbol);
  }

  /** Why a subscription is refused (5); null where it is not. */
  #refusal(
    subscription: Subscription | null,
    symbol: SimulatedSymbol | undefined,
  ): readonly [code: number, msg: string] | null {
    if (subscription === null) return [10020, 'request: invalid'];
    const { channel, book } = subscription;
    if (!CHANNELS.includes(channel)) return [10302, 'channel: unknown'];
    if (symbol === undefined) return [10300, 'symbol: invalid'];
    if (book !== null && !isOneOf(book.prec, PRECISIONS)) return [10011, 'prec: invalid'];
    if (book !== null && !isOneOf(book.freq, FREQUENCIES)) return [10020, 'freq: invalid'];
    if (book !== null && !isOneOf(book.len, LENGTHS)) return [10012, 'len: invalid'];
    if (this.#isOpen(subscription)) return [10301, 'subscribe: dup'];
    return this.#channels.size >= CHANNELS_MAX ? [10305, 'subscribe: limit'] : null;
  }

  #isOpen({ channel, subject, book }: Subscription): boolean {
    for (const { subscription: open } of this.#channels.values())
      if (open.channel === channel && open.subject === subject && feedOf(open.book) === feedOf(book))
        return true;
    return false;
  }

  /** The ack repeats the request, `len` as text; the snapshot follows at once (5). */
  #open(message: JsonObject, subscription: Subscription, symbol: SimulatedSymbol): void {
    const { channel: name, subject, book } = subscription;
    const channel: SimulatedChannel = {
      id: this.#newId(),
      subscription,
      symbol,
      book: book === null ? null : new SimulatedBook(symbol, book),
      weight: name === 'ticker' ? 1 : name === 'trades' ? 5 : book?.freq === 'F1' ? 1 : 20,
      lastTrade: 0,
      changes: 0,
    };
    if (this.#channels.size === 0) this.#heartbeatAt = this.#nowMs() + HEARTBEAT_MS;
    this.#channels.set(channel.id, channel);
    const subId = message.subId === undefined ? {} : { subId: message.subId };
    const pair = subject.slice(1);
    this.#event({
      event: 'subscribed',
      channel: name,
      chanId: channel.id,
      symbol: subject,
      ...book,
      ...subId,
      pair,
    });
    this.#array([channel.id, this.#snapshot(channel)]);
    if (channel.book !== null && has(this.#flags, OB_CHECKSUM)) this.#array(checksum(channel, channel.book));
  }

  #newId(): number {
    let id = 1 + Math.floor(this.#model.random() * 500_000);
    while (this.#channels.has(id)) id++;
    return id;
  }

  #snapshot(channel: SimulatedChannel): unknown {
    if (channel.book !== null) return channel.book.snapshot();
    if (channel.subscription.channel === 'ticker') return tickerOf(channel.symbol);
    const trades = channel.symbol.recentTrades(SNAPSHOT_TRADES);
    channel.lastTrade = trades[0]?.id ?? 0;
    return trades.map(tradeOf);
  }

  #unsubscribe(message: JsonObject): void {
    const id = Number(message.chanId);
    if (!this.#channels.delete(id)) {
      this.#error(10400, 'unsubscribe: channel not found', message);
      return;
    }
    this.#waiting = this.#waiting.filter(({ channel }) => channel.id !== id);
    this.#event({ event: 'unsubscribed', status: 'OK', chanId: id });
  }

  publish(): void {
    for (let attempt = 0; this.#waiting.length === 0 && attempt < ATTEMPTS_MAX; attempt++) this.#happen();
    const next = this.#waiting.shift();
    if (next !== undefined) this.#array(next.message);
  }

  /** Lets something happen on a channel chosen by weight; what it has to say waits to be sent, in order. */
  #happen(): void {
    const channels = [...this.#channels.values()];
    const channel = chosen(channels, this.#model.random());
    if (channel === undefined) return;
    if (channel.book !== null) this.#bookMoves(channel, channel.book);
    else if (channel.subscription.channel === 'trades') this.#tradeHappens(channel);
    else this.#say(channel, [channel.id, tickerOf(channel.symbol)]);
  }

  #say(channel: SimulatedChannel, message: readonly unknown[]): void {
    this.#waiting.push({ channel, message });
  }

  /** One message an entry, or one for all of them where bulk updates were asked for (8.2). */
  #bookMoves(channel: SimulatedChannel, book: SimulatedBook): void {
    channel.symbol.move(1 + Math.floor(this.#model.random() * 3));
    const changes = book.changes();
    if (changes.length === 0) return;
    if (has(this.#flags, BULK_UPDATES)) this.#say(channel, [channel.id, changes]);
    else for (const entry of changes) this.#say(channel, [channel.id, entry]);
    channel.changes++;
    if (has(this.#flags, OB_CHECKSUM) && channel.changes % CHANGES_PER_CHECKSUM === 0)
      this.#say(channel, checksum(channel, book));
  }

  /** `te`, then `tu` with the same content (7.2). Trades that other connections caused are told here too. */
  #tradeHappens(channel: SimulatedChannel): void {
    channel.symbol.trade();
    const fresh = channel.symbol.recentTrades(1000).filter(({ id }) => id > channel.lastTrade);
    for (const trade of [...fresh].reverse()) {
      this.#say(channel, [channel.id, 'te', tradeOf(trade)]);
      this.#say(channel, [channel.id, 'tu', tradeOf(trade)]);
      channel.lastTrade = trade.id;
    }
  }

  /** Every 15 s one heartbeat for every channel, active or not (6). */
  tick(nowMs: number): void {
    if (this.#channels.size === 0 || nowMs < this.#heartbeatAt) return;
    this.#heartbeatAt = nowMs + HEARTBEAT_MS;
    for (const { id } of this.#channels.values()) this.#array([id, 'hb']);
  }

  /** Sends an array with the tail its flags ask for: number, then time (4). */
  #array(message: readonly unknown[]): void {
    this.#sequence++;
    const tail: number[] = [];
    if (has(this.#flags, SEQ_ALL)) tail.push(this.#sequence);
    if (has(this.#flags, TIMESTAMP)) tail.push(this.#nowMs());
    this.#send(JSON.stringify([...message, ...tail]));
  }

  #event(event: Readonly<Record<string, unknown>>): void {
    this.#send(JSON.stringify(event));
  }

  /** An error repeats the request (5). */
  #error(code: number, msg: string, request: JsonObject): void {
    this.#event({ ...request, event: 'error', msg, code });
  }

  #nowMs(): number {
    return Math.floor(this.#model.now() / 1000);
  }

  #serverId(): string {
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => Math.floor(this.#model.random() * 16).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
  }
}

/** One of the channels, by weight; `random` in [0, 1). */
function chosen(channels: readonly SimulatedChannel[], random: number): SimulatedChannel | undefined {
  let left = random * channels.reduce((sum, { weight }) => sum + weight, 0);
  for (const channel of channels) {
    left -= channel.weight;
    if (left < 0) return channel;
  }
  return channels[0];
}

function isOneOf(value: string, known: readonly string[]): boolean {
  return known.includes(value);
}

function feedOf(book: Subscription['book']): string {
  return book === null ? '' : bookFeed(book);
}

function checksum({ id }: SimulatedChannel, book: SimulatedBook): readonly unknown[] {
  return [id, 'cs', book.checksum()];
}

function tradeOf({ id, time, side, price, amount }: SimulatedTrade): readonly number[] {
  return [id, Math.floor(time / 1000), (side === 'sell' ? -1 : 1) * Number(amount), Number(price)];
}

/** A ticker of 2026: eleven items, the last null. Its sizes are sums over 25 levels (7.1). */
function tickerOf(symbol: SimulatedSymbol): readonly (number | null)[] {
  const bids = symbol.levels('bid', 25);
  const asks = symbol.levels('ask', 25);
  const sum = (levels: typeof bids) => levels.reduce((total, { amount }) => total + Number(amount), 0);
  const { open, last, volume, high, low } = symbol.day();
  const change = Number((Number(last) - Number(open)).toPrecision(6));
  const relative = Number(open) === 0 ? 0 : Number((change / Number(open)).toFixed(8));
  const best = (levels: typeof bids) => (levels[0] === undefined ? null : Number(levels[0].price));
  const day = [change, relative, Number(last), Number(volume), Number(high), Number(low), null];
  return [best(bids), sum(bids), best(asks), sum(asks), ...day];
}
