import { open } from 'node:fs/promises';
import { IdColumn, type Table } from '../record/index.ts';
import { heldColumns } from './columns.ts';
import type { OpenFiles } from './open-files.ts';
import { type HeldColumn, RowBuffer } from './row-buffer.ts';

/** Rows of one name in a file of rows put aside. */
export interface Segment {
  readonly path: string;
  readonly at: number;
  readonly bytes: number;
  readonly rows: number;
  readonly stretches: number;
  /** Bytes of each column's texts; 0 for the others. */
  readonly textBytes: readonly number[];
  readonly mayHaveNull: boolean;
}

/**
 * Writes rows as they are in memory, buffer behind buffer, each with its columns one behind the other. It is a cache of
 * this process and not synced.
 */
export async function writeAside(path: string, buffers: readonly RowBuffer[]): Promise<Segment[]> {
  const segments: Segment[] = [];
  const handle = await open(path, 'w');
  try {
    let at = 0;
    for (const buffer of buffers) {
      const { stretches } = buffer;
      const pieces = buffer.columns.flatMap((column, i) =>
        piecesOf(column, buffer.isShared(i) ? stretches : buffer.rows),
      );
      if (buffer.starts !== null) pieces.push(bytesOf(buffer.starts, stretches));
      const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
      await handle.writeFile(Buffer.concat(pieces));
      const texts = buffer.columns.map((column) =>
        column instanceof IdColumn ? (column.ends[buffer.rows - 1] ?? 0) : 0,
      );
      const mayHaveNull = buffer.columns.some((column) => column instanceof IdColumn && column.mayHaveNull);
      segments.push({ path, at, bytes, rows: buffer.rows, stretches, textBytes: texts, mayHaveNull });
      at += bytes;
    }
  } finally {
    await handle.close();
  }
  return segments;
}

function piecesOf(column: HeldColumn, rows: number): Uint8Array[] {
  if (column instanceof IdColumn)
    return [bytesOf(column.ends, rows), column.bytes.subarray(0, column.ends[rows - 1] ?? 0)];
  return [bytesOf(column, rows)];
}

function bytesOf(array: Float64Array | Uint8Array | Uint32Array, rows: number): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, rows * array.BYTES_PER_ELEMENT);
}

/** Reads the rows of a segment. */
export async function readAside(files: OpenFiles, table: Table, segment: Segment): Promise<RowBuffer> {
  const memory = await files.read(segment.path, segment.at, segment.bytes);
  const { rows, stretches } = segment;
  const buffer = new RowBuffer(table, rows);
  buffer.restore(rows, stretches);
  let at = 0;
  const take = (bytes: number): Buffer => {
    at += bytes;
    return memory.subarray(at - bytes, at);
  };
  for (const [i] of heldColumns(table).entries()) {
    const column = buffer.columns[i] as HeldColumn;
    if (column instanceof IdColumn) {
      take(rows * 4).copy(new Uint8Array(column.ends.buffer));
      column.bytes = Buffer.from(new Uint8Array(take(segment.textBytes[i] ?? 0)).buffer);
      column.mayHaveNull = segment.mayHaveNull;
    } else {
      const entries = buffer.isShared(i) ? stretches : rows;
      take(entries * column.BYTES_PER_ELEMENT).copy(new Uint8Array(column.buffer));
    }
  }
  if (buffer.starts !== null) take(stretches * 4).copy(new Uint8Array(buffer.starts.buffer));
  return buffer;
}
