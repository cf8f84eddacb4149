import {
  CHANNELS,
  COMMON_COLUMNS,
  type Column,
  sortColumns,
  TABLES,
  TABLES_WITH_CHANNEL,
  type Table,
} from '../record/index.ts';
import { quotedList } from './sql-text.ts';

/** The columns whose values rows hold, in the order of their files: the channel where rows carry it, then a batch's own. */
export function heldColumns(table: Table): readonly Column[] {
  const own: readonly Column[] = [...COMMON_COLUMNS, ...TABLES[table]];
  return TABLES_WITH_CHANNEL.includes(table)
    ? [{ name: 'channel', kind: 'code', codes: CHANNELS }, ...own]
    : own;
}

/** The columns of a table's files, in their order: what names its rows, then what they hold. */
export function fileColumns(table: Table): readonly Column[] {
  const named = ['exchange', 'market', 'symbol', 'feed'].map((name): Column => ({ name, kind: 'text' }));
  return [...named, ...heldColumns(table)];
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

/** The columns of a public table with their SQL types, in order: what a view over no files has. */
export function publicColumns(table: Table): readonly { name: string; type: string }[] {
  return fileColumns(table).map(({ name, kind }) => ({ name, type: PUBLIC_TYPES[kind] }));
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
