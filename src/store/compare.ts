import { existsSync, readFileSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted } from './engine.ts';

/**
 * Compares a store file with the rows it should hold (`expected`, made from the journal just now). Bytes first: the
 * same decoders and engine give the same; where they differ (another engine version), row for row.
 * @returns what differs, in words; empty where nothing does.
 */
export async function storeDifferences(
  connection: DuckDBConnection,
  expected: string,
  stored: string,
): Promise<string[]> {
  const [isExpected, isStored] = [existsSync(expected), existsSync(stored)];
  if (!isExpected && !isStored) return [];
  if (!isStored) return [`the store file is missing: ${stored}`];
  if (!isExpected) return [`the journal gives no rows for ${stored}`];
  if (readFileSync(expected).equals(readFileSync(stored))) return [];
  try {
    const lacking = await countExcept(connection, expected, stored);
    const surplus = await countExcept(connection, stored, expected);
    if (lacking === 0 && surplus === 0) return [];
    return [
      `${lacking} rows of the journal are not in the store, ${surplus} rows of the store are not in the journal`,
    ];
  } catch (error) {
    return [`${stored} cannot be read: ${(error as Error).message.split('\n')[0]}`];
  }
}

async function countExcept(connection: DuckDBConnection, from: string, without: string): Promise<number> {
  const table = (path: string): string =>
    `SELECT * FROM read_parquet(${quoted(path)}, hive_partitioning = false)`;
  const reader = await connection.runAndReadAll(
    `SELECT count(*) FROM (${table(from)} EXCEPT ALL ${table(without)})`,
  );
  return Number(reader.getRows()[0]?.[0] ?? 0);
}
