import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { syncDirectory } from '../host/index.ts';
import type { Table } from '../record/index.ts';
import { orderBy } from './columns.ts';
import { quoted, quotedList } from './engine.ts';

/** The COPY that writes a query's rows, in their order, to a file of this very name. */
export function copyTo(select: string, path: string): string {
  return `COPY (${select}) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`;
}

/** Where a file is written before it gets its name. */
export function temporaryOf(path: string): string {
  return `${path}.tmp`;
}

/**
 * Sorts parts into one Parquet file: temporary name, fsync, rename, fsync of the directory. When it returns, the file
 * is there whatever happens.
 * @returns the number of rows written.
 */
export async function writeSorted(
  connection: DuckDBConnection,
  table: Table,
  parts: readonly string[],
  target: string,
): Promise<number> {
  await makeDirectory(dirname(target));
  const temporary = temporaryOf(target);
  const result = await connection.run(
    copyTo(`SELECT * FROM read_parquet(${quotedList(parts)}) ORDER BY ${orderBy(table)}`, temporary),
  );
  const handle = await open(temporary, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, target);
  await syncDirectory(dirname(target));
  return result.rowsChanged;
}

/** Makes a directory and those above it, each name durable: a marker must not outlive the files it vouches for. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}
