import { ByteSink, ThriftWriter } from './byte-sink.ts';

/** What stands at both ends of a Parquet file. */
export const MAGIC = Buffer.from('PAR1');

/** Parquet's numbers for the physical types, and for what they mean. */
export const TYPE = { boolean: 0, int32: 1, int64: 2, double: 5, byteArray: 6 } as const;
export const MEANING = { utf8: 0, timestampMicros: 10, uint32: 13, int64: 18 } as const;

export interface PhysicalType {
  readonly type: number;
  readonly meaning?: number;
}

interface NamedType {
  readonly name: string;
  readonly physical: PhysicalType;
}

/** A column of a row group, as it stands in the file. */
export interface Chunk {
  readonly column: NamedType;
  readonly encodings: readonly number[];
  /** The dictionary page; null where there is none. */
  readonly dictionary: Uint8Array | null;
  readonly pages: Uint8Array;
}

export interface Group {
  readonly rows: number;
  /** One for each column, in the order of the columns. */
  readonly chunks: readonly Chunk[];
}

/** All that follows the row groups, which stand one behind the other from byte 4 on. */
export function footer(columns: readonly NamedType[], groups: readonly Group[]): Uint8Array {
  const sink = new ByteSink(4096);
  const thrift = new ThriftWriter(sink);
  thrift.i32(1, 1);
  thrift.structs(2, [null, ...columns], (column) => {
    if (column === null) {
      thrift.string(4, 'part');
      thrift.i32(5, columns.length);
    } else {
      thrift.i32(1, column.physical.type);
      thrift.i32(3, 1);
      thrift.string(4, column.name);
      if (column.physical.meaning !== undefined) thrift.i32(6, column.physical.meaning);
    }
  });
  thrift.i64(
    3,
    groups.reduce((sum, { rows }) => sum + rows, 0),
  );
  let at = MAGIC.length;
  thrift.structs(4, groups, (group) => {
    thrift.structs(1, group.chunks, (chunk) => {
      thrift.i64(2, at);
      thrift.struct(3, () => describeChunk(thrift, chunk, group.rows, at));
      at += bytesOfChunk(chunk);
    });
    thrift.i64(2, bytesOf(group));
    thrift.i64(3, group.rows);
  });
  thrift.end();
  sink.uint32(sink.length);
  sink.bytes(MAGIC);
  return sink.written();
}

function describeChunk(thrift: ThriftWriter, chunk: Chunk, rows: number, at: number): void {
  const { column, encodings, dictionary } = chunk;
  const bytes = bytesOfChunk(chunk);
  thrift.i32(1, column.physical.type);
  thrift.i32s(2, encodings);
  thrift.strings(3, [column.name]);
  thrift.i32(4, 0);
  thrift.i64(5, rows);
  thrift.i64(6, bytes);
  thrift.i64(7, bytes);
  thrift.i64(9, at + (dictionary?.length ?? 0));
  if (dictionary !== null) thrift.i64(11, at);
}

function bytesOfChunk({ dictionary, pages }: Chunk): number {
  return (dictionary?.length ?? 0) + pages.length;
}

/** The bytes of a row group. */
export function bytesOf({ chunks }: Group): number {
  return chunks.reduce((sum, chunk) => sum + bytesOfChunk(chunk), 0);
}
