import { blockChecksum } from '../../book/index.ts';
import type { BookSide, Json } from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { DecoderHost } from '../exchange.ts';
import type { DepthPush } from './depth.ts';
import { BOOK_SILENCE_MS } from './markets.ts';
import { depthOf } from './requests.ts';

const SIDES = ['bid', 'ask'] as const satisfies readonly BookSide[];

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
    refuseNegative(push);
    this.keeper.beginSnapshot(push.updatedAt, 'feed', Number.NaN);
    this.#write(push, true);
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
    refuseNegative(push);
    if (!push.isEmpty) {
      this.keeper.beginUpdate(push.updatedAt, Number.NaN);
      this.#write(push, false);
    }
    if (!Number.isNaN(push.updatedAt)) this.#updatedAt = push.updatedAt;
    this.#compare(push.checksum);
    return !push.isEmpty;
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

  /** Bids first, in the order they came. */
  #write(push: DepthPush, isFull: boolean): void {
    for (const side of SIDES) {
      const count = push.count(side);
      for (let level = 0; level < count; level++) this.#writeLevel(push, side, level, isFull);
    }
  }

  /** Texts are made only where the book has to keep them: most levels that come change or delete one that it holds. */
  #writeLevel(push: DepthPush, side: BookSide, level: number, isFull: boolean): void {
    const price = push.price(side, level);
    const amount = push.amount(side, level);
    const held = this.keeper.book.side(side);
    const index = held.find(price);
    // The documentation's sample has a level of size zero in a full push: no level, and none to delete.
    if (isFull && amount === 0 && index < 0) return;
    const heldText = (index < 0 ? undefined : held.priceTexts?.[index]) ?? '';
    const isSpelledSo = push.isSpelled(side, level, heldText);
    if (index >= 0 && !isSpelledSo) this.respelled++;
    if (amount === 0) this.keeper.level(side, price, 0);
    else {
      const priceText = isSpelledSo ? heldText : push.priceText(side, level);
      this.keeper.level(side, price, amount, priceText, push.amountText(side, level));
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

/** Before anything is applied: a bad level must not leave half a message in a book. */
function refuseNegative(push: DepthPush): void {
  for (const side of SIDES)
    for (let level = 0; level < push.count(side); level++)
      if (push.amount(side, level) < 0)
        throw new TypeError(`a level's amount cannot be negative, got ${push.amountText(side, level)}`);
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
