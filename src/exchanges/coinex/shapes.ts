import {
  constant,
  type Field,
  flag,
  id,
  ignored,
  lax,
  list,
  number,
  object,
  openChoice,
  optional,
  type Shape,
  shape,
  text,
  time,
  tuple,
} from '../../shape/index.ts';

/*
 * The pushes that become rows, field by field (protocols/coinex.md 7). Numbers are decimals in quotes in all samples; JSON
 * numbers are taken too. The order of a state is spot's; that of futures is learned.
 */

const MARKET = text('market');

/** A push: `{"method":…,"data":…,"id":null}` (protocols/coinex.md 4). */
function push<F extends Readonly<Record<string, Field>>>(method: string, data: F) {
  return shape(method, object({ method: constant(method), data: object(data), id: ignored('always null') }));
}

/** Newest first. */
export const DEALS = push('deals.update', {
  market: MARKET,
  deal_list: list(
    object({
      deal_id: id('trade id, digits'),
      created_at: optional(time('time of the trade')),
      side: optional(openChoice(['buy', 'sell'], "taker's side")),
      price: number('price'),
      amount: number('amount'),
    }),
  ),
});

const LEVELS = optional(list(tuple(number('price'), number('amount, 0 deletes'))));

export const DEPTH = push('depth.update', {
  market: MARKET,
  is_full: flag('replaces the book'),
  depth: object({
    asks: LEVELS,
    bids: LEVELS,
    last: ignored('last price'),
    updated_at: optional(time('time of the book')),
    checksum: lax(number('CRC-32 over the texts of the book, modulo 2^32')),
  }),
});

/** A side may be empty; how that is written is open (protocols/coinex.md 7.2). */
export const QUOTE = push('bbo.update', {
  market: MARKET,
  updated_at: optional(time('time of the quote')),
  best_bid_price: optional(number('best bid')),
  best_bid_size: optional(number('its amount')),
  best_ask_price: optional(number('best ask')),
  best_ask_size: optional(number('its amount')),
});

export const STATES = push('state.update', {
  state_list: list(
    object({
      market: MARKET,
      last: optional(number('last price')),
      open: optional(number('open price')),
      close: ignored('the same as `last`'),
      high: optional(number('high price')),
      low: optional(number('low price')),
      volume: optional(number('volume')),
      volume_sell: ignored('taker volume, or amount of the best ask: disputed'),
      volume_buy: ignored('taker volume, or amount of the best bid: disputed'),
      value: optional(number('quote volume')),
      open_interest_size: ignored('futures: open interest'),
      insurance_fund_size: ignored('futures'),
      mark_price: ignored('futures: mark price'),
      index_price: ignored('futures: index price'),
      latest_funding_rate: ignored('futures: current rate'),
      next_funding_rate: ignored('futures: predicted rate'),
      latest_funding_time: ignored('futures'),
      next_funding_time: ignored('futures'),
      period: ignored('always 86400 s'),
    }),
  ),
});

export const SHAPES: readonly Shape[] = [DEALS, DEPTH, QUOTE, STATES];
