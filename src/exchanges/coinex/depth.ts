import type { BookSide } from '../../record/index.ts';
import type { Reading } from '../../shape/index.ts';
import { DEPTH } from './shapes.ts';

const { is_full: IS_FULL, depth: FIELDS } = DEPTH.slots.data;
const LEVELS = { bid: FIELDS.bids, ask: FIELDS.asks } as const;

/** The `depth.update` read last (protocols/coinex.md 7.4). A side that is missing changes nothing: it has no levels. */
export class DepthPush {
  isFull = false;
  /** µs; NaN where the message has none. */
  updatedAt = Number.NaN;
  /** Modulo 2^32; null where the message has none. */
  checksum: number | null = null;
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** Takes over what has just been read. */
  take(): this {
    this.isFull = this.#reading.number(IS_FULL) === 1;
    this.updatedAt = this.#reading.number(FIELDS.updated_at);
    // Signed or unsigned: all of it is one number modulo 2^32 (protocols/coinex.md 8.1).
    const checksum = this.#reading.number(FIELDS.checksum);
    this.checksum = Number.isInteger(checksum) ? checksum >>> 0 : null;
    return this;
  }

  get isEmpty(): boolean {
    return this.count('bid') + this.count('ask') === 0;
  }

  count(side: BookSide): number {
    return this.#reading.count(LEVELS[side].list);
  }

  price(side: BookSide, level: number): number {
    return this.#reading.numberAt(LEVELS[side].list, level, LEVELS[side].item[0]);
  }

  amount(side: BookSide, level: number): number {
    return this.#reading.numberAt(LEVELS[side].list, level, LEVELS[side].item[1]);
  }

  /** As received: the checksum is over texts (protocols/coinex.md 8.1). */
  priceText(side: BookSide, level: number): string {
    return this.#reading.textAt(LEVELS[side].list, level, LEVELS[side].item[0]);
  }

  amountText(side: BookSide, level: number): string {
    return this.#reading.textAt(LEVELS[side].list, level, LEVELS[side].item[1]);
  }

  /** Whether `priceText` would be this text, without making it. */
  isSpelled(side: BookSide, level: number, text: string): boolean {
    const { list, item } = LEVELS[side];
    const start = this.#reading.startAt(list, level, item[0]);
    if (this.#reading.endAt(list, level, item[0]) - start !== text.length) return false;
    for (let i = 0; i < text.length; i++)
      if (this.#reading.bytes[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}
