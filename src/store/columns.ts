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

/** The columns that a row's stream says, in order; `exchange` stands before them. */
export function streamColumns(table: Table): readonly string[] {
  return ['market', 'symbol', 'feed', ...(TABLES_WITH_CHANNEL.includes(table) ? ['channel'] : [])];
}

/** The columns of a public table with their SQL types, in order: what a view over no files has. */
export function publicColumns(table: Table): readonly { name: string; type: string }[] {
  const texts = ['exchange', ...streamColumns(table)].map((name) => ({ name, type: 'VARCHAR' }));
  return [...texts, ...columnsOf(table).map(({ name, kind }) => ({ name, type: PUBLIC_TYPES[kind] }))];
}

/** Texts of which a file holds few: as an ENUM they are hashed once and not with every row. */
const FEW = ['market', 'feed', 'channel'];

/**
 * The statements that make the names of the streams `codes`, taken from the dictionary table `streams`. Types and
 * ranks come from these streams alone: what else the dictionary holds must not change a file's bytes.
 */
export function createStreamNames(
  name: string,
  table: Table,
  streams: string,
  codes: Iterable<number>,
): string[] {
  const used = `(SELECT * FROM ${streams} WHERE code IN (${[...codes].join(', ')}))`;
  const few = streamColumns(table).filter((column) => FEW.includes(column));
  const columns = streamColumns(table).map((column) =>
    few.includes(column) ? `CAST(${column} AS ${name}_${column}) AS ${column}` : column,
  );
  return [
    ...few.map(
      (column) =>
        `CREATE TYPE ${name}_${column} AS ENUM (SELECT DISTINCT ${column} FROM ${used} WHERE ${column} IS NOT NULL ORDER BY 1)`,
    ),
    `CREATE TABLE ${name} AS SELECT code, dense_rank() OVER (ORDER BY market, symbol, feed)::UINTEGER AS rank,
       ${columns.join(', ')} FROM ${used}`,
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
 * The query whose rows, in its order, are a finished file. The order is total, so that the same rows give the same
 * bytes; where it begins with market, symbol and feed, the stream's rank stands for them.
 */
export function finishedSelect(
  table: Table,
  exchange: string,
  parts: readonly string[],
  names: string,
): string {
  const columns = [
    `CAST(${quoted(exchange)} AS ENUM (${quoted(exchange)})) AS exchange`,
    ...streamColumns(table).map((name) => `s.${name}`),
    ...columnsOf(table).map(sortedExpression),
  ];
  const order = sortColumns(table).filter((name) => !streamColumns(table).includes(name));
  return `SELECT ${columns.join(', ')} FROM read_parquet(${quotedList(parts)}) p JOIN ${names} s ON s.code = p.stream
    ORDER BY s.rank, ${order.map((name) => `p."${name}"`).join(', ')}`;
}
