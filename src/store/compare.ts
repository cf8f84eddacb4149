import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { StoreEngine } from './engine.ts';
import { quoted } from './sql-text.ts';

/** Bytes of each file held while two are compared. */
const COMPARED_BYTES = 1 << 20;

/**
 * Compares a store file with the rows it should hold (`expected`, made from the journal just now). Bytes first: the
 * same decoders and engine give the same; where they differ (another engine version), row for row.
 * @returns what differs, in words; empty where nothing does.
 */
export async function storeDifferences(
  engine: StoreEngine,
  expected: string,
  stored: string,
): Promise<string[]> {
  const [isExpected, isStored] = [existsSync(expected), existsSync(stored)];
  if (!isExpected && !isStored) return [];
  if (!isStored) return [`the store file is missing: ${stored}`];
  if (!isExpected) return [`the journal gives no rows for ${stored}`];
  if (await sameBytes(expected, stored)) return [];
  const connection = await engine.connect();
  try {
    const lacking = await countExcept(connection, expected, stored);
    const surplus = await countExcept(connection, stored, expected);
    if (lacking === 0 && surplus === 0) return [];
    return [
      `${lacking} rows of the journal are not in the store, ${surplus} rows of the store are not in the journal`,
    ];
  } catch (error) {
    return [`${stored} cannot be read: ${(error as Error).message.split('\n')[0]}`];
  } finally {
    connection.closeSync();
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

async function sameBytes(one: string, other: string): Promise<boolean> {
  const first = await open(one);
  try {
    const second = await open(other);
    try {
      return await sameContent(first, second);
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

async function sameContent(first: FileHandle, second: FileHandle): Promise<boolean> {
  const { size } = await first.stat();
  if ((await second.stat()).size !== size) return false;
  const [left, right] = [Buffer.alloc(COMPARED_BYTES), Buffer.alloc(COMPARED_BYTES)];
  for (let at = 0; at < size; at += COMPARED_BYTES) {
    const length = Math.min(COMPARED_BYTES, size - at);
    for (const [handle, buffer] of [
      [first, left],
      [second, right],
    ] as const)
      if ((await handle.read(buffer, 0, length, at)).bytesRead !== length) return false;
    if (left.compare(right, 0, length, 0, length) !== 0) return false;
  }
  return true;
}
