/**
 * Frames, records and the words for them: what every other part of the program speaks in.
 * It imports nothing of ours and knows no clock, disk or exchange.
 */
export { type AnyArray, type AnyBatch, Batch, type BatchColumns } from './batch.ts';
export { BytePattern, viewOf } from './byte-pattern.ts';
export { ByteTable } from './byte-table.ts';
export { DecimalReader, significantDigits } from './decimal.ts';
export { type OpenLink, TAPE_FORMAT, type TapeEvent } from './event.ts';
export {
  FRAME_MARKS,
  Frame,
  type FrameKind,
  type RestAnswer,
  readRestPayload,
  restPayload,
  textFrame,
} from './frame.ts';
export { IdColumn } from './id-column.ts';
export { isObject, type Json, type JsonObject, parseJson } from './json.ts';
export { type RowObject, rowObject } from './row-object.ts';
export { type GapRow, type Position, type RowSink, Rows, type TickerValues } from './rows.ts';
export {
  CHANNELS,
  type Channel,
  type Stream,
  StreamDictionary,
  type StreamEntry,
  streamName,
} from './stream.ts';
export {
  BOOK_ORIGINS,
  BOOK_SIDES,
  type BookOrigin,
  type BookSide,
  COMMON_COLUMNS,
  type Column,
  type ColumnKind,
  GAP_CAUSES,
  GAP_EVENTS,
  type GapCause,
  isShared,
  isStretched,
  NO_CODE,
  sortColumns,
  stretchAt,
  TABLE_NAMES,
  TABLES,
  TABLES_WITH_CHANNEL,
  TAKER_SIDES,
  type Table,
  type TakerSide,
  UNDECODED_REASONS,
  type UndecodedReason,
} from './tables.ts';
export { isoMicroseconds, toMicroseconds } from './time.ts';
