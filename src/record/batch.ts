import { COMMON_COLUMNS, type Column, type ColumnKind, NO_CODE, TABLES, type Table } from './tables.ts';

type ColumnArray<K extends ColumnKind> = K extends 'text'
  ? (string | null)[]
  : K extends 'code' | 'flag'
    ? Uint8Array<ArrayBuffer>
    : Float64Array<ArrayBuffer>;

type ColumnArrays<C extends readonly Column[]> = {
  [E in C[number] as E['name']]: ColumnArray<E['kind']>;
};

/** The arrays of a table, by column name, with the stream's code in `stream`. */
export type BatchColumns<T extends Table> = { stream: Uint32Array<ArrayBuffer> } & ColumnArrays<
  typeof COMMON_COLUMNS
> &
  ColumnArrays<(typeof TABLES)[T]>;

export type AnyArray = (string | null)[] | Uint8Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

function makeArray(kind: ColumnKind, capacity: number): AnyArray {
  if (kind === 'text') return new Array<string | null>(capacity).fill(null);
  if (kind === 'code' || kind === 'flag') return new Uint8Array(capacity).fill(NO_CODE);
  return new Float64Array(capacity);
}

function grown(old: AnyArray, kind: ColumnKind, capacity: number): AnyArray {
  const made = makeArray(kind, capacity);
  if (Array.isArray(made)) for (let i = 0; i < old.length; i++) made[i] = old[i] as string | null;
  else made.set(old as never);
  return made;
}

/** A batch of whichever table: what sinks walk through `definitions` and `array`. */
export interface AnyBatch {
  readonly table: Table;
  readonly definitions: readonly Column[];
  readonly columns: { readonly stream: Uint32Array<ArrayBuffer> };
  count: number;
  /** Rows made since the start, less those taken back. */
  made: number;
  /** `count` when the present frame began. */
  mark: number;
  array(name: string): AnyArray;
}

/**
 * Rows of one table, column-wise, in arrays that are used again after each flush.
 * It grows by doubling within a frame (a snapshot may hold thousands of levels) and is flushed between frames.
 */
export class Batch<T extends Table> implements AnyBatch {
  readonly table: T;
  readonly definitions: readonly Column[];
  columns: BatchColumns<T>;
  count = 0;
  made = 0;
  mark = 0;
  capacity: number;

  constructor(table: T, capacity = 2048) {
    this.table = table;
    this.definitions = [...COMMON_COLUMNS, ...TABLES[table]];
    this.capacity = capacity;
    const columns: Record<string, unknown> = { stream: new Uint32Array(capacity) };
    for (const column of this.definitions) columns[column.name] = makeArray(column.kind, capacity);
    this.columns = columns as BatchColumns<T>;
  }

  /** The array of a column by name, for code that walks `definitions`. */
  array(name: string): AnyArray {
    return (this.columns as unknown as Record<string, AnyArray>)[name] as AnyArray;
  }

  /** Makes room for one row and returns its index. */
  next(): number {
    if (this.count === this.capacity) this.#grow();
    return this.count++;
  }

  #grow(): void {
    const capacity = this.capacity * 2;
    const columns: Record<string, unknown> = {};
    const stream = new Uint32Array(capacity);
    stream.set(this.columns.stream);
    columns.stream = stream;
    for (const { name, kind } of this.definitions) columns[name] = grown(this.array(name), kind, capacity);
    this.columns = columns as BatchColumns<T>;
    this.capacity = capacity;
  }
}
