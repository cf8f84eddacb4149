import { IdColumn } from './id-column.ts';
import { COMMON_COLUMNS, type Column, type ColumnKind, NO_CODE, TABLES, type Table } from './tables.ts';

type ColumnArray<K extends ColumnKind> = K extends 'id'
  ? IdColumn
  : K extends 'text'
    ? (string | null)[]
    : K extends 'code' | 'flag'
      ? Uint8Array<ArrayBuffer>
      : Float64Array<ArrayBuffer>;

type ColumnArrays<C extends readonly Column[]> = {
  [E in C[number] as E['name']]: ColumnArray<E['kind']>;
};

/** The arrays every table has: the stream's code and the common columns. */
export type CommonColumns = { stream: Uint32Array<ArrayBuffer> } & ColumnArrays<typeof COMMON_COLUMNS>;

/** The arrays of a table's own columns, by name. */
export type BatchColumns<T extends Table> = ColumnArrays<(typeof TABLES)[T]>;

export type AnyArray = (string | null)[] | Uint8Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

function makeArray(kind: ColumnKind, capacity: number): AnyArray | IdColumn {
  if (kind === 'id') return new IdColumn(capacity);
  if (kind === 'text') return new Array<string | null>(capacity).fill(null);
  if (kind === 'code' || kind === 'flag') return new Uint8Array(capacity).fill(NO_CODE);
  return new Float64Array(capacity);
}

function grown<A extends AnyArray | IdColumn>(old: A, kind: ColumnKind, capacity: number): A {
  if (old instanceof IdColumn) {
    old.grow(capacity);
    return old;
  }
  const made = makeArray(kind, capacity) as AnyArray;
  if (Array.isArray(made)) for (let i = 0; i < old.length; i++) made[i] = old[i] as string | null;
  else made.set(old as never);
  return made as A;
}

/** A batch of whichever table: what sinks walk through `definitions`, `array` and `ids`. */
export interface AnyBatch {
  readonly table: Table;
  readonly definitions: readonly Column[];
  readonly columns: { readonly stream: Uint32Array<ArrayBuffer> };
  readonly count: number;
  /** A column's array, of any kind but `id`. */
  array(name: string): AnyArray;
  /** A column of kind `id`. */
  ids(name: string): IdColumn;
}

/**
 * Rows of one table, column-wise, in arrays that are used again after each flush.
 * It grows by doubling within a frame (a snapshot may hold thousands of levels) and is flushed between frames.
 */
export class Batch<T extends Table> implements AnyBatch {
  readonly table: T;
  readonly definitions: readonly Column[];
  /** The common columns again, in an object that has one shape in all tables: the hot path stays monomorphic. */
  common: CommonColumns;
  columns: CommonColumns & BatchColumns<T>;
  count = 0;
  /** Rows that have left in flushes. */
  flushed = 0;
  /** `count` when the frame numbered `markedIn` wrote its first row. */
  mark = 0;
  markedIn = -1;
  capacity: number;

  constructor(table: T, capacity = 2048) {
    this.table = table;
    this.definitions = [...COMMON_COLUMNS, ...TABLES[table]];
    this.capacity = capacity;
    const columns: Record<string, unknown> = { stream: new Uint32Array(capacity) };
    for (const column of this.definitions) columns[column.name] = makeArray(column.kind, capacity);
    this.columns = columns as CommonColumns & BatchColumns<T>;
    this.common = commonOf(this.columns);
  }

  array(name: string): AnyArray {
    return (this.columns as unknown as Record<string, AnyArray>)[name] as AnyArray;
  }

  ids(name: string): IdColumn {
    return (this.columns as unknown as Record<string, IdColumn>)[name] as IdColumn;
  }

  /** Makes room for one row and returns its index. */
  next(): number {
    if (this.count === this.capacity) this.#grow();
    return this.count++;
  }

  /** Forgets all rows: they have been taken. */
  clear(): void {
    this.flushed += this.count;
    this.count = 0;
    this.mark = 0;
    for (const { name, kind } of this.definitions) if (kind === 'id') this.ids(name).mayHaveNull = false;
  }

  #grow(): void {
    const capacity = this.capacity * 2;
    const columns: Record<string, unknown> = {};
    const stream = new Uint32Array(capacity);
    stream.set(this.columns.stream);
    columns.stream = stream;
    const old = this.columns as unknown as Record<string, AnyArray | IdColumn>;
    for (const { name, kind } of this.definitions)
      columns[name] = grown(old[name] as AnyArray | IdColumn, kind, capacity);
    this.columns = columns as CommonColumns & BatchColumns<T>;
    this.common = commonOf(this.columns);
    this.capacity = capacity;
  }
}

function commonOf({ stream, timestamp, local_timestamp, link, frame, row }: CommonColumns): CommonColumns {
  return { stream, timestamp, local_timestamp, link, frame, row };
}
