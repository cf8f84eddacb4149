import type { Reading } from '../../shape/index.ts';
import { DEALS } from './shapes.ts';

const { list: LIST, item: ITEM } = DEALS.slots.data.deal_list;
const ZERO = '0'.charCodeAt(0);

/** Puts the trades of the message read last in order, oldest first: the list comes newest first (protocols/coinex.md 7.3). */
export class DealOrder {
  readonly #reading: Reading;
  readonly #order: number[] = [];

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** The places in the list, by rising id; null where an id is not all digits. Valid until the next call. */
  oldestFirst(): readonly number[] | null {
    const order = this.#order;
    order.length = 0;
    let isOrdered = true;
    for (let place = this.#reading.count(LIST) - 1; place >= 0; place--) {
      if (!this.#isDigits(place)) return null;
      if (order.length > 0 && this.#compare(order[order.length - 1] as number, place) >= 0) isOrdered = false;
      order.push(place);
    }
    return isOrdered ? order : order.sort((a, b) => this.#compare(a, b) || a - b);
  }

  #isDigits(place: number): boolean {
    const { bytes } = this.#reading;
    const end = this.#reading.endAt(LIST, place, ITEM.deal_id);
    for (let i = this.#reading.startAt(LIST, place, ITEM.deal_id); i < end; i++) {
      const digit = (bytes[i] as number) - ZERO;
      if (digit < 0 || digit > 9) return false;
    }
    return true;
  }

  /** Compares ids by number: they may be above 2^53. */
  #compare(a: number, b: number): number {
    const reading = this.#reading;
    const startA = reading.startAt(LIST, a, ITEM.deal_id);
    const endA = reading.endAt(LIST, a, ITEM.deal_id);
    const startB = reading.startAt(LIST, b, ITEM.deal_id);
    const endB = reading.endAt(LIST, b, ITEM.deal_id);
    if (endA - startA !== endB - startB) return endA - startA - (endB - startB);
    for (let i = 0; startA + i < endA; i++) {
      const difference = (reading.bytes[startA + i] as number) - (reading.bytes[startB + i] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
