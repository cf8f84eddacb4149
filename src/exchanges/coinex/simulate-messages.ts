import type { SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import { padded } from './simulate-depth.ts';

/** Added to the model's small trade ids: CoinEx's are above 2^31 (protocols/coinex.md 7.3). */
const FIRST_DEAL_ID = 3_514_000_000;
/** Prices of the day come with this many decimals on futures (protocols/coinex.md 7.1). */
const FUTURES_DECIMALS = 20;
const FUNDING_MS = 8 * 3_600_000;

/** A push as text: its `id` is null (protocols/coinex.md 4). */
export function push(method: string, data: object): string {
  return JSON.stringify({ method, data, id: null });
}

/** One trade of a `deal_list`. */
export function deal(trade: SimulatedTrade): object {
  return {
    deal_id: FIRST_DEAL_ID + trade.id,
    created_at: Math.floor(trade.time / 1000),
    side: trade.side,
    price: trade.price,
    amount: padded(trade.amount),
  };
}

/** Data of `bbo.update`. */
export function quote(symbol: SimulatedSymbol): object {
  const bid = symbol.levels('bid', 1)[0];
  const ask = symbol.levels('ask', 1)[0];
  return {
    market: symbol.name,
    updated_at: Math.floor(symbol.time / 1000),
    best_bid_price: bid?.price ?? '0',
    best_bid_size: padded(bid?.amount ?? '0'),
    best_ask_price: ask?.price ?? '0',
    best_ask_size: padded(ask?.amount ?? '0'),
  };
}

/** An entry of `state_list`, and of the REST ticker. */
export function state(market: string, symbol: SimulatedSymbol, nowMs: number): object {
  const day = symbol.day();
  const half = (Number(day.volume) / 2).toFixed(8);
  if (market === 'spot')
    return {
      market: symbol.name,
      last: day.last,
      open: day.open,
      close: day.last,
      high: day.high,
      low: day.low,
      volume: padded(day.volume),
      volume_sell: half,
      volume_buy: half,
      value: padded(day.quoteVolume),
      period: 86_400,
    };
  const funding = Math.floor(nowMs / FUNDING_MS) * FUNDING_MS;
  return {
    market: symbol.name,
    last: day.last,
    open: padded(day.open, FUTURES_DECIMALS),
    close: day.last,
    high: padded(day.high, FUTURES_DECIMALS),
    low: padded(day.low, FUTURES_DECIMALS),
    volume: padded(day.volume, FUTURES_DECIMALS),
    value: padded(day.quoteVolume, FUTURES_DECIMALS),
    volume_sell: half,
    volume_buy: half,
    open_interest_size: day.volume,
    insurance_fund_size: padded('24497980.15228462554747551920', FUTURES_DECIMALS),
    mark_price: day.last,
    index_price: day.last,
    latest_funding_rate: '0.00010000',
    next_funding_rate: '0.00009768',
    latest_funding_time: funding,
    next_funding_time: funding + FUNDING_MS,
    period: 86_400,
  };
}

/** The mark price series among the futures markets, without mark and index price of its own (protocols/coinex.md 7.1). */
export function markSeries(symbol: SimulatedSymbol): object {
  const { last, open, high, low } = symbol.day();
  return {
    market: `${symbol.name}_SIGNPRICE`,
    last,
    open,
    close: last,
    high,
    low,
    volume: '0',
    value: '0',
    volume_sell: '0',
    volume_buy: '0',
    open_interest_size: '0',
    insurance_fund_size: '0',
    latest_funding_rate: '0',
    next_funding_rate: '0',
    latest_funding_time: 0,
    next_funding_time: 0,
    period: 86_400,
  };
}
