import type { NumberSlot } from '../../shape/index.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import type { Sources } from './sources.ts';

/**
 * Writes the trades of the message read last, unless their ids are known (protocols/bitfinex.md 7.2). AMOUNT above
 * zero says that the taker bought, below that he sold; of zero it is no trade.
 */
export class Trades {
  readonly #host: DecoderHost;
  readonly #one: Sources['trade'];
  readonly #list: Sources['trades'];

  constructor(host: DecoderHost, { trade, trades }: Pick<Sources, 'trade' | 'trades'>) {
    this.#host = host;
    this.#one = trade;
    this.#list = trades;
  }

  /** A trade comes as `te`, then as `tu` with the same id and content: whichever is seen first is written. Null: none. */
  event(stream: number): Outcome | null {
    const { reading, slots } = this.#one;
    const [id, time, amount, price] = slots[2];
    const signed = reading.number(amount);
    if (signed === 0) return null;
    const isNew = this.#write(
      stream,
      reading.bytes,
      reading.start(id),
      reading.end(id),
      reading.number(time),
      signed,
      reading.number(price),
    );
    return isNew ? 'rows' : 'repeat';
  }

  /** The latest trades, newest first; after a reconnect most are known already. Null where one of them is no trade. */
  snapshot(stream: number): Outcome | null {
    const { reading, slots } = this.#list;
    const { list, item } = slots[1];
    const [id, time, amount, price] = item;
    const order = Array.from({ length: reading.count(list) }, (_, i) => i);
    if (order.some((i) => reading.numberAt(list, i, amount) === 0)) return null;
    const ascending = (slot: NumberSlot, a: number, b: number) =>
      reading.numberAt(list, a, slot) - reading.numberAt(list, b, slot);
    order.sort((a, b) => ascending(id, a, b) || ascending(time, a, b));
    let written = 0;
    for (const i of order) {
      const isNew = this.#write(
        stream,
        reading.bytes,
        reading.startAt(list, i, id),
        reading.endAt(list, i, id),
        reading.numberAt(list, i, time),
        reading.numberAt(list, i, amount),
        reading.numberAt(list, i, price),
      );
      if (isNew) written++;
    }
    return written > 0 ? 'rows' : 'repeat';
  }

  /** The id is `bytes[start..end)`. Returns whether it was new. */
  #write(
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
    timestamp: number,
    amount: number,
    price: number,
  ): boolean {
    const { rows, trades } = this.#host;
    if (!trades.isNewBytes(stream, bytes, start, end)) return false;
    const side = amount > 0 ? 'buy' : 'sell';
    rows.tradeFrom(stream, timestamp, bytes, start, end, side, price, Math.abs(amount));
    return true;
  }
}
