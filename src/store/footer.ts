import type { Column, ColumnKind, Table } from '../record/index.ts';
import { ByteSink, ThriftWriter } from './byte-sink.ts';
import { fileColumns } from './columns.ts';
import type { EncodedChunk } from './encode-group.ts';

/** What stands at both ends of a Parquet file. */
export const MAGIC = Buffer.from('PAR1');

/** Parquet's numbers for the physical types, for what they mean in its older form, and for its codecs. */
const TYPE = { boolean: 0, int64: 2, double: 5, byteArray: 6 } as const;
const MEANING = { utf8: 0, timestampMicros: 10, int64: 18 } as const;
const CODEC = { none: 0, zstd: 6 } as const;

const KINDS: Readonly<Record<ColumnKind, { readonly type: number; readonly meaning?: number }>> = {
  id: { type: TYPE.byteArray, meaning: MEANING.utf8 },
  text: { type: TYPE.byteArray, meaning: MEANING.utf8 },
  code: { type: TYPE.byteArray, meaning: MEANING.utf8 },
  number: { type: TYPE.double },
  integer: { type: TYPE.int64, meaning: MEANING.int64 },
  time: { type: TYPE.int64, meaning: MEANING.timestampMicros },
  flag: { type: TYPE.boolean },
};

/** What a footer says of a row group. */
export interface FooterGroup {
  /** Where it begins in the file. */
  readonly at: number;
  readonly rows: number;
  readonly chunks: readonly EncodedChunk[];
}

/** All that follows the row groups. Readers meet them in this order, wherever in the file each of them is. */
export function footer(table: Table, groups: readonly FooterGroup[]): Uint8Array {
  const columns = fileColumns(table);
  const sink = new ByteSink(4096);
  const thrift = new ThriftWriter(sink);
  thrift.i32(1, 2);
  thrift.structs(2, [null, ...columns], (column) => {
    if (column === null) {
      thrift.string(4, table);
      thrift.i32(5, columns.length);
    } else describeColumn(thrift, column);
  });
  thrift.i64(
    3,
    groups.reduce((sum, { rows }) => sum + rows, 0),
  );
  thrift.structs(4, groups, ({ at: start, rows, chunks }) => {
    let at = start;
    thrift.structs(1, [...chunks.entries()], ([i, chunk]) => {
      thrift.i64(2, at);
      thrift.struct(3, () => describeChunk(thrift, columns[i] as Column, chunk, rows, at));
      at += chunk.bytes;
    });
    thrift.i64(
      2,
      chunks.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    );
    thrift.i64(3, rows);
    thrift.i64(5, start);
    thrift.i64(6, at - start);
  });
  thrift.string(6, 'feedtape');
  // Bounds are of each type's own order; without this they may not be used.
  thrift.structs(7, columns, () => thrift.struct(1, () => undefined));
  thrift.end();
  sink.uint32(sink.length);
  sink.bytes(MAGIC);
  return sink.written();
}

function describeColumn(thrift: ThriftWriter, { name, kind }: Column): void {
  const { type, meaning } = KINDS[kind];
  thrift.i32(1, type);
  thrift.i32(3, 1);
  thrift.string(4, name);
  if (meaning !== undefined) thrift.i32(6, meaning);
  if (kind === 'time')
    // A local timestamp in Parquet's words: a plain TIMESTAMP to DuckDB, without a zone to pandas.
    thrift.struct(10, () =>
      thrift.struct(8, () => {
        thrift.flag(1, false);
        thrift.struct(2, () => thrift.struct(2, () => undefined));
      }),
    );
  else if (meaning === MEANING.utf8) thrift.struct(10, () => thrift.struct(1, () => undefined));
}

function describeChunk(
  thrift: ThriftWriter,
  { name, kind }: Column,
  chunk: EncodedChunk,
  rows: number,
  at: number,
): void {
  thrift.i32(1, KINDS[kind].type);
  thrift.i32s(2, chunk.encodings);
  thrift.strings(3, [name]);
  thrift.i32(4, chunk.isCompressed ? CODEC.zstd : CODEC.none);
  thrift.i64(5, rows);
  thrift.i64(6, chunk.plainBytes);
  thrift.i64(7, chunk.bytes);
  thrift.i64(9, at + chunk.dictionaryBytes);
  if (chunk.dictionaryBytes > 0) thrift.i64(11, at);
  thrift.struct(12, () => {
    thrift.i64(3, chunk.nulls);
    const { least, most } = chunk;
    if (most !== null) thrift.binary(5, most);
    if (least !== null) thrift.binary(6, least);
  });
}
