import { crc32 } from 'node:zlib';
import type { OrderBook } from './book.ts';

/**
 * Bitfinex, P books: the best 25 levels, bid and ask in turn, `price:amount` with ask amounts negative, joined by
 * `:`; CRC-32 as a signed number. A missing level is skipped. (protocols/bitfinex.md 9.1, worked example 9.3)
 *
 * The texts must be as the server wrote them; the book's own texts are used (ask amounts kept without sign).
 */
export function interleavedChecksum(book: OrderBook, depth = 25): number {
  const parts: string[] = [];
  for (let n = 0; n < depth; n++) {
    if (n < book.bids.count) parts.push(book.bids.priceText(n), book.bids.amountText(n));
    if (n < book.asks.count) parts.push(book.asks.priceText(n), `-${book.asks.amountText(n)}`);
  }
  return crc32(parts.join(':')) | 0;
}

/**
 * CoinEx: all bids best first, then all asks best first, `price:amount` joined by `:`; CRC-32 as an unsigned number.
 * `depth` cuts each side, for the variant that the protocol file leaves open. (protocols/coinex.md 8.1, 8.3)
 */
export function blockChecksum(book: OrderBook, depth = Number.POSITIVE_INFINITY): number {
  const parts: string[] = [];
  for (const side of [book.bids, book.asks]) {
    const count = Math.min(side.count, depth);
    for (let n = 0; n < count; n++) parts.push(side.priceText(n), side.amountText(n));
  }
  return crc32(parts.join(':')) >>> 0;
}
