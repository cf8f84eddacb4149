import { readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { listTree } from '../host/index.ts';
import { parseJson, TABLE_NAMES, type Table } from '../record/index.ts';
import { publicColumns } from './columns.ts';
import { quotedList } from './engine.ts';
import { type Finished, type JournalKey, type RecentParts, storeFile } from './layout.ts';

/** Every file that holds valid rows, by table. */
export type TableFiles = Record<Table, string[]>;

function keyOf(path: string, ending: string): JournalKey | null {
  const [exchange, date, file] = path.split(sep);
  if (exchange === undefined || date === undefined || file === undefined || !file.endsWith(ending))
    return null;
  return { exchange, date, name: file.slice(0, -ending.length) };
}

/** The journal files whose store files are valid, with what their markers say. */
export async function readFinished(data: string): Promise<{ key: JournalKey; finished: Finished }[]> {
  const directory = join(data, 'state', 'finished');
  const found: { key: JournalKey; finished: Finished }[] = [];
  for (const path of await listTree(directory)) {
    const key = keyOf(path, '.json');
    const finished = key === null ? null : parseJson(readFileSync(join(directory, path), 'utf8'));
    if (key !== null && finished !== null) found.push({ key, finished: finished as Finished });
  }
  return found;
}

/**
 * The files to read now: finished ones, and the listed parts of journal files that are not finished. A file is never
 * in both, so no row is seen twice.
 */
export async function readableFiles(data: string): Promise<TableFiles> {
  const files = Object.fromEntries(TABLE_NAMES.map((table) => [table, [] as string[]])) as TableFiles;
  const recent = join(data, 'recent');
  const lists = (await listTree(recent)).filter((path) => path.endsWith(`${sep}parts.json`));
  const parts = lists.map((path) => ({ path, list: readPartsList(join(recent, path)) }));
  const finished = await readFinished(data);
  const done = new Set(finished.map(({ key }) => join(key.exchange, key.date, key.name)));
  for (const { key, finished: marker } of finished)
    for (const table of TABLE_NAMES)
      if ((marker.rows[table] ?? 0) > 0) files[table].push(storeFile(data, table, key));
  for (const { path, list } of parts) {
    const directory = path.slice(0, -`${sep}parts.json`.length);
    if (done.has(directory)) continue;
    for (const table of TABLE_NAMES)
      for (const part of list.parts[table] ?? []) files[table].push(join(recent, directory, part));
  }
  return files;
}

function readPartsList(path: string): RecentParts {
  try {
    return (parseJson(readFileSync(path, 'utf8')) as RecentParts | null) ?? { parts: {} };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { parts: {} };
    throw error;
  }
}

/** The last state of each gap: what is missing, from when to when, and whether it ended. */
const GAPS_VIEW = `CREATE OR REPLACE VIEW gaps AS
  SELECT exchange, market, symbol, feed, channel, gap_id, event AS state, from_timestamp, to_timestamp,
         from_sequence, to_sequence, cause, detail
  FROM gap_events
  QUALIFY row_number() OVER (
    PARTITION BY exchange, market, symbol, feed, channel, gap_id
    ORDER BY local_timestamp DESC, link DESC, frame DESC, "row" DESC) = 1`;

/** Makes a view per table over the data directory's files, and `gaps`. */
export async function createViews(connection: DuckDBConnection, data: string): Promise<void> {
  const files = await readableFiles(data);
  for (const table of TABLE_NAMES) {
    const paths = files[table];
    const from =
      paths.length > 0
        ? `SELECT * FROM read_parquet(${quotedList(paths)}, hive_partitioning = false)`
        : `SELECT ${publicColumns(table)
            .map(({ name, type }) => `NULL::${type} AS "${name}"`)
            .join(', ')} WHERE false`;
    await connection.run(`CREATE OR REPLACE VIEW ${table} AS ${from}`);
  }
  await connection.run(GAPS_VIEW);
}
