import type { AnyBatch } from './batch.ts';
import type { StreamDictionary } from './stream.ts';
import { isShared, NO_CODE, TABLES_WITH_CHANNEL, type Table } from './tables.ts';

/** A row as an object, columns in table order: for NDJSON and for tests, never for the hot path. */
export type RowObject = {
  readonly table: Table;
  readonly [column: string]: string | number | boolean | null;
};

/** Row `index` of a batch. Times are µs as integers; null where the column holds nothing. */
export function rowObject(
  batch: AnyBatch,
  index: number,
  streams: StreamDictionary,
  exchange: string,
): RowObject {
  const stretch = batch.stretchOf(index);
  const entry = streams.entry(batch.columns.stream[stretch] ?? 0);
  const row: Record<string, string | number | boolean | null> = {
    table: batch.table,
    exchange,
    market: entry.market,
    symbol: entry.symbol,
    feed: entry.feed,
  };
  if (TABLES_WITH_CHANNEL.includes(batch.table)) row.channel = entry.channel;
  for (const column of batch.definitions) {
    if (column.kind === 'id') {
      row[column.name] = batch.ids(column.name).text(index);
      continue;
    }
    const shared = isShared(batch.table, column.name);
    let value = batch.array(column.name)[shared ? stretch : index] ?? null;
    if (shared && column.name === 'row') value = (value as number) + index - (batch.starts?.[stretch] ?? 0);
    if (column.kind === 'text') row[column.name] = value;
    else if (column.kind === 'code') row[column.name] = column.codes?.[value as number] ?? null;
    else if (column.kind === 'flag') row[column.name] = value === NO_CODE ? null : value === 1;
    else row[column.name] = Number.isNaN(value) ? null : value;
  }
  return row as RowObject;
}
