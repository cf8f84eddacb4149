import {
  COMMON_COLUMNS,
  type Column,
  sortColumns,
  TABLES,
  TABLES_WITH_CHANNEL,
  type Table,
} from '../record/index.ts';
import { quoted, quotedList } from './engine.ts';

function columnsOf(table: Table): readonly Column[] {
  return [...COMMON_COLUMNS, ...TABLES[table]];
}

const PUBLIC_TYPES = {
  id: 'VARCHAR',
  text: 'VARCHAR',
  number: 'DOUBLE',
  integer: 'BIGINT',
  time: 'TIMESTAMP',
  flag: 'BOOLEAN',
  code: 'VARCHAR',
} as const;

export type StreamColumn = 'market' | 'symbol' | 'feed' | 'channel';

/** The columns that a row's stream says, in order; `exchange` stands before them. */
export function streamColumns(table: Table): readonly StreamColumn[] {
  const columns = ['market', 'symbol', 'feed'] as const;
  return TABLES_WITH_CHANNEL.includes(table) ? [...columns, 'channel'] : columns;
}

/** The columns of a public table with their SQL types, in order: what a view over no files has. */
export function publicColumns(table: Table): readonly { name: string; type: string }[] {
  const texts = ['exchange', ...streamColumns(table)].map((name) => ({ name, type: 'VARCHAR' }));
  return [...texts, ...columnsOf(table).map(({ name, kind }) => ({ name, type: PUBLIC_TYPES[kind] }))];
}

/**
 * The statements that make the names of the streams `codes`, taken from the dictionary table `streams`. Types and
 * ranks come from these streams alone: what else the dictionary holds must not change a file's bytes.
 */
export function createStreamNames(
  name: string,
  table: Table,
  streams: string,
  codes: ReadonlySet<number>,
): string[] {
  const rank = codes.size < 2 ** 16 ? 'USMALLINT' : 'UINTEGER';
  const used = `(SELECT * FROM ${streams} WHERE code IN (${[...codes].join(', ')}))`;
  const columns = streamColumns(table);
  return [
    ...columns.map(
      (column) =>
        `CREATE TYPE ${name}_${column} AS ENUM (SELECT DISTINCT ${column} FROM ${used} WHERE ${column} IS NOT NULL ORDER BY 1)`,
    ),
    `CREATE TABLE ${name} AS SELECT code, dense_rank() OVER (ORDER BY market, symbol, feed)::${rank} AS rank,
       ${columns.map((column) => `CAST(${column} AS ${name}_${column}) AS ${column}`).join(', ')} FROM ${used}`,
  ];
}

/** A part's column as it is sorted: codes as an ENUM, which is a byte. */
function sortedExpression({ name, codes }: Column): string {
  const column = `p."${name}"`;
  return codes === undefined
    ? column
    : `CAST(${column} AS ENUM (${codes.map(quoted).join(', ')})) AS "${name}"`;
}

/**
 * A column as it is written. A file's ENUM says of itself that it holds all its texts, and readers skip by that: fine
 * where there are few anyway; a symbol is written as text, so that only those that are there count.
 */
function writtenExpression(name: string): string {
  return name === 'symbol' ? 'CAST(symbol AS VARCHAR) AS symbol' : `"${name}"`;
}

/**
 * The query whose rows, in its order, are a finished file. The order is total, so that the same rows give the same
 * bytes; the stream's rank stands for market, symbol and feed. Where the rows of each stream came in that order, the
 * number of their arrival stands for the rest: the same order by a key of eight bytes, sorted at half the cost.
 */
export function finishedSelect(
  table: Table,
  exchange: string,
  parts: readonly string[],
  names: string,
  cameInOrder: boolean,
): string {
  const ofStream: readonly string[] = streamColumns(table);
  const rest = sortColumns(table).filter((name) => !ofStream.includes(name));
  const order = cameInOrder ? ['arrival'] : rest;
  const sorted = [...ofStream.map((name) => `s.${name}`), ...columnsOf(table).map(sortedExpression)];
  const written = [...ofStream, ...columnsOf(table).map(({ name }) => name)].map(writtenExpression);
  return `SELECT CAST(${quoted(exchange)} AS ENUM (${quoted(exchange)})) AS exchange, ${written.join(', ')} FROM (
      SELECT ${sorted.join(', ')} FROM read_parquet(${quotedList(parts)}) p JOIN ${names} s ON s.code = p.stream
      ORDER BY s.rank, ${order.map((name) => `p."${name}"`).join(', ')})`;
}
