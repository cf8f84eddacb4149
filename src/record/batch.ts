import { IdColumn } from './id-column.ts';
import {
  COMMON_COLUMNS,
  type Column,
  type ColumnKind,
  isStretched,
  NO_CODE,
  stretchAt,
  TABLES,
  type Table,
} from './tables.ts';

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

/**
 * A batch of whichever table: what sinks walk through `definitions`, `array` and `ids`. Columns that rows share
 * (`isShared`), and `stream`, have an entry for each stretch of rows; in a table without such, for each row.
 */
export interface AnyBatch {
  readonly table: Table;
  readonly definitions: readonly Column[];
  readonly columns: { readonly stream: Uint32Array<ArrayBuffer> };
  readonly count: number;
  /** How many stretches there are, and the first row of each; null where each row is one. */
  readonly stretches: number;
  readonly starts: Uint32Array<ArrayBuffer> | null;
  /** A column's array, of any kind but `id`. */
  array(name: string): AnyArray;
  /** A column of kind `id`. */
  ids(name: string): IdColumn;
  /** The stretch that holds a row. */
  stretchOf(row: number): number;
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
  starts: Uint32Array<ArrayBuffer> | null;
  /** Rows that have left in flushes. */
  flushed = 0;
  /** `count` and `stretches` when the frame numbered `markedIn` wrote its first row. */
  mark = 0;
  stretchMark = 0;
  markedIn = -1;
  capacity: number;
  /** Stretches begun. */
  #begun = 0;

  constructor(table: T, capacity = 2048) {
    this.table = table;
    this.definitions = [...COMMON_COLUMNS, ...TABLES[table]];
    this.capacity = capacity;
    this.starts = isStretched(table) ? new Uint32Array(capacity) : null;
    const columns: Record<string, unknown> = { stream: new Uint32Array(capacity) };
    for (const column of this.definitions) columns[column.name] = makeArray(column.kind, capacity);
    this.columns = columns as CommonColumns & BatchColumns<T>;
    this.common = commonOf(this.columns);
  }

  /** A stretch that has no row yet does not count. */
  get stretches(): number {
    const { starts, count } = this;
    if (starts === null) return count;
    return this.#begun > 0 && starts[this.#begun - 1] === count ? this.#begun - 1 : this.#begun;
  }

  stretchOf(row: number): number {
    return this.starts === null ? row : stretchAt(this.starts, this.#begun, row);
  }

  array(name: string): AnyArray {
    return (this.columns as unknown as Record<string, AnyArray>)[name] as AnyArray;
  }

  ids(name: string): IdColumn {
    return (this.columns as unknown as Record<string, IdColumn>)[name] as IdColumn;
  }

  /** Makes room for one row and returns its index. */
  next(): number {
    if (this.count === this.capacity) this.#growTo(this.capacity * 2);
    return this.count++;
  }

  /** Makes room for so many rows and returns the index of the first. */
  take(rows: number): number {
    const first = this.count;
    let { capacity } = this;
    while (first + rows > capacity) capacity *= 2;
    if (capacity > this.capacity) this.#growTo(capacity);
    this.count = first + rows;
    return first;
  }

  /** Begins a stretch at the next row, and returns its index. */
  nextStretch(): number {
    const index = this.stretches;
    if (index === this.capacity) this.#growTo(this.capacity * 2);
    if (this.starts === null) throw new Error(`the rows of ${this.table} are in no stretches`);
    this.starts[index] = this.count;
    this.#begun = index + 1;
    return index;
  }

  /** The frame of this number writes its first row. */
  markFrame(number: number): void {
    this.markedIn = number;
    this.mark = this.count;
    this.stretchMark = this.stretches;
  }

  /** Takes back what was written since the mark. */
  rollback(): void {
    this.count = this.mark;
    this.#begun = this.stretchMark;
  }

  /** Forgets all rows: they have been taken. */
  clear(): void {
    this.flushed += this.count;
    this.count = 0;
    this.mark = 0;
    this.#begun = 0;
    this.stretchMark = 0;
    for (const { name, kind } of this.definitions) if (kind === 'id') this.ids(name).mayHaveNull = false;
  }

  #growTo(capacity: number): void {
    const columns: Record<string, unknown> = {};
    columns.stream = grownWords(this.columns.stream, capacity);
    if (this.starts !== null) this.starts = grownWords(this.starts, capacity);
    const old = this.columns as unknown as Record<string, AnyArray | IdColumn>;
    for (const { name, kind } of this.definitions)
      columns[name] = grown(old[name] as AnyArray | IdColumn, kind, capacity);
    this.columns = columns as CommonColumns & BatchColumns<T>;
    this.common = commonOf(this.columns);
    this.capacity = capacity;
  }
}

function grownWords(old: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const made = new Uint32Array(capacity);
  made.set(old);
  return made;
}

function commonOf({ stream, timestamp, local_timestamp, link, frame, row }: CommonColumns): CommonColumns {
  return { stream, timestamp, local_timestamp, link, frame, row };
}
