/** Empty places that are left alone, however few levels there are. */
const EMPTY_MIN = 64;

/**
 * One side of an order book: levels in one array, price and amount in turn, sorted by price with the **best at the end**,
 * because nearly every change is near the best price and moves only the few levels behind it.
 *
 *     bids  [ 99.0 1  99.5 2  99.9 1 ]     by price:  best = last
 *     asks  [ -101.5 3  -100.7 1  -100.1 2 ]  prices are held negative:  best = last here too
 *
 * A search begins where the level should be: so far from the one found last as its price is, since near the best price
 * levels stand at even distances; how far apart, the last guess that was wrong has told. A level that is removed leaves
 * its place, with amount 0, since most come back; empty places are taken out when there are more of them than levels, or
 * when somebody asks for what is behind the best. With texts, which are asked for after each message, they go at once.
 */
export class BookSideLevels {
  /** Prices are held with this sign. */
  readonly #sign: 1 | -1;
  #levels = new Float64Array(128);
  /** Texts as received, one for each level; null where nothing needs them. */
  readonly priceTexts: string[] | null;
  readonly amountTexts: string[] | null;
  /** Places in use, and how many of them are empty. The last one, the best, never is. */
  #places = 0;
  #empty = 0;
  /** Where the last search ended, and what it searched for. */
  #finger = 0;
  #fingerKey = 0;
  /** Places in a price step of 1, on the last way that a guess got wrong. */
  #density = 0;

  constructor(descending: boolean, keepTexts: boolean) {
    this.#sign = descending ? -1 : 1;
    this.priceTexts = keepTexts ? [] : null;
    this.amountTexts = keepTexts ? [] : null;
  }

  /** How many levels there are. */
  get count(): number {
    return this.#places - this.#empty;
  }

  /** Place of the level with this signed price, or `-1 - i` where it would be inserted at `i`. */
  #search(key: number): number {
    const levels = this.#levels;
    const last = this.#places - 1;
    if (last < 0) return -1;
    // From the price that was asked for, not from the one that stands there: nothing is waited for then.
    const distance = key - this.#fingerKey;
    // What is no place, or no number, becomes some place or other: from any of them the search finds its way.
    const guess = (this.#finger + distance * this.#density + 0.5) | 0;
    const place = guess < 0 ? 0 : guess > last ? last : guess;
    this.#fingerKey = key;
    if (levels[2 * place] === key) {
      this.#finger = place;
      return place;
    }
    const index = this.#searchFrom(place, key);
    const found = index < 0 ? -1 - index : index;
    const density = (found - this.#finger) / distance;
    // Prices that are no prices, or no distance apart, teach nothing.
    if (Number.isFinite(density)) this.#density = density;
    this.#finger = found;
    return index;
  }

  /** The same from a place at which another price stands: ever larger steps until they are beyond it, then halves. */
  #searchFrom(place: number, key: number): number {
    const levels = this.#levels;
    const last = this.#places - 1;
    let low = 0;
    let high = last;
    if ((levels[2 * place] as number) < key) {
      low = place + 1;
      for (let step = 1; low + step <= last; step *= 2) {
        const at = levels[2 * (low + step - 1)] as number;
        if (at >= key) {
          high = low + step - 1;
          break;
        }
        low += step;
      }
    } else {
      high = place - 1;
      for (let step = 1; high - step >= 0; step *= 2) {
        const at = levels[2 * (high - step + 1)] as number;
        if (at <= key) {
          low = high - step + 1;
          break;
        }
        high -= step;
      }
    }
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = levels[2 * middle] as number;
      if (at === key) return middle;
      if (at < key) low = middle + 1;
      else high = middle - 1;
    }
    return -1 - low;
  }

  /** Index of the level at this price in `priceTexts`; below zero where there is none. */
  find(price: number): number {
    this.#takeOutEmpty();
    return this.#search(price * this.#sign);
  }

  /** Sets a level's amount, which is not 0; the texts are replaced too. */
  set(price: number, amount: number, priceText: string, amountText: string): void {
    const key = price * this.#sign;
    let index = this.#search(key);
    if (index < 0) {
      index = -1 - index;
      this.#insert(index, key);
      this.priceTexts?.splice(index, 0, priceText);
      this.amountTexts?.splice(index, 0, amountText);
    } else if (this.#levels[2 * index + 1] === 0) this.#empty--;
    this.#levels[2 * index + 1] = amount;
    if (this.priceTexts !== null) this.priceTexts[index] = priceText;
    if (this.amountTexts !== null) this.amountTexts[index] = amountText;
  }

  /**
   * Sets or removes (amount 0) `count` levels: of level `i`, `numbers` has the price at `i * stride + price`, the amount at
   * `i * stride + amount`. Not for a side that keeps texts. One call for all of them: a number that is no integer goes as an
   * object into a call that is not inlined. It searches like `#search`, with what that remembers in local variables, and
   * where the level has a place nothing branches on its amount: whether one goes or comes back can hardly be predicted.
   * @returns how many were to be removed and are not there
   */
  setAll(numbers: Float64Array, count: number, stride: number, price: number, amount: number): number {
    if (this.priceTexts !== null) throw new Error('a book that keeps texts takes its levels one by one');
    let unknown = 0;
    let levels = this.#levels;
    // No price equals it, so that a side without places has none at its first one.
    if (this.#places === 0) levels[0] = Number.NaN;
    let last = Math.max(0, this.#places - 1);
    let empty = this.#empty;
    let finger = this.#finger;
    let fingerKey = this.#fingerKey;
    let density = this.#density;
    for (let i = 0, at = 0; i < count; i++, at += stride) {
      const value = numbers[at + amount] as number;
      const key = (numbers[at + price] as number) * this.#sign;
      const distance = key - fingerKey;
      const guess = (finger + (distance * density + 0.5)) | 0;
      const place = guess < 0 ? 0 : guess > last ? last : guess;
      fingerKey = key;
      if (levels[2 * place] === key) finger = place;
      else {
        const index = this.#searchFrom(place, key);
        const found = index < 0 ? -1 - index : index;
        const met = (found - finger) / distance;
        if (Number.isFinite(met)) density = met;
        finger = found;
        if (index < 0) {
          if (value === 0) {
            unknown++;
            continue;
          }
          // A place for it, empty until its amount is set below.
          this.#insert(found, key);
          empty++;
          levels = this.#levels;
          last = this.#places - 1;
        }
      }
      const isEmpty = Number(value === 0);
      const wasEmpty = Number(levels[2 * finger + 1] === 0);
      levels[2 * finger + 1] = value;
      unknown += isEmpty & wasEmpty;
      empty += isEmpty - wasEmpty;
    }
    this.#empty = empty;
    this.#finger = finger;
    this.#fingerKey = fingerKey;
    this.#density = density;
    this.#tidy();
    return unknown;
  }

  #insert(index: number, key: number): void {
    const end = this.#places * 2;
    if (end === this.#levels.length) {
      const grown = new Float64Array(end * 2);
      grown.set(this.#levels);
      this.#levels = grown;
    }
    const levels = this.#levels;
    const start = index * 2;
    levels.copyWithin(start + 2, start, end);
    levels[start] = key;
    levels[start + 1] = 0;
    this.#places++;
  }

  /** Removes a level; false where there was none at this price. */
  remove(price: number): boolean {
    const index = this.#search(price * this.#sign);
    const levels = this.#levels;
    if (index < 0 || levels[2 * index + 1] === 0) return false;
    if (this.priceTexts !== null) {
      levels.copyWithin(2 * index, 2 * index + 2, this.#places * 2);
      this.priceTexts.splice(index, 1);
      this.amountTexts?.splice(index, 1);
      this.#places--;
      return true;
    }
    levels[2 * index + 1] = 0;
    this.#empty++;
    this.#tidy();
    return true;
  }

  /** After levels were removed: the last place is the best level's again, and empty places are not too many. */
  #tidy(): void {
    const levels = this.#levels;
    while (this.#places > 0 && levels[2 * this.#places - 1] === 0) {
      this.#places--;
      this.#empty--;
    }
    if (this.#empty > EMPTY_MIN && this.#empty > this.count) this.#takeOutEmpty();
  }

  #takeOutEmpty(): void {
    if (this.#empty === 0) return;
    const levels = this.#levels;
    let to = 0;
    for (let from = 0; from < this.#places * 2; from += 2) {
      const amount = levels[from + 1] as number;
      if (amount === 0) continue;
      levels[to] = levels[from] as number;
      levels[to + 1] = amount;
      to += 2;
    }
    this.#places = to / 2;
    this.#empty = 0;
  }

  clear(): void {
    this.#places = 0;
    this.#empty = 0;
    if (this.priceTexts !== null) this.priceTexts.length = 0;
    if (this.amountTexts !== null) this.amountTexts.length = 0;
  }

  /** Price of the n-th best level (0 is the best); NaN where there is none. */
  price(n: number): number {
    if (n >= this.count) return Number.NaN;
    return (this.#levels[2 * this.#placeOf(n)] as number) * this.#sign;
  }

  /** Amount of the n-th best level; NaN where there is none. */
  amount(n: number): number {
    return n < this.count ? (this.#levels[2 * this.#placeOf(n) + 1] as number) : Number.NaN;
  }

  #placeOf(n: number): number {
    if (n > 0) this.#takeOutEmpty();
    return this.#places - 1 - n;
  }

  /** Price of the n-th best level as received; the shortest decimal where texts are not kept. */
  priceText(n: number): string {
    return this.priceTexts?.[this.count - 1 - n] ?? String(this.price(n));
  }

  amountText(n: number): string {
    return this.amountTexts?.[this.count - 1 - n] ?? String(this.amount(n));
  }
}
