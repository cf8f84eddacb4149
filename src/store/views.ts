import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { listTree } from '../host/index.ts';
import { isObject, parseJson, TABLE_NAMES, type Table } from '../record/index.ts';
import { publicColumns } from './columns.ts';
import { type RecentParts, storeFile } from './layout.ts';
import { readMarkers } from './markers.ts';
import { quoted, quotedList } from './sql-text.ts';

/** How often the files are listed anew where a recorder has just replaced some of them. */
const LISTINGS_MAX = 5;

/** A table's files, and in words what should be among them and is not. */
interface TableFiles {
  readonly paths: string[];
  readonly faults: string[];
}

/** Every file that holds valid rows, by table. */
type ReadableFiles = Record<Table, TableFiles>;

const LIST = 'parts.json';

/**
 * The files to read now: finished ones, and the listed parts of journal files that are not finished. A file is never
 * in both, so no row is seen twice. Null where a listed part has gone meanwhile: the recorder merged or finished it.
 */
async function listReadable(data: string, isLastTry: boolean): Promise<ReadableFiles | null> {
  const files = Object.fromEntries(
    TABLE_NAMES.map((table) => [table, { paths: [], faults: [] }]),
  ) as unknown as ReadableFiles;
  const recent = join(data, 'recent');
  const lists = (await listTree(recent)).filter((path) => basename(path) === LIST);
  // The lists before the markers: what is finished in between is then found in both, and taken from the store.
  const parts = lists.map((path) => ({ directory: dirname(path), list: readList(join(recent, path)) }));
  const done = await addFinished(data, files);
  for (const { directory, list } of parts) {
    if (done.has(directory)) continue;
    if (list === null)
      addFault(files, `${join(recent, directory, LIST)} cannot be read; recent/ may be deleted`);
    for (const table of TABLE_NAMES)
      for (const part of list?.parts[table] ?? []) {
        const path = join(recent, directory, part);
        if (existsSync(path)) files[table].paths.push(path);
        else if (isLastTry) files[table].faults.push(`${path} is missing; recent/ may be deleted`);
        else return null;
      }
  }
  return files;
}

/** Adds what the markers vouch for; returns the finished journal files as paths below `recent/`. */
async function addFinished(data: string, files: ReadableFiles): Promise<Set<string>> {
  const markers = await readMarkers(data);
  const there = new Set((await listTree(join(data, 'store'))).map((path) => join(data, 'store', path)));
  for (const { key, path: marker, finished } of markers) {
    const remedy = `remove ${marker} and start record: it is made again from the journal`;
    if (finished === null) addFault(files, `a marker cannot be read; ${remedy}`);
    for (const table of TABLE_NAMES) {
      if ((finished?.rows[table] ?? 0) === 0) continue;
      const path = storeFile(data, table, key);
      if (there.has(path)) files[table].paths.push(path);
      else files[table].faults.push(`${path} is missing; ${remedy}`);
    }
  }
  return new Set(markers.map(({ key }) => join(key.exchange, key.date, key.name)));
}

function addFault(files: ReadableFiles, fault: string): void {
  for (const table of TABLE_NAMES) files[table].faults.push(fault);
}

/** A list of parts; one that has gone since it was found is empty, one that is none is null. */
function readList(path: string): RecentParts | null {
  try {
    const list = parseJson(readFileSync(path, 'utf8'));
    return isPartsList(list) ? list : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { parts: {} };
    throw error;
  }
}

function isPartsList(value: unknown): value is RecentParts {
  if (!isObject(value) || !isObject(value.parts)) return false;
  return Object.values(value.parts).every(
    (parts) =>
      Array.isArray(parts) && parts.every((part) => typeof part === 'string' && part === basename(part)),
  );
}

/** The last state of each gap: what is missing, from when to when, and whether it ended. A gap never opens again. */
const GAPS_VIEW = `CREATE OR REPLACE VIEW gaps AS
  SELECT exchange, market, symbol, feed, channel, gap_id, event AS state, from_timestamp, to_timestamp,
         from_sequence, to_sequence, cause, detail
  FROM gap_events
  QUALIFY row_number() OVER (
    PARTITION BY exchange, market, symbol, feed, channel, gap_id
    ORDER BY event = 'opened', event = 'closed', local_timestamp DESC, link DESC, frame DESC, "row" DESC) = 1`;

/**
 * Makes a view per table over the data directory's files, and `gaps`. A table of which a file is missing or cannot be
 * opened gets a view that says so when it is asked: rows never lack in silence, and the other tables still answer.
 */
export async function createViews(connection: DuckDBConnection, data: string): Promise<void> {
  const directory = resolve(data);
  let files: ReadableFiles | null = null;
  for (let listing = 1; files === null; listing++)
    files = await listReadable(directory, listing >= LISTINGS_MAX);
  for (const table of TABLE_NAMES) await createView(connection, table, files[table]);
  await connection.run(GAPS_VIEW);
}

async function createView(
  connection: DuckDBConnection,
  table: Table,
  { paths, faults }: TableFiles,
): Promise<void> {
  const create = (select: string) => connection.run(`CREATE OR REPLACE VIEW ${table} AS ${select}`);
  const columns = publicColumns(table).map(({ name }) => `"${name}"`);
  const nothing = publicColumns(table).map(({ name, type }) => `NULL::${type} AS "${name}"`);
  const saying = (text: string): string =>
    `SELECT ${nothing.join(', ')} WHERE error(${quoted(`${table}: ${text}`)}) IS NULL`;
  if (faults.length > 0) await create(saying(faults.join('; ')));
  else if (paths.length === 0) await create(`SELECT ${nothing.join(', ')} WHERE false`);
  else
    try {
      // By name, and the finished files first: parts have a column more.
      await create(
        `SELECT ${columns.join(', ')} FROM read_parquet(${quotedList(paths)}, hive_partitioning = false)`,
      );
    } catch (error) {
      await create(saying((error as Error).message));
    }
}
