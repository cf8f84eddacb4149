import {
  DOUBLE,
  type DuckDBAppender,
  DuckDBDataChunk,
  type DuckDBType,
  UINTEGER,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import {
  type AnyBatch,
  COMMON_COLUMNS,
  type Column,
  sortColumns,
  TABLES,
  TABLES_WITH_CHANNEL,
  type Table,
} from '../record/index.ts';
import { quoted } from './engine.ts';

/** Rows in one DuckDB vector. */
const VECTOR_ROWS = 2048;

function columnsOf(table: Table): readonly Column[] {
  return [...COMMON_COLUMNS, ...TABLES[table]];
}

function rawType(column: Column): DuckDBType {
  if (column.kind === 'text') return VARCHAR;
  if (column.kind === 'code' || column.kind === 'flag') return UTINYINT;
  return DOUBLE;
}

/** The statement that makes a staging table: codes, doubles and text just as the batch holds them. */
export function createStaging(name: string, table: Table): string {
  const columns = columnsOf(table).map((column) => `"${column.name}" ${rawType(column).toString()}`);
  return `CREATE TABLE ${name} (stream UINTEGER, ${columns.join(', ')})`;
}

/**
 * How a staged column becomes the public one (kinds: `record/tables.ts`). No value may end the copy, whatever an
 * exchange sent: a whole number that a double does not hold exactly, or infinity, is null. So is an empty text.
 */
function publicExpression(column: Column): string {
  const name = `r."${column.name}"`;
  const whole = `CASE WHEN ${name} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER} THEN CAST(${name} AS BIGINT) END`;
  switch (column.kind) {
    case 'text':
      return `nullif(${name}, '')`;
    case 'number':
      return `CASE WHEN isnan(${name}) THEN NULL ELSE ${name} END`;
    case 'integer':
      return whole;
    case 'time':
      return `make_timestamp(${whole})`;
    case 'flag':
      return `CASE ${name} WHEN 0 THEN false WHEN 1 THEN true END`;
    case 'code':
      return `CASE ${name} ${(column.codes ?? []).map((text, code) => `WHEN ${code} THEN ${quoted(text)}`).join(' ')} END`;
  }
}

const PUBLIC_TYPES = {
  text: 'VARCHAR',
  number: 'DOUBLE',
  integer: 'BIGINT',
  time: 'TIMESTAMP',
  flag: 'BOOLEAN',
  code: 'VARCHAR',
} as const;

/** The columns of a public table with their SQL types, in order: what a view over no files has. */
export function publicColumns(table: Table): readonly { name: string; type: string }[] {
  const channel = TABLES_WITH_CHANNEL.includes(table) ? ['channel'] : [];
  const texts = ['exchange', 'market', 'symbol', 'feed', ...channel].map((name) => ({
    name,
    type: 'VARCHAR',
  }));
  return [...texts, ...columnsOf(table).map(({ name, kind }) => ({ name, type: PUBLIC_TYPES[kind] }))];
}

/** The query that turns a staging table into public rows. `streams` names the dictionary table. */
export function publicSelect(staging: string, table: Table, exchange: string, streams: string): string {
  const channel = TABLES_WITH_CHANNEL.includes(table) ? ', s.channel' : '';
  const columns = columnsOf(table).map((column) => `${publicExpression(column)} AS "${column.name}"`);
  return `SELECT ${quoted(exchange)} AS exchange, s.market, s.symbol, s.feed${channel}, ${columns.join(', ')}
    FROM ${staging} r JOIN ${streams} s ON s.code = r.stream`;
}

/** The ORDER BY of a finished file: a total order, so that the same rows give the same bytes. */
export function orderBy(table: Table): string {
  return sortColumns(table)
    .map((name) => `"${name}"`)
    .join(', ');
}

/** Moves batches into an appender through one reused data chunk, arrays copied whole, no object a row. */
export class BatchAppender {
  readonly #appender: DuckDBAppender;
  readonly #columns: readonly Column[];
  readonly #chunk: DuckDBDataChunk;
  #isClosed = false;

  constructor(appender: DuckDBAppender, table: Table) {
    this.#appender = appender;
    this.#columns = columnsOf(table);
    this.#chunk = DuckDBDataChunk.create([UINTEGER, ...this.#columns.map(rawType)], VECTOR_ROWS);
  }

  append(batch: AnyBatch): void {
    for (let start = 0; start < batch.count; start += VECTOR_ROWS)
      this.#appendPart(batch, start, Math.min(VECTOR_ROWS, batch.count - start));
  }

  #appendPart(batch: AnyBatch, start: number, count: number): void {
    const raw = this.#chunk.chunk;
    this.#chunk.reset();
    this.#chunk.rowCount = count;
    copyNumbers(duckdb.data_chunk_get_vector(raw, 0), batch.columns.stream, start, count);
    for (let c = 0; c < this.#columns.length; c++) {
      const column = this.#columns[c] as Column;
      const vector = duckdb.data_chunk_get_vector(raw, c + 1);
      const array = batch.array(column.name);
      if (Array.isArray(array))
        for (let i = 0; i < count; i++)
          duckdb.vector_assign_string_element(vector, i, array[start + i] ?? '');
      else copyNumbers(vector, array, start, count);
    }
    this.#appender.appendDataChunk(this.#chunk);
  }

  /** Makes all rows visible in the staging table and ends the appender. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#appender.closeSync();
  }
}

function copyNumbers(
  vector: duckdb.Vector,
  array: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
  start: number,
  count: number,
): void {
  const width = array.BYTES_PER_ELEMENT;
  duckdb.copy_data_to_vector(vector, 0, array.buffer, array.byteOffset + start * width, count * width);
}
