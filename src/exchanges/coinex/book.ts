import { blockChecksum } from '../../book/index.ts';
import {
  type BookSide,
  type DecimalReader,
  isObject,
  type Json,
  type JsonObject,
  toMicroseconds,
} from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { DecoderHost } from '../exchange.ts';
import { BOOK_SILENCE_MS } from './markets.ts';
import { isDecimalValue } from './messages.ts';
import { depthOf } from './requests.ts';

/** A `depth.update` as it stands, shape checked. A side that is missing changes nothing: empty. */
export interface DepthPush {
  readonly isFull: boolean;
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
  /** µs; NaN where the message has none. */
  readonly updatedAt: number;
  /** Modulo 2^32; null where the message has none. */
  readonly checksum: number | null;
}

/** Texts as received: the checksum is over them (protocols/coinex.md 8.1). */
interface DepthLevel {
  readonly price: string;
  readonly amount: string;
}

/** Reads the `data` of a `depth.update` (protocols/coinex.md 7.4); null where its shape is wrong. */
export function readDepth(data: JsonObject): DepthPush | null {
  const { is_full: isFull, depth } = data;
  if (typeof isFull !== 'boolean' || !isObject(depth)) return null;
  const bids = readSide(depth.bids);
  const asks = readSide(depth.asks);
  if (bids === null || asks === null) return null;
  const updatedAt = toMicroseconds(depth.updated_at);
  return { isFull, bids, asks, updatedAt, checksum: readChecksum(depth.checksum) };
}

function readSide(side: unknown): DepthLevel[] | null {
  if (side === undefined || side === null) return [];
  if (!Array.isArray(side)) return null;
  const levels: DepthLevel[] = [];
  for (const entry of side) {
    const [price, amount] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (!isDecimalValue(price) || !isDecimalValue(amount)) return null;
    levels.push({ price: String(price), amount: String(amount) });
  }
  return levels;
}

/** Number or numeric text, signed or unsigned: all of it is one number modulo 2^32 (protocols/coinex.md 8.1). */
function readChecksum(checksum: unknown): number | null {
  const value = typeof checksum === 'string' && checksum !== '' ? Number(checksum) : checksum;
  return typeof value === 'number' && Number.isInteger(value) ? value >>> 0 : null;
}

/**
 * One market's depth on one link (protocols/coinex.md 8.2).
 *
 *     WAIT_FULL --full--> SYNCED --updated_at goes back, unreadable push, unsubscribe--> WAIT_FULL
 *
 * SYNCED is `keeper.valid`. Changes that come while WAIT_FULL are neither applied nor kept.
 */
export class CoinexBook {
  readonly market: string;
  readonly feed: string;
  readonly keeper: BookKeeper;
  /** Which window the checksums fitted: all levels held, or only the best `limit` a side, or neither. */
  readonly checksums = { whole: 0, trimmed: 0, neither: 0 };
  /** Levels that came again with their price spelled otherwise: to be seen, since nothing says whether it happens. */
  respelled = 0;
  readonly #host: DecoderHost;
  readonly #limit: number;
  /** `updated_at` of the last message applied, µs; NaN while WAIT_FULL. */
  #updatedAt = Number.NaN;
  /** Since when changes have been held, µs; NaN while none are. */
  #heldSince = Number.NaN;

  constructor(host: DecoderHost, market: string, feed: string) {
    this.market = market;
    this.feed = feed;
    this.#host = host;
    this.#limit = depthOf(feed).limit;
    this.keeper = new BookKeeper(host, host.stream('book', feed, market), true);
  }

  get stream(): number {
    return this.keeper.stream;
  }

  /** True where this push is older than what the book holds already. A book that waits holds nothing. */
  wentBack(push: DepthPush): boolean {
    return push.updatedAt < this.#updatedAt;
  }

  /** The last `updated_at` applied, for messages to people. */
  get updatedAt(): number {
    return this.#updatedAt;
  }

  /** Replaces the book. */
  replace(push: DepthPush): void {
    const levels = this.#readLevels(push);
    this.keeper.beginSnapshot(push.updatedAt, 'feed', Number.NaN);
    this.#write(levels, true);
    this.#updatedAt = push.updatedAt;
    this.#heldSince = Number.NaN;
    this.#compare(push.checksum);
    this.keeper.proven();
  }

  /**
   * Applies the changes of a message to a valid book; false where it brings none. Nothing is trimmed to the limit:
   * levels that leave the window are deleted by the exchange (protocols/coinex.md 8.2 step 5, an inference).
   */
  change(push: DepthPush): boolean {
    const levels = this.#readLevels(push);
    if (levels.length > 0) {
      this.keeper.beginUpdate(push.updatedAt, Number.NaN);
      this.#write(levels, false);
    }
    if (!Number.isNaN(push.updatedAt)) this.#updatedAt = push.updatedAt;
    this.#compare(push.checksum);
    return levels.length > 0;
  }

  /** Changes came at `time` (µs) while WAIT_FULL. True where the minute's full push is overdue: ask for one. */
  hold(time: number): boolean {
    if (Number.isNaN(this.#heldSince)) this.#heldSince = time;
    if (time - this.#heldSince < BOOK_SILENCE_MS * 1000) return false;
    this.#heldSince = time;
    return true;
  }

  /** Back to WAIT_FULL. */
  invalidate(): void {
    this.keeper.invalidate();
    this.#updatedAt = Number.NaN;
    this.#heldSince = Number.NaN;
  }

  /** All numbers first, so that a level that is none is found before anything is applied. */
  #readLevels(push: DepthPush): ReadLevel[] {
    const { decimals } = this.#host;
    const bids = push.bids.map((level) => readLevel('bid', level, decimals));
    const asks = push.asks.map((level) => readLevel('ask', level, decimals));
    return [...bids, ...asks];
  }

  #write(levels: readonly ReadLevel[], isFull: boolean): void {
    for (const { side, price, amount, priceText, amountText } of levels) {
      const held = this.keeper.book.side(side);
      const index = held.find(price);
      // The documentation's sample has a level of size zero in a full push: no level, and none to delete.
      if (isFull && amount === 0 && index < 0) continue;
      if (index >= 0 && held.priceTexts?.[index] !== priceText) this.respelled++;
      this.keeper.level(side, price, amount, priceText, amountText);
    }
  }

  /** A mismatch is counted and nothing more, until live data has shown which window the checksum covers. */
  #compare(checksum: number | null): void {
    if (checksum === null) return;
    const { book } = this.keeper;
    const matched = blockChecksum(book) === checksum;
    this.#host.checksum(this.stream, matched);
    if (matched) this.checksums.whole++;
    else if (blockChecksum(book, this.#limit) === checksum) this.checksums.trimmed++;
    else this.checksums.neither++;
  }

  state(): Json {
    return {
      market: this.market,
      feed: this.feed,
      keeper: this.keeper.state(),
      updatedAt: numberOrNull(this.#updatedAt),
      heldSince: numberOrNull(this.#heldSince),
      checksums: { ...this.checksums },
      respelled: this.respelled,
    };
  }

  /** A book as `state` gave it. */
  static restored(host: DecoderHost, state: Json): CoinexBook {
    const saved = state as unknown as BookState;
    const book = new CoinexBook(host, saved.market, saved.feed);
    book.keeper.restore(saved.keeper);
    book.#updatedAt = saved.updatedAt ?? Number.NaN;
    book.#heldSince = saved.heldSince ?? Number.NaN;
    Object.assign(book.checksums, saved.checksums);
    book.respelled = saved.respelled;
    return book;
  }
}

interface BookState {
  readonly market: string;
  readonly feed: string;
  readonly keeper: Json;
  readonly updatedAt: number | null;
  readonly heldSince: number | null;
  readonly checksums: CoinexBook['checksums'];
  readonly respelled: number;
}

interface ReadLevel {
  readonly side: BookSide;
  readonly price: number;
  readonly amount: number;
  readonly priceText: string;
  readonly amountText: string;
}

/** @throws TypeError where price or amount is no decimal, or the amount is negative. */
function readLevel(side: BookSide, level: DepthLevel, decimals: DecimalReader): ReadLevel {
  const price = decimals.read(level.price);
  const amount = decimals.read(level.amount);
  if (amount < 0) throw new TypeError(`a level's amount cannot be negative, got ${level.amount}`);
  return { side, price, amount, priceText: level.price, amountText: level.amount };
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
