import type { BookSide } from '../../record/index.ts';
import type { Sources } from './sources.ts';

const MINUS = '-'.charCodeAt(0);

/**
 * The entries of the book message read last, one or a list: `[PRICE, COUNT, AMOUNT]` each (protocols/bitfinex.md 8.2).
 * The sign of AMOUNT gives the side: above zero bid, below zero ask. COUNT 0 deletes, and AMOUNT is then only the
 * side; else AMOUNT is the level's new total (8.3).
 */
export class Entries {
  count = 0;
  readonly #one: Sources['entry'];
  readonly #list: Sources['entries'];
  #isList = false;

  constructor({ entry, entries }: Pick<Sources, 'entry' | 'entries'>) {
    this.#one = entry;
    this.#list = entries;
  }

  /** Takes the one entry that was read. */
  takeOne(): void {
    this.#isList = false;
    this.count = 1;
  }

  /** Takes the list that was read. */
  takeList(): void {
    this.#isList = true;
    this.count = this.#list.reading.count(this.#list.slots[1].list);
  }

  /**
   * False where one of them is no entry: looked at whole before anything is applied, so that a bad one leaves no half
   * message in a book.
   */
  get isSound(): boolean {
    for (let i = 0; i < this.count; i++) if (this.#number(i, 1) < 0 || this.#number(i, 2) === 0) return false;
    return true;
  }

  side(i: number): BookSide {
    return this.#number(i, 2) > 0 ? 'bid' : 'ask';
  }

  price(i: number): number {
    return this.#number(i, 0);
  }

  /** Absolute; 0 deletes. */
  amount(i: number): number {
    return this.#number(i, 1) === 0 ? 0 : Math.abs(this.#number(i, 2));
  }

  /**
   * The price as the server wrote it: it prints numbers as JavaScript does, exponents included, and a number's text in
   * a reading is just that (9.2, proven by the worked example 9.3). With DEC_S numbers are texts already.
   */
  priceText(i: number): string {
    return this.#text(this.#start(i, 0), this.#end(i, 0));
  }

  /** The same of the amount, without its sign. */
  amountText(i: number): string {
    const start = this.#start(i, 2);
    const isNegative = this.#bytes()[start] === MINUS;
    return this.#text(isNegative ? start + 1 : start, this.#end(i, 2));
  }

  #bytes(): Buffer {
    return this.#isList ? this.#list.reading.bytes : this.#one.reading.bytes;
  }

  #text(start: number, end: number): string {
    return this.#bytes().toString('latin1', start, end);
  }

  #number(i: number, place: 0 | 1 | 2): number {
    if (!this.#isList) return this.#one.reading.number(this.#one.slots[1][place]);
    const { list, item } = this.#list.slots[1];
    return this.#list.reading.numberAt(list, i, item[place]);
  }

  #start(i: number, place: 0 | 2): number {
    if (!this.#isList) return this.#one.reading.start(this.#one.slots[1][place]);
    const { list, item } = this.#list.slots[1];
    return this.#list.reading.startAt(list, i, item[place]);
  }

  #end(i: number, place: 0 | 2): number {
    if (!this.#isList) return this.#one.reading.end(this.#one.slots[1][place]);
    const { list, item } = this.#list.slots[1];
    return this.#list.reading.endAt(list, i, item[place]);
  }
}
