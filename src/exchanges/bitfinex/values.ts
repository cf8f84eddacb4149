import { type DecimalReader, type TakerSide, type TickerValues, toMicroseconds } from '../../record/index.ts';

/** A trade of a trading pair: `[ID, MTS, AMOUNT, PRICE]`, read (protocols/bitfinex.md 7.2). */
export interface Trade {
  readonly id: string;
  readonly idNumber: number;
  /** Matching time, µs. */
  readonly timestamp: number;
  readonly side: TakerSide;
  readonly priceText: string;
  readonly amountText: string;
}

/**
 * The text of a number as the server wrote it: it prints numbers as JavaScript does, exponents included, so a parsed
 * number printed again is that text (9.2, proven by the worked example 9.3). With DEC_S numbers are texts already.
 * Null of anything that is no decimal.
 */
export function decimalText(value: unknown): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null;
  if (typeof value !== 'string' || value === '' || value.trim() !== value) return null;
  return Number.isFinite(Number(value)) ? value : null;
}

/** The text without its sign. */
export function unsigned(text: string): string {
  return text.replace(/^-/, '');
}

/** A snapshot's trades, oldest first; null where one of them is no trade. */
export function readTrades(payload: readonly unknown[]): Trade[] | null {
  const trades: Trade[] = [];
  for (const item of payload) {
    const trade = readTrade(item);
    if (trade === null) return null;
    trades.push(trade);
  }
  return trades.sort((a, b) => a.idNumber - b.idNumber || a.timestamp - b.timestamp);
}

/** One trade; an AMOUNT above zero says that the taker bought, below that he sold. */
export function readTrade(item: unknown): Trade | null {
  if (!Array.isArray(item)) return null;
  const [id, time, amount, price] = item as unknown[];
  const amountText = decimalText(amount);
  const priceText = decimalText(price);
  if (!Number.isSafeInteger(id) || amountText === null || priceText === null) return null;
  const sign = Math.sign(Number(amountText));
  if (sign === 0) return null;
  return {
    id: String(id),
    idNumber: Number(id),
    timestamp: toMicroseconds(time),
    side: sign > 0 ? 'buy' : 'sell',
    priceText,
    amountText: unsigned(amountText),
  };
}

/** Fields of a trading ticker that are read, by index (7.1). More may follow, and have (2). */
const BID = 0;
const ASK = 2;
const LAST_PRICE = 6;
const VOLUME = 7;
const HIGH = 8;
const LOW = 9;

/**
 * A ticker of a trading pair; null where it is none. Its two sizes are sums over 25 levels, not the amounts at the
 * best prices, so they are left out.
 */
export function readTicker(payload: readonly unknown[], decimals: DecimalReader): TickerValues | null {
  if (payload.length <= LOW) return null;
  const texts = [BID, ASK, LAST_PRICE, VOLUME, HIGH, LOW].map((index) => payload[index]);
  if (!texts.every((value) => value === null || decimalText(value) !== null)) return null;
  const read = (index: number) => decimals.read(decimalText(payload[index]));
  return {
    bidPrice: read(BID),
    askPrice: read(ASK),
    lastPrice: read(LAST_PRICE),
    volume: read(VOLUME),
    highPrice: read(HIGH),
    lowPrice: read(LOW),
  };
}
