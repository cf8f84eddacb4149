import { type ByteSink, ThriftWriter } from './byte-sink.ts';

/*
 * A column of a row group is one Parquet page, behind its dictionary if it has one. A page's body is the definition
 * levels of its rows (which are not null, `levels.ts`), and then the values of those that are not, in one of the
 * encodings below (`numbers.ts`, `codes.ts`, `texts.ts`). Where `isDense`, the smallest is looked for; else the quickest
 * is taken.
 */

/** Parquet's numbers for the encodings used here. */
export const ENCODING = {
  plain: 0,
  rle: 3,
  deltaBinaryPacked: 5,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;

/** What a page's body holds. */
export interface PageBody {
  readonly encoding: number;
  readonly nulls: number;
  /** The least and the largest value, as plain values of the column's type; null where there is none or none is kept. */
  readonly least: Uint8Array | null;
  readonly most: Uint8Array | null;
  /** The dictionary its values are places in; null where they are none. */
  readonly dictionary: { readonly entries: number; readonly plain: Uint8Array } | null;
}

/** Writes a data page's header. */
export function writeDataHeader(
  to: ByteSink,
  rows: number,
  encoding: number,
  bytes: number,
  stored: number,
): void {
  const header = new ThriftWriter(to);
  header.i32(1, DATA_PAGE);
  header.i32(2, bytes);
  header.i32(3, stored);
  header.struct(5, () => {
    header.i32(1, rows);
    header.i32(2, encoding);
    header.i32(3, ENCODING.rle);
    header.i32(4, ENCODING.rle);
  });
  header.end();
}

/** Writes a dictionary page's header. */
export function writeDictionaryHeader(to: ByteSink, entries: number, bytes: number, stored: number): void {
  const header = new ThriftWriter(to);
  header.i32(1, DICTIONARY_PAGE);
  header.i32(2, bytes);
  header.i32(3, stored);
  header.struct(7, () => {
    header.i32(1, entries);
    header.i32(2, ENCODING.plain);
  });
  header.end();
}
