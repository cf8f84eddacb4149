import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { syncDirectory } from '../host/index.ts';
import { quoted } from './sql-text.ts';

/** Where a file is written before it gets its name; the directory is made, each name durable. */
export async function temporaryOf(target: string): Promise<string> {
  await makeDirectory(dirname(target));
  return temporaryName(target);
}

/** The name a file has until it is whole. */
export function temporaryName(path: string): string {
  return `${path}.tmp`;
}

/** Gives a file that is on disk its name. When it returns, the file is there whatever happens. */
export async function publish(temporary: string, target: string): Promise<void> {
  await rename(temporary, target);
  await syncDirectory(dirname(target));
}

/** How the engine writes: without dictionaries, in which it would take 0 and -0 for one. */
const FORMAT = `FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 0, USE_TMP_FILE false`;

/**
 * Writes a query's rows, in their order, to a Parquet file: temporary name, fsync, rename, fsync of the directory.
 * @returns the number of rows written.
 */
export async function writeSorted(
  connection: DuckDBConnection,
  select: string,
  target: string,
): Promise<number> {
  const temporary = await temporaryOf(target);
  const result = await connection.run(`COPY (${select}) TO ${quoted(temporary)} (${FORMAT})`);
  const handle = await open(temporary, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await publish(temporary, target);
  return result.rowsChanged;
}

/** Makes a directory and those above it, each name durable: a marker must not outlive the files it vouches for. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}
