/**
 * The local order book and the checksums over it. Pure: no clock, no I/O, no exchange by name in its logic.
 * What makes a book valid is each exchange's rule and lives in its folder.
 */
export { OrderBook } from './book.ts';
export { blockChecksum, interleavedChecksum } from './checksum.ts';
export { BookSideLevels } from './side.ts';
