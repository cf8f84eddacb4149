/**
 * The tables, as data: what DuckDB columns, Parquet files, NDJSON and the documentation are made from.
 *
 * | kind | held as | null is |
 * |---|---|---|
 * | `id` | UTF-8 bytes (`id-column.ts`) | empty |
 * | `text` | string | null or empty |
 * | `code` | Uint8Array of indexes into `codes` | 255 |
 * | `number` | Float64Array | NaN |
 * | `integer` | Float64Array (exact below 2^53) | NaN |
 * | `time` | Float64Array of µs since the epoch | NaN |
 * | `flag` | Uint8Array of 0 and 1 | 255 |
 */
export type ColumnKind = 'id' | 'text' | 'code' | 'number' | 'integer' | 'time' | 'flag';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly codes?: readonly string[];
}

export const TAKER_SIDES = ['buy', 'sell', 'unknown'] as const;
export const BOOK_SIDES = ['bid', 'ask'] as const;
/** Where a book row comes from: the feed, a REST snapshot, or our own opening snapshot of a file. */
export const BOOK_ORIGINS = ['feed', 'rest', 'ours'] as const;
export const GAP_EVENTS = ['opened', 'closed', 'repaired'] as const;

/** Why a stretch of a stream is missing or doubtful. */
export const GAP_CAUSES = [
  'disconnect',
  'sequence',
  'checksum',
  'silent',
  'refused',
  'overflow',
  'disk',
  'clock-step',
  'not-running',
  'decoder-error',
  'damaged',
  'frame-too-large',
] as const;

/** Why a frame gave no rows. Everything but `not-handled` makes `decode` exit 1. */
export const UNDECODED_REASONS = [
  'not-handled',
  'unknown',
  'malformed',
  'no-context',
  'decoder-error',
] as const;

export type TakerSide = (typeof TAKER_SIDES)[number];
export type BookSide = (typeof BOOK_SIDES)[number];
export type BookOrigin = (typeof BOOK_ORIGINS)[number];
export type GapCause = (typeof GAP_CAUSES)[number];
export type UndecodedReason = (typeof UNDECODED_REASONS)[number];

/** Null in a `code` or `flag` column. */
export const NO_CODE = 255;

/** Columns that every table begins with, after exchange, market, symbol and feed (which come from the stream's code). */
export const COMMON_COLUMNS = [
  { name: 'timestamp', kind: 'time' },
  { name: 'local_timestamp', kind: 'time' },
  { name: 'link', kind: 'integer' },
  { name: 'frame', kind: 'integer' },
  { name: 'row', kind: 'integer' },
] as const satisfies readonly Column[];

export const TABLES = {
  trades: [
    { name: 'id', kind: 'id' },
    { name: 'side', kind: 'code', codes: TAKER_SIDES },
    { name: 'price', kind: 'number' },
    { name: 'amount', kind: 'number' },
  ],
  book: [
    { name: 'is_snapshot', kind: 'flag' },
    { name: 'origin', kind: 'code', codes: BOOK_ORIGINS },
    { name: 'step', kind: 'integer' },
    { name: 'side', kind: 'code', codes: BOOK_SIDES },
    { name: 'price', kind: 'number' },
    { name: 'amount', kind: 'number' },
    { name: 'sequence', kind: 'integer' },
    { name: 'valid', kind: 'flag' },
  ],
  quotes: [
    { name: 'bid_price', kind: 'number' },
    { name: 'bid_amount', kind: 'number' },
    { name: 'ask_price', kind: 'number' },
    { name: 'ask_amount', kind: 'number' },
  ],
  tickers: [
    { name: 'last_price', kind: 'number' },
    { name: 'open_price', kind: 'number' },
    { name: 'high_price', kind: 'number' },
    { name: 'low_price', kind: 'number' },
    { name: 'volume', kind: 'number' },
    { name: 'quote_volume', kind: 'number' },
    { name: 'bid_price', kind: 'number' },
    { name: 'bid_amount', kind: 'number' },
    { name: 'ask_price', kind: 'number' },
    { name: 'ask_amount', kind: 'number' },
  ],
  gap_events: [
    { name: 'gap_id', kind: 'text' },
    { name: 'event', kind: 'code', codes: GAP_EVENTS },
    { name: 'from_timestamp', kind: 'time' },
    { name: 'to_timestamp', kind: 'time' },
    { name: 'from_sequence', kind: 'integer' },
    { name: 'to_sequence', kind: 'integer' },
    { name: 'cause', kind: 'code', codes: GAP_CAUSES },
    { name: 'detail', kind: 'text' },
  ],
  undecoded: [
    { name: 'reason', kind: 'code', codes: UNDECODED_REASONS },
    { name: 'sample', kind: 'text' },
  ],
} as const satisfies Record<string, readonly Column[]>;

export type Table = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as Table[];

/** The tables whose rows carry the channel as a column (of the others the table says it). */
export const TABLES_WITH_CHANNEL: readonly Table[] = ['gap_events', 'undecoded'];

/**
 * A table of which one message makes many rows holds what these share once for all of them: for a stretch of rows, which
 * stand one behind the other. Such a table's columns of that kind; `row` is the number of the stretch's first row.
 */
const SHARED_COLUMNS: Partial<Record<Table, readonly string[]>> = {
  book: [...COMMON_COLUMNS.map(({ name }) => name), 'is_snapshot', 'origin', 'step', 'sequence', 'valid'],
};

/** Whether the rows of a table are held in stretches; else each row is one. */
export function isStretched(table: Table): boolean {
  return SHARED_COLUMNS[table] !== undefined;
}

/** Whether a column has one value for each stretch of rows. */
export function isShared(table: Table, column: string): boolean {
  return SHARED_COLUMNS[table]?.includes(column) ?? false;
}

/** The stretch that holds a row, by the first rows of `count` stretches. */
export function stretchAt(starts: Uint32Array, count: number, row: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] as number) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The order rows stand in within a finished file (DESIGN section 6); a total order. */
export function sortColumns(table: Table): readonly string[] {
  if (table === 'book') return ['market', 'symbol', 'feed', 'step', 'link', 'frame', 'row'];
  return ['market', 'symbol', 'feed', 'local_timestamp', 'link', 'frame', 'row'];
}
