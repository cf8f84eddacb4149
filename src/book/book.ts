import type { BookSide, Json } from '../record/index.ts';
import { BookSideLevels } from './side.ts';

/**
 * A local order book by price: absolute amounts, zero deletes. It applies what it is told; whether it may be told is
 * the business of each exchange's sequence rule.
 */
export class OrderBook {
  readonly bids: BookSideLevels;
  readonly asks: BookSideLevels;
  /** Deletes of prices that were not there: normal on some exchanges, worth counting on others. */
  unknownDeletes = 0;

  /** `keepTexts`: keep prices and amounts as received, for checksums over text. */
  constructor(keepTexts = false) {
    this.bids = new BookSideLevels(false, keepTexts);
    this.asks = new BookSideLevels(true, keepTexts);
  }

  side(side: BookSide): BookSideLevels {
    return side === 'bid' ? this.bids : this.asks;
  }

  /** Sets a level, or deletes it where the amount is zero. */
  apply(side: BookSide, price: number, amount: number, priceText = '', amountText = ''): void {
    const levels = this.side(side);
    if (amount !== 0) levels.set(price, amount, priceText, amountText);
    else if (!levels.remove(price)) this.unknownDeletes++;
  }

  clear(): void {
    this.bids.clear();
    this.asks.clear();
  }

  /** Both sides as text, best first: `{ bids: [[price, amount], ...], asks: [...] }`. */
  state(): Json {
    const texts = (levels: BookSideLevels): Json =>
      Array.from({ length: levels.count }, (_, n) => [levels.priceText(n), levels.amountText(n)]);
    return { bids: texts(this.bids), asks: texts(this.asks) };
  }

  /** Takes back what `state` gave. Levels that are no pairs of decimals are an Error. */
  restore(state: Json): void {
    this.clear();
    for (const side of ['bid', 'ask'] as const) {
      const rows = (state as Record<string, Json>)[`${side}s`] as [string, string][];
      for (const [price, amount] of rows) this.side(side).set(Number(price), Number(amount), price, amount);
    }
  }
}
