/** Levels looked at one by one before a search halves: they stand side by side, and it is known how far to go on. */
const NEAR = 16;

/**
 * One side of an order book: levels in one array, price and amount in turn, sorted by price with the **best at the end**,
 * because nearly every change is near the best price and moves only the few levels behind it.
 *
 *     bids  [ 99.0 1  99.5 2  99.9 1 ]     by price:  best = last
 *     asks  [ -101.5 3  -100.7 1  -100.1 2 ]  prices are held negative:  best = last here too
 *
 * A search begins at the level found last: the changes of a message stand side by side, or nearly so.
 */
export class BookSideLevels {
  /** Prices are held with this sign. */
  readonly #sign: 1 | -1;
  #levels = new Float64Array(128);
  /** Texts as received, one for each level; null where nothing needs them. */
  readonly priceTexts: string[] | null;
  readonly amountTexts: string[] | null;
  count = 0;
  /** Where the last search ended. */
  #finger = 0;

  constructor(descending: boolean, keepTexts: boolean) {
    this.#sign = descending ? -1 : 1;
    this.priceTexts = keepTexts ? [] : null;
    this.amountTexts = keepTexts ? [] : null;
  }

  /** Index of the level with this signed price, or `-1 - i` where it would be inserted at `i`. */
  #search(key: number): number {
    const levels = this.#levels;
    let low = 0;
    let high = this.count - 1;
    const finger = Math.min(this.#finger, high);
    if (finger >= 0) {
      const there = levels[2 * finger] as number;
      if (there === key) return finger;
      if (there < key) {
        low = finger + 1;
        for (const end = Math.min(high, finger + NEAR); low <= end; low++) {
          const at = levels[2 * low] as number;
          if (at >= key) return this.#found(low, at === key);
        }
      } else {
        high = finger - 1;
        for (const end = Math.max(0, finger - NEAR); high >= end; high--) {
          const at = levels[2 * high] as number;
          if (at <= key) return at === key ? this.#found(high, true) : this.#found(high + 1, false);
        }
      }
    }
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = levels[2 * middle] as number;
      if (at === key) return this.#found(middle, true);
      if (at < key) low = middle + 1;
      else high = middle - 1;
    }
    return this.#found(low, false);
  }

  #found(index: number, isThere: boolean): number {
    this.#finger = index;
    return isThere ? index : -1 - index;
  }

  /** Index of the level at this price, in `priceTexts` too; below zero where there is none. */
  find(price: number): number {
    return this.#search(price * this.#sign);
  }

  /** Sets a level's amount; the texts are replaced too. */
  set(price: number, amount: number, priceText: string, amountText: string): void {
    const key = price * this.#sign;
    let index = this.#search(key);
    if (index < 0) {
      index = -1 - index;
      this.#insert(index, key);
      this.priceTexts?.splice(index, 0, priceText);
      this.amountTexts?.splice(index, 0, amountText);
    }
    this.#levels[2 * index + 1] = amount;
    if (this.priceTexts !== null) this.priceTexts[index] = priceText;
    if (this.amountTexts !== null) this.amountTexts[index] = amountText;
  }

  #insert(index: number, key: number): void {
    const end = this.count * 2;
    if (end === this.#levels.length) {
      const grown = new Float64Array(end * 2);
      grown.set(this.#levels);
      this.#levels = grown;
    }
    const levels = this.#levels;
    const start = index * 2;
    levels.copyWithin(start + 2, start, end);
    levels[start] = key;
    this.count++;
  }

  /** Removes a level; false where there was none at this price. */
  remove(price: number): boolean {
    const index = this.#search(price * this.#sign);
    if (index < 0) return false;
    const levels = this.#levels;
    const start = index * 2;
    levels.copyWithin(start, start + 2, this.count * 2);
    this.priceTexts?.splice(index, 1);
    this.amountTexts?.splice(index, 1);
    this.count--;
    return true;
  }

  clear(): void {
    this.count = 0;
    if (this.priceTexts !== null) this.priceTexts.length = 0;
    if (this.amountTexts !== null) this.amountTexts.length = 0;
  }

  /** Price of the n-th best level (0 is the best); NaN where there is none. */
  price(n: number): number {
    return n < this.count ? (this.#levels[2 * (this.count - 1 - n)] as number) * this.#sign : Number.NaN;
  }

  /** Amount of the n-th best level; NaN where there is none. */
  amount(n: number): number {
    return n < this.count ? (this.#levels[2 * (this.count - n) - 1] as number) : Number.NaN;
  }

  /** Price of the n-th best level as received; the shortest decimal where texts are not kept. */
  priceText(n: number): string {
    return this.priceTexts?.[this.count - 1 - n] ?? String(this.price(n));
  }

  amountText(n: number): string {
    return this.amountTexts?.[this.count - 1 - n] ?? String(this.amount(n));
  }
}
