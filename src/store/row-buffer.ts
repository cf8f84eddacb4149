import { type AnyBatch, type Column, IdColumn, NO_CODE, type Table } from '../record/index.ts';
import { heldColumns } from './columns.ts';

/** A column's values: numbers, whole numbers and times; codes and flags; ids and texts. Nulls as in a batch. */
export type HeldColumn = Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | IdColumn;

/** What the rows of a table take at least, in bytes: texts come on top. */
export function rowBytes(table: Table): number {
  return heldColumns(table).reduce((sum, { kind }) => sum + widthOf(kind), 0);
}

function widthOf(kind: Column['kind']): number {
  if (kind === 'code' || kind === 'flag') return 1;
  return kind === 'id' || kind === 'text' ? 4 : 8;
}

function isText({ kind }: Column): boolean {
  return kind === 'id' || kind === 'text';
}

function holdColumn(column: Column, capacity: number): HeldColumn {
  if (isText(column)) return new IdColumn(capacity);
  return widthOf(column.kind) === 1 ? new Uint8Array(capacity) : new Float64Array(capacity);
}

/** A buffer's memory on its way to another thread. */
export interface RowMessage {
  readonly table: Table;
  readonly rows: number;
  readonly columns: readonly (
    | ArrayBuffer
    | { readonly bytes: ArrayBuffer; readonly ends: ArrayBuffer; readonly mayHaveNull: boolean }
  )[];
}

/**
 * Rows of one table as plain columns, one array each. It grows by doubling, and its memory can be handed to another
 * thread and come back.
 */
export class RowBuffer {
  readonly table: Table;
  readonly columns: HeldColumn[];
  rows = 0;
  readonly #definitions: readonly Column[];
  #capacity: number;

  constructor(table: Table, capacity: number) {
    this.table = table;
    this.#definitions = heldColumns(table);
    this.#capacity = capacity;
    this.columns = this.#definitions.map((column) => holdColumn(column, capacity));
  }

  /** Rows there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Bytes of all texts, with the lengths before them. */
  get textBytes(): number {
    let bytes = 0;
    for (const column of this.columns)
      if (column instanceof IdColumn && this.rows > 0) bytes += column.ends[this.rows - 1] as number;
    return bytes;
  }

  /** Bytes of memory held, used or not. */
  get memory(): number {
    return this.columns.reduce(
      (sum, column) =>
        sum + (column instanceof IdColumn ? column.bytes.length + column.ends.byteLength : column.byteLength),
      0,
    );
  }

  clear(): void {
    this.rows = 0;
    for (const column of this.columns) if (column instanceof IdColumn) column.mayHaveNull = false;
  }

  #reserve(rows: number): void {
    const needed = this.rows + rows;
    if (needed <= this.#capacity) return;
    const capacity = Math.max(needed, this.#capacity * 2);
    for (const [i, column] of this.columns.entries()) {
      if (column instanceof IdColumn) {
        column.grow(capacity);
        continue;
      }
      const grown = holdColumn(this.#definitions[i] as Column, capacity);
      (grown as Float64Array).set((column as Float64Array).subarray(0, this.rows));
      this.columns[i] = grown;
    }
    this.#capacity = capacity;
  }

  /** Takes rows of a batch that stand one behind the other; `channels` says the channel of a stream, by their codes. */
  append(batch: AnyBatch, start: number, rows: number, channels: Uint8Array): void {
    this.#reserve(rows);
    const at = this.rows;
    for (const [i, { name, kind }] of this.#definitions.entries()) {
      const to = this.columns[i] as HeldColumn;
      if (kind === 'id') (to as IdColumn).copy(at, batch.ids(name), start, rows);
      else if (kind === 'text') {
        const from = batch.array(name) as (string | null)[];
        for (let row = 0; row < rows; row++) (to as IdColumn).set(at + row, from[start + row] ?? '');
      } else if (name === 'channel')
        for (let row = 0; row < rows; row++)
          (to as Uint8Array)[at + row] = channels[batch.columns.stream[start + row] as number] ?? NO_CODE;
      else (to as Float64Array).set((batch.array(name) as Float64Array).subarray(start, start + rows), at);
    }
    this.rows += rows;
  }

  /** Takes the rows of a batch whose places are `order[start..start+rows)`. */
  pick(batch: AnyBatch, order: Uint32Array, start: number, rows: number, channels: Uint8Array): void {
    this.#reserve(rows);
    const at = this.rows;
    for (const [i, { name, kind }] of this.#definitions.entries()) {
      const to = this.columns[i] as HeldColumn;
      if (kind === 'id') {
        const from = batch.ids(name);
        for (let n = 0; n < rows; n++) (to as IdColumn).copy(at + n, from, order[start + n] as number, 1);
      } else if (kind === 'text') {
        const from = batch.array(name) as (string | null)[];
        for (let n = 0; n < rows; n++) (to as IdColumn).set(at + n, from[order[start + n] as number] ?? '');
      } else if (name === 'channel')
        for (let n = 0; n < rows; n++)
          (to as Uint8Array)[at + n] =
            channels[batch.columns.stream[order[start + n] as number] as number] ?? NO_CODE;
      else if (to instanceof Uint8Array)
        pickBytes(to, at, batch.array(name) as Uint8Array, order, start, rows);
      else pickNumbers(to as Float64Array, at, batch.array(name) as Float64Array, order, start, rows);
    }
    this.rows += rows;
  }

  /** Takes rows of another buffer of the same table. */
  appendFrom(other: RowBuffer, start: number, rows: number): void {
    if (rows === 0) return;
    this.#reserve(rows);
    for (const [i, to] of this.columns.entries()) {
      const from = other.columns[i] as HeldColumn;
      if (to instanceof IdColumn) to.copy(this.rows, from as IdColumn, start, rows);
      else to.set((from as Float64Array).subarray(start, start + rows), this.rows);
    }
    this.rows += rows;
  }

  /** Its memory, to be transferred: the buffer is of no use afterwards. */
  leave(): { readonly message: RowMessage; readonly transfer: ArrayBuffer[] } {
    const columns = this.columns.map((column) =>
      column instanceof IdColumn
        ? { bytes: column.bytes.buffer, ends: column.ends.buffer, mayHaveNull: column.mayHaveNull }
        : column.buffer,
    );
    return {
      message: { table: this.table, rows: this.rows, columns },
      transfer: columns.flatMap((column) =>
        column instanceof ArrayBuffer ? [column] : [column.bytes, column.ends],
      ),
    };
  }

  /** The buffer that left as this message. */
  static arrived({ table, rows, columns }: RowMessage): RowBuffer {
    const buffer = new RowBuffer(table, 0);
    for (const [i, column] of columns.entries()) {
      const held = buffer.columns[i];
      if (!(column instanceof ArrayBuffer)) {
        const ids = held as IdColumn;
        ids.bytes = Buffer.from(column.bytes);
        ids.ends = new Uint32Array(column.ends);
        ids.mayHaveNull = column.mayHaveNull;
        buffer.#capacity = ids.ends.length;
      } else if (held instanceof Uint8Array) buffer.columns[i] = new Uint8Array(column);
      else {
        const numbers = new Float64Array(column);
        buffer.columns[i] = numbers;
        buffer.#capacity = numbers.length;
      }
    }
    buffer.rows = rows;
    return buffer;
  }
}

function pickBytes(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  order: Uint32Array,
  start: number,
  rows: number,
): void {
  for (let n = 0; n < rows; n++) to[at + n] = from[order[start + n] as number] ?? NO_CODE;
}

function pickNumbers(
  to: Float64Array,
  at: number,
  from: Float64Array,
  order: Uint32Array,
  start: number,
  rows: number,
): void {
  for (let n = 0; n < rows; n++) to[at + n] = from[order[start + n] as number] as number;
}
