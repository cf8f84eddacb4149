import {
  blankable,
  choice,
  decimal,
  figure,
  ignored,
  integer,
  lax,
  list,
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
 * The messages that become rows, field by field (protocols/bybit.md 5 to 8). The order is linear's; spot puts `ts` before
 * `type`, and that order is learned. Fields that only one family sends are optional.
 */

const TOPIC = text('kind and symbol');
const PUSHED = optional(time('push time'));
const SYMBOL = optional(text('symbol'));
const LEVELS = list(tuple(figure('price'), figure('amount, 0 deletes')));

export const TRADES = shape(
  'publicTrade',
  object({
    topic: TOPIC,
    type: ignored('always snapshot'),
    ts: PUSHED,
    data: list(
      object({
        T: optional(time('matching time')),
        s: SYMBOL,
        S: optional(openChoice(['Buy', 'Sell'], "taker's side")),
        v: decimal('amount'),
        p: decimal('price'),
        L: ignored('tick direction; linear and inverse'),
        i: text('trade id'),
        BT: ignored('block trade'),
        RPI: ignored('RPI trade'),
        seq: ignored('cross sequence'),
      }),
    ),
  }),
);

/** Depths 50, 200 and 1000. */
export const BOOK = shape(
  'orderbook',
  object({
    topic: TOPIC,
    type: optional(openChoice(['snapshot', 'delta'])),
    ts: PUSHED,
    data: object({
      s: SYMBOL,
      b: LEVELS,
      a: LEVELS,
      u: integer('update id of the topic, 1 after a restart'),
      seq: ignored('cross sequence'),
    }),
    cts: optional(time('matching time')),
  }),
);

/** Depth 1: the whole quote each time. */
export const QUOTE = shape(
  'orderbook.1',
  object({
    topic: TOPIC,
    type: ignored('always snapshot'),
    ts: PUSHED,
    data: object({
      s: SYMBOL,
      b: LEVELS,
      a: LEVELS,
      u: integer('update id of the topic, 1 after a restart'),
      seq: lax(integer('cross sequence: tells two restarts apart')),
    }),
    cts: optional(time('matching time')),
  }),
);

/** A column of `tickers`: absent where it did not change, empty where it does not apply. */
function column(meaning: string) {
  return optional(blankable(decimal(meaning)));
}

export const TICKER = shape(
  'tickers',
  object({
    topic: TOPIC,
    type: choice(['snapshot', 'delta']),
    data: object({
      symbol: SYMBOL,
      tickDirection: ignored('tick direction'),
      price24hPcnt: ignored('change, a fraction'),
      lastPrice: column('last price'),
      prevPrice24h: column('open price'),
      highPrice24h: column('high price'),
      lowPrice24h: column('low price'),
      prevPrice1h: ignored('price an hour ago'),
      markPrice: ignored('mark price'),
      indexPrice: ignored('index price'),
      openInterest: ignored('open interest, both sides'),
      openInterestValue: ignored('its value'),
      singleOpenInterest: ignored('open interest, one side'),
      singleOpenInterestValue: ignored('its value'),
      turnover24h: column('quote volume'),
      volume24h: column('volume'),
      deliveryTime: ignored('dated futures: delivery'),
      basisRate: ignored('dated futures'),
      deliveryFeeRate: ignored('dated futures'),
      predictedDeliveryPrice: ignored('dated futures'),
      basis: ignored('dated futures'),
      basisRateYear: ignored('dated futures'),
      fundingIntervalHour: ignored('perpetuals: hours between fundings'),
      fundingCap: ignored('perpetuals'),
      nextFundingTime: ignored('perpetuals'),
      fundingRate: ignored('perpetuals'),
      bid1Price: column('best bid; linear and inverse'),
      bid1Size: column('its amount; linear and inverse'),
      ask1Price: column('best ask; linear and inverse'),
      ask1Size: column('its amount; linear and inverse'),
      preOpenPrice: ignored('pre-market'),
      preQty: ignored('pre-market'),
      curPreListingPhase: ignored('pre-market'),
      usdIndexPrice: ignored('spot: index price in USD'),
    }),
    cs: ignored('cross sequence'),
    ts: PUSHED,
  }),
);

export const SHAPES: readonly Shape[] = [TRADES, BOOK, QUOTE, TICKER];
