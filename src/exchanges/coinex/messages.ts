import {
  type DecimalReader,
  isObject,
  type JsonObject,
  type TakerSide,
  type TickerValues,
} from '../../record/index.ts';
import type { WireChannel } from './requests.ts';

/** A trade of `deals.update`, shape checked (protocols/coinex.md 7.3). */
export interface Deal {
  readonly id: string;
  readonly side: TakerSide;
  readonly price: string | number;
  readonly amount: string | number;
  readonly createdAt: unknown;
}

/** Price and amount of one side of `bbo.update`; NaN (null) both where the side is empty. */
export interface QuoteSide {
  readonly price: number;
  readonly amount: number;
}

/** A market's name, which every push must have. */
export function isMarketName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** The trades of a `deal_list`, oldest first: the list comes newest first (7.3). Null where its shape is wrong. */
export function readDeals(list: unknown): Deal[] | null {
  if (!Array.isArray(list)) return null;
  const deals: Deal[] = [];
  for (const entry of list) {
    const deal = isObject(entry) ? readDeal(entry) : null;
    if (deal === null) return null;
    deals.push(deal);
  }
  return deals.sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

function readDeal(entry: JsonObject): Deal | null {
  const { price, amount, created_at: createdAt } = entry;
  const id = readDealId(entry.deal_id);
  if (id === null || !isDecimalValue(price) || !isDecimalValue(amount)) return null;
  const side = entry.side === 'buy' || entry.side === 'sell' ? entry.side : 'unknown';
  return { id, side, price, amount, createdAt };
}

/** An id as text. A number above 2^53 has lost its last digits already: better no trade than a wrong id. */
function readDealId(id: unknown): string | null {
  if (typeof id === 'string') return /^\d+$/.test(id) ? id : null;
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 ? String(id) : null;
}

/** What may stand for a decimal: text in all samples, a number just in case. */
export function isDecimalValue(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

/** One side of a quote: how an empty one is written is open, so `""`, `"0"` and nothing all mean it (7.2). */
export function readQuoteSide(price: unknown, amount: unknown, decimals: DecimalReader): QuoteSide {
  const side = { price: readDecimal(price, decimals), amount: readDecimal(amount, decimals) };
  return side.price > 0 && side.amount > 0 ? side : { price: Number.NaN, amount: Number.NaN };
}

/**
 * An entry of `state_list` in the columns of `tickers`. `volume_buy` and `volume_sell` are left out: whether they are
 * taker volumes or sizes of quotes is disputed, the samples fit volumes (7.1).
 */
export function readTicker(entry: JsonObject, decimals: DecimalReader): TickerValues {
  return {
    lastPrice: readDecimal(entry.last, decimals),
    openPrice: readDecimal(entry.open, decimals),
    highPrice: readDecimal(entry.high, decimals),
    lowPrice: readDecimal(entry.low, decimals),
    volume: readDecimal(entry.volume, decimals),
    quoteVolume: readDecimal(entry.value, decimals),
  };
}

/** NaN of what is missing; throws on what is no decimal. */
function readDecimal(value: unknown, decimals: DecimalReader): number {
  return decimals.read(value as string | number | null | undefined);
}

/** What can be seen of a push whose text is broken: its channel, and its market where that far is whole. */
export interface Glimpse {
  readonly channel: WireChannel;
  readonly market: string | null;
}

/** Looks at the beginning of a broken push, in the order of keys that all samples have. Null where nothing is seen. */
export function glimpse(text: string): Glimpse | null {
  const seen = /^\{"method":"(deals|depth|bbo|state)\.update"(?:,"data":\{"market":"([^"\\]+)")?/.exec(text);
  return seen === null ? null : { channel: seen[1] as WireChannel, market: seen[2] ?? null };
}
