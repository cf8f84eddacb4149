/**
 * One side of an order book: levels in arrays sorted by price with the **best at the end**, because nearly every
 * change is near the best price and moves only the few levels behind it.
 *
 *     bids  [ 99.0  99.5  99.9 ]   ascending:  best = last
 *     asks  [ 101.5 100.7 100.1 ]  descending: best = last
 */
export class BookSideLevels {
  readonly descending: boolean;
  prices: Float64Array = new Float64Array(64);
  amounts: Float64Array = new Float64Array(64);
  /** Texts as received, index by index with `prices`; null where nothing needs them. */
  readonly priceTexts: string[] | null;
  readonly amountTexts: string[] | null;
  count = 0;

  constructor(descending: boolean, keepTexts: boolean) {
    this.descending = descending;
    this.priceTexts = keepTexts ? [] : null;
    this.amountTexts = keepTexts ? [] : null;
  }

  /** Index of the level at this price, or `-1 - i` where it would be inserted at `i`. */
  find(price: number): number {
    const { prices, descending } = this;
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = prices[middle] as number;
      if (at === price) return middle;
      if (at < price !== descending) low = middle + 1;
      else high = middle - 1;
    }
    return -1 - low;
  }

  /** Sets a level's amount; the texts are replaced too. */
  set(price: number, amount: number, priceText: string, amountText: string): void {
    let index = this.find(price);
    if (index < 0) {
      index = -1 - index;
      this.#insert(index, price);
      this.priceTexts?.splice(index, 0, priceText);
      this.amountTexts?.splice(index, 0, amountText);
    }
    this.prices[index] = price;
    this.amounts[index] = amount;
    if (this.priceTexts !== null) this.priceTexts[index] = priceText;
    if (this.amountTexts !== null) this.amountTexts[index] = amountText;
  }

  #insert(index: number, price: number): void {
    if (this.count === this.prices.length) {
      const prices = new Float64Array(this.count * 2);
      const amounts = new Float64Array(this.count * 2);
      prices.set(this.prices);
      amounts.set(this.amounts);
      this.prices = prices;
      this.amounts = amounts;
    }
    this.prices.copyWithin(index + 1, index, this.count);
    this.amounts.copyWithin(index + 1, index, this.count);
    this.prices[index] = price;
    this.count++;
  }

  /** Removes a level; false where there was none at this price. */
  remove(price: number): boolean {
    const index = this.find(price);
    if (index < 0) return false;
    this.prices.copyWithin(index, index + 1, this.count);
    this.amounts.copyWithin(index, index + 1, this.count);
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
    return n < this.count ? (this.prices[this.count - 1 - n] as number) : Number.NaN;
  }

  /** Amount of the n-th best level; NaN where there is none. */
  amount(n: number): number {
    return n < this.count ? (this.amounts[this.count - 1 - n] as number) : Number.NaN;
  }

  /** Price of the n-th best level as received; the shortest decimal where texts are not kept. */
  priceText(n: number): string {
    return this.priceTexts?.[this.count - 1 - n] ?? String(this.price(n));
  }

  amountText(n: number): string {
    return this.amountTexts?.[this.count - 1 - n] ?? String(this.amount(n));
  }
}
