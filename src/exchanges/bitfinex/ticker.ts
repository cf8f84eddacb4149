import { type Frame, parseJson, type TickerValues } from '../../record/index.ts';
import type { Sources } from './sources.ts';

/** The place of the low price in a ticker: a shorter one is none (protocols/bitfinex.md 7.1). */
const LOW = 9;

/** The values of the ticker read last, which came in `frame`; null where it is none. */
export function tickerValues(frame: Frame, { reading, slots }: Sources['ticker']): TickerValues | null {
  const [bid, , ask, , , , last, volume, high, low] = slots[1];
  const lowPrice = reading.number(low);
  if (Number.isNaN(lowPrice) && !hasLow(frame)) return null;
  return {
    bidPrice: reading.number(bid),
    askPrice: reading.number(ask),
    lastPrice: reading.number(last),
    volume: reading.number(volume),
    highPrice: reading.number(high),
    lowPrice,
  };
}

/** Whether a ticker whose low price is not there has a null in its place, as each of its values may be. */
function hasLow(frame: Frame): boolean {
  const message = parseJson(frame.text());
  const payload: unknown = Array.isArray(message) ? message[1] : null;
  return Array.isArray(payload) && payload.length > LOW;
}
