import type { NumberSlot, Reading, TextSlot } from '../../shape/index.ts';

/** The symbol a topic names: as text, and as the bytes that its payloads have. */
export class SymbolName {
  readonly text: string;
  readonly #bytes: Buffer;

  constructor(text: string) {
    this.text = text;
    this.#bytes = Buffer.from(text);
  }

  /** A payload names its symbol again; one that names another would be written to the wrong stream. */
  check(reading: Reading, slot: TextSlot): void {
    if (reading.hasText(slot) && !reading.equals(slot, this.#bytes)) this.#refuse(reading.text(slot));
  }

  /** The same in an item of a list. */
  checkAt(reading: Reading, list: ListOf, item: number, slot: TextSlot): void {
    if (reading.startAt(list, item, slot) >= 0 && !reading.equalsAt(list, item, slot, this.#bytes))
      this.#refuse(reading.textAt(list, item, slot));
  }

  #refuse(found: string): never {
    throw new TypeError(`expected the symbol ${this.text}, got ${JSON.stringify(found.slice(0, 60))}`);
  }
}

type ListOf = Parameters<Reading['startAt']>[0];

/** Matching time where there is one, else push time, µs; both may be quoted (protocols/bybit.md 5). NaN where neither is. */
export function timeOf(
  reading: Reading,
  slots: { readonly cts: NumberSlot; readonly ts: NumberSlot },
): number {
  const time = reading.number(slots.cts);
  return Number.isNaN(time) ? reading.number(slots.ts) : time;
}
