import { freeMemory } from '../host/index.ts';
import { type Column, IdColumn, NO_CODE } from '../record/index.ts';
import { ByteSink } from './byte-sink.ts';
import { areOne, writeCodes, writeFlags, writeNames, writeSameCode, writeSameFlag } from './codes.ts';
import { heldColumns } from './columns.ts';
import { compress } from './compress.ts';
import { writeCounts, writeIntegers, writeNumbers, writeSharedIntegers } from './numbers.ts';
import { ENCODING, type PageBody, writeDataHeader, writeDictionaryHeader } from './page.ts';
import type { HeldColumn, RowBuffer } from './row-buffer.ts';
import { spreadBytes } from './spread.ts';
import { writeTexts } from './texts.ts';

/** What the rows of a stretch of a group share. */
export type RowNames = Readonly<Record<'market' | 'symbol' | 'feed', string | null>>;

/** Rows that become a row group: the buffer's, in their order, and the names that hold for stretches of them. */
export interface GroupRows {
  readonly exchange: string;
  readonly rows: RowBuffer;
  readonly spans: readonly { readonly names: RowNames; readonly rows: number }[];
  /** As small as can be had, for a finished file; else as quick, for one that is soon replaced. */
  readonly isDense: boolean;
}

/** A column of a row group: what a footer says of it, but its place. */
export interface EncodedChunk {
  readonly encodings: readonly number[];
  readonly isCompressed: boolean;
  /** Bytes of the dictionary page in front; 0 where there is none. */
  readonly dictionaryBytes: number;
  readonly bytes: number;
  /** What `bytes` would be without compression. */
  readonly plainBytes: number;
  readonly nulls: number;
  readonly least: Uint8Array | null;
  readonly most: Uint8Array | null;
}

/** A row group as it stands in a file. */
export interface EncodedGroup {
  readonly rows: number;
  /** In the order of `fileColumns`. */
  readonly chunks: readonly EncodedChunk[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A column is left as it is where compression saves less than this share. */
const SAVED_MIN = 0.03;
/** Fewer bytes than this are left as they are: a call for each costs more than it saves. */
const COMPRESSED_MIN = 64;
/** Pages up to this size are looked for among those compressed before. */
const REPEATED_MAX = 64 * 1024;

/** The page being written and the group it goes to: their memory is used again, up to this much of each. */
const KEPT_BYTES = 4 << 20;
const body = new ByteSink(1 << 16);
const whole = new ByteSink(1 << 16);

/** Makes a row group. The same rows give the same bytes with the same zstd. */
export function encodeGroup({ exchange, rows: buffer, spans, isDense }: GroupRows): EncodedGroup {
  const { table, rows } = buffer;
  const to = whole;
  to.clear(KEPT_BYTES);
  const lengths = spans.map((span) => span.rows);
  const chunks: EncodedChunk[] = [];
  const add = (write: (to: ByteSink) => PageBody): void => {
    body.clear(KEPT_BYTES);
    chunks.push(writeChunk(to, rows, write(body), body.written(), isDense));
  };
  add((page) => writeNames(page, [exchange], [rows], rows));
  for (const name of ['market', 'symbol', 'feed'] as const)
    add((page) =>
      writeNames(
        page,
        spans.map(({ names }) => names[name]),
        lengths,
        rows,
      ),
    );
  for (const [i, column] of heldColumns(table).entries())
    add((page) => writeColumn(page, column, buffer, i, isDense));
  return { rows, chunks, bytes: new Uint8Array(to.written()) };
}

/** Writes the values of the column at place `i` of the rows; what rows share, for each of them. */
export function writeColumn(
  to: ByteSink,
  column: Column,
  buffer: RowBuffer,
  i: number,
  isDense: boolean,
): PageBody {
  const held = buffer.columns[i] as HeldColumn;
  const { starts, stretches, rows } = buffer;
  if (starts === null || held instanceof IdColumn || !buffer.isShared(i))
    return writeValues(to, column, held, rows, isDense);
  if (held instanceof Uint8Array) {
    // A stretch after the other has the same flag, as a rule.
    if (areOne(held, stretches) && held[0] !== NO_CODE)
      return writeOne(to, column, held[0] as number, rows, isDense);
    return writeValues(to, column, spreadBytes(held, starts, stretches, rows), rows, isDense);
  }
  if (column.name === 'row') return writeCounts(to, held, starts, stretches, rows, isDense);
  return writeSharedIntegers(to, held, starts, stretches, rows, isDense);
}

/** One flag or code for all rows. */
function writeOne(to: ByteSink, column: Column, value: number, rows: number, isDense: boolean): PageBody {
  if (column.kind === 'flag') return writeSameFlag(to, value, rows);
  if (isDense) return writeSameCode(to, value, rows, column.codes ?? []);
  return writeValues(to, column, new Uint8Array(rows).fill(value), rows, isDense);
}

function writeValues(
  to: ByteSink,
  { kind, codes = [] }: Column,
  values: Float64Array | Uint8Array | IdColumn,
  rows: number,
  isDense: boolean,
): PageBody {
  switch (kind) {
    case 'id':
    case 'text':
      return writeTexts(to, values as IdColumn, rows, isDense);
    case 'code':
      return writeCodes(to, values as Uint8Array, rows, codes, isDense);
    case 'flag':
      return writeFlags(to, values as Uint8Array, rows);
    case 'number':
      return writeNumbers(to, values as Float64Array, rows, isDense);
    case 'integer':
    case 'time':
      return writeIntegers(to, values as Float64Array, rows, isDense);
  }
}

function writeChunk(
  to: ByteSink,
  rows: number,
  { encoding, nulls, least, most, dictionary }: PageBody,
  plain: Uint8Array,
  isDense: boolean,
): EncodedChunk {
  const start = to.length;
  const packed = isDense && plain.length >= COMPRESSED_MIN ? compressPage(plain) : null;
  const isCompressed = packed !== null && packed.length < plain.length * (1 - SAVED_MIN);
  let plainBytes = 0;
  let dictionaryBytes = 0;
  if (dictionary !== null) {
    const entries = isCompressed ? compress(dictionary.plain) : dictionary.plain;
    writeDictionaryHeader(to, dictionary.entries, dictionary.plain.length, entries.length);
    plainBytes += to.length - start + dictionary.plain.length;
    to.bytes(entries);
    if (isCompressed) freeMemory(entries);
    dictionaryBytes = to.length - start;
  }
  const stored = isCompressed ? packed : plain;
  const header = to.length;
  writeDataHeader(to, rows, encoding, plain.length, stored.length);
  plainBytes += to.length - header + plain.length;
  to.bytes(stored);
  if (packed !== null && !isKept(plain)) freeMemory(packed);
  return {
    encodings: dictionary === null ? [ENCODING.rle, encoding] : [ENCODING.rle, ENCODING.plain, encoding],
    isCompressed,
    dictionaryBytes,
    bytes: to.length - start,
    plainBytes,
    nulls,
    least,
    most,
  };
}

/** Pages compressed of late, the latest first, and how many are kept. */
const recent: { readonly plain: Uint8Array; readonly packed: Uint8Array }[] = [];
const RECENT_MAX = 8;

/** Whether a page is looked for among those compressed before. */
function isKept(plain: Uint8Array): boolean {
  return plain.length <= REPEATED_MAX;
}

/** Compresses a page. Columns that change with each message have the same runs and so the same page; flags mostly have, too. */
function compressPage(plain: Uint8Array): Uint8Array {
  if (!isKept(plain)) return compress(plain);
  for (const [index, page] of recent.entries())
    if (Buffer.compare(plain, page.plain) === 0) {
      recent.splice(index, 1);
      recent.unshift(page);
      return page.packed;
    }
  const packed = compress(plain);
  recent.unshift({ plain: new Uint8Array(plain), packed });
  if (recent.length > RECENT_MAX) recent.pop();
  return packed;
}
