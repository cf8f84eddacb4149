import {
  choice,
  constant,
  ignored,
  integer,
  list,
  number,
  optional,
  type Shape,
  shape,
  time,
  tuple,
} from '../../shape/index.ts';

/*
 * The arrays of channels, place by place (protocols/bitfinex.md 4, 7, 8): the channel's id, what comes by it, and a
 * tail. Prices and amounts are JSON numbers, with DEC_S texts.
 */

const CHANNEL = integer('channel id');

/** Each only where its flag was confirmed; with TIMESTAMP alone the time takes the first place (4). */
const TAIL = [
  optional(integer("the connection's running number, or the time")),
  optional(time('send time')),
] as const;

/** Trades are named by whole numbers: what they are, and what a snapshot is sorted by. */
const TRADE_ITEM = tuple(
  integer('trade id'),
  time('matching time'),
  number('amount: above 0 the taker bought, below he sold'),
  number('price'),
);

const ENTRY_ITEM = tuple(
  number('price'),
  number('orders at this price, 0 deletes'),
  number('total amount: above 0 bid, below ask; ±1 in a delete'),
);

export const HEARTBEAT = shape('heartbeat', tuple(CHANNEL, constant('hb'), ...TAIL));

export const CHECKSUM = shape('checksum', tuple(CHANNEL, constant('cs'), integer('CRC-32, signed'), ...TAIL));

export const TRADE = shape('trade', tuple(CHANNEL, choice(['te', 'tu'], 'event'), TRADE_ITEM, ...TAIL));

export const TRADES = shape('trades snapshot', tuple(CHANNEL, list(TRADE_ITEM), ...TAIL));

/** Any value may be null. The two sizes are sums over 25 levels, not the amounts at the best prices (7.1). */
export const TICKER = shape(
  'ticker',
  tuple(
    CHANNEL,
    tuple(
      optional(number('best bid')),
      ignored('sum of the 25 highest bids'),
      optional(number('best ask')),
      ignored('sum of the 25 lowest asks'),
      ignored('change'),
      ignored('change, fraction'),
      optional(number('last price')),
      optional(number('volume')),
      optional(number('high price')),
      optional(number('low price')),
      ignored('null, since 2026'),
    ),
    ...TAIL,
  ),
);

export const ENTRY = shape('book update', tuple(CHANNEL, ENTRY_ITEM, ...TAIL));

export const ENTRIES = shape('book snapshot or bulk update', tuple(CHANNEL, list(ENTRY_ITEM), ...TAIL));

/** What is not turned into rows, read for its number alone. */
export const FUNDING_TRADE = shape(
  'funding trade',
  tuple(CHANNEL, choice(['fte', 'ftu'], 'event'), ignored('the trade'), ...TAIL),
);

export const OTHER = shape('other array', tuple(CHANNEL, ignored('payload'), ...TAIL));

export const SHAPES: readonly Shape[] = [
  HEARTBEAT,
  CHECKSUM,
  TRADE,
  TRADES,
  TICKER,
  ENTRY,
  ENTRIES,
  FUNDING_TRADE,
  OTHER,
];
