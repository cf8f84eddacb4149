import {
  constant,
  decimal,
  type Field,
  figure,
  flag,
  id,
  ignored,
  integer,
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
 * The messages that become rows, field by field (protocols/binance.md 6, 7, 8). Each comes in the combined wrapper, or
 * bare (raw mode). Fields that only one market sends are optional.
 */

/** Price and amount; a third element is empty, and only old captures have it. */
const LEVELS = list(tuple(figure('price'), figure('amount, 0 deletes')));

const MATCHED = time('matching time');
const PUSHED = time('push time');

/** What stands in every message and is not used: `st` and `ps` came to futures in 2026. */
const OTHER = { ps: ignored('pair'), st: ignored('[U]') };

const TRADE = {
  e: constant('trade'),
  E: optional(PUSHED),
  s: text('symbol'),
  t: id('trade id'),
  p: decimal('price'),
  q: decimal('amount'),
  T: optional(MATCHED),
  m: flag('the buyer was the maker'),
  X: optional(openChoice(['MARKET', 'NA', 'INSURANCE_FUND', 'ADL'], 'futures: what the id was spent on')),
  M: ignored('always true'),
  b: ignored("buyer's order, gone since 2023"),
  a: ignored("seller's order, gone since 2023"),
  ...OTHER,
};

const AGGREGATE = {
  e: constant('aggTrade'),
  E: optional(PUSHED),
  a: id('trade id'),
  s: text('symbol'),
  p: decimal('price'),
  q: decimal('amount, RPI fills included'),
  nq: ignored('amount without RPI fills'),
  f: ignored('first fill'),
  l: ignored('last fill'),
  T: optional(MATCHED),
  m: flag('the buyer was the maker'),
  M: ignored('always true'),
  ...OTHER,
};

const DIFF = {
  e: constant('depthUpdate'),
  E: optional(PUSHED),
  T: optional(MATCHED),
  s: text('symbol'),
  U: integer('first update id'),
  u: integer('last update id'),
  pu: optional(integer('futures: `u` of the diff before')),
  b: LEVELS,
  a: LEVELS,
  ...OTHER,
};

const QUOTE = {
  e: optional(constant('bookTicker', 'not on spot')),
  u: ignored('update id'),
  s: text('symbol'),
  ps: ignored('pair'),
  b: decimal('best bid'),
  B: decimal('its amount'),
  a: decimal('best ask'),
  A: decimal('its amount'),
  T: optional(MATCHED),
  E: optional(PUSHED),
  st: ignored('[U]'),
};

const DAY = {
  c: decimal('last price'),
  o: optional(decimal('open price')),
  h: optional(decimal('high price')),
  l: optional(decimal('low price')),
  v: optional(decimal('volume')),
  q: optional(decimal('quote volume')),
};

const TICKER = {
  e: constant('24hrTicker'),
  E: optional(PUSHED),
  s: text('symbol'),
  p: ignored('change'),
  P: ignored('change, per cent'),
  w: ignored('average price'),
  x: ignored('price before the window'),
  c: DAY.c,
  Q: ignored('amount of the last trade'),
  b: optional(decimal('best bid; spot')),
  B: optional(decimal('its amount; spot')),
  a: optional(decimal('best ask; spot')),
  A: optional(decimal('its amount; spot')),
  o: DAY.o,
  h: DAY.h,
  l: DAY.l,
  v: DAY.v,
  q: DAY.q,
  O: ignored('window opens'),
  C: ignored('window closes'),
  F: ignored('first trade'),
  L: ignored('last trade'),
  n: ignored('trades'),
  T: optional(MATCHED),
  ...OTHER,
};

const MINI = {
  e: constant('24hrMiniTicker'),
  E: optional(PUSHED),
  s: text('symbol'),
  ...OTHER,
  ...DAY,
  T: optional(MATCHED),
};

/** A payload with and without the combined wrapper. */
function variant<F extends Readonly<Record<string, Field>>>(name: string, payload: F) {
  const wrapped = shape(name, object({ stream: text('name'), data: object(payload) }));
  const bare = shape(`${name} (raw mode)`, object(payload));
  return { wrapped, bare, slots: { wrapped: wrapped.slots.data, bare: bare.slots } };
}

export const VARIANTS = {
  trade: variant('trade', TRADE),
  aggTrade: variant('aggTrade', AGGREGATE),
  depth: variant('depthUpdate', DIFF),
  bookTicker: variant('bookTicker', QUOTE),
  ticker: variant('24hrTicker', TICKER),
  miniTicker: variant('24hrMiniTicker', MINI),
};

/** The answer to a REST request for a book (protocols/binance.md 12.3). */
export const BOOK_ANSWER = shape(
  'REST depth',
  object({
    lastUpdateId: integer('`u` of the last diff in it'),
    E: optional(PUSHED),
    T: optional(MATCHED),
    symbol: ignored(),
    pair: ignored(),
    bids: LEVELS,
    asks: LEVELS,
  }),
);

export const SHAPES: readonly Shape[] = [
  ...Object.values(VARIANTS).flatMap(({ wrapped, bare }) => [wrapped, bare]),
  BOOK_ANSWER,
];
