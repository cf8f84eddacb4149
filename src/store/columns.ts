import {
  COMMON_COLUMNS,
  type Column,
  sortColumns,
  TABLES,
  TABLES_WITH_CHANNEL,
  type Table,
} from '../record/index.ts';
import { quotedList } from './sql-text.ts';

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
 * The query whose rows, in its order, are a finished file, from parts whose rows came in another one. The order is
 * total, so that the same rows give the same bytes.
 */
export function sortedSelect(table: Table, parts: readonly string[]): string {
  const columns = publicColumns(table).map(({ name }) => `"${name}"`);
  const order = sortColumns(table).map((name) => `"${name}"`);
  return `SELECT ${columns.join(', ')} FROM read_parquet(${quotedList(parts)}, hive_partitioning = false)
    ORDER BY ${order.join(', ')}`;
}
