import {
  type AnyBatch,
  type Column,
  IdColumn,
  isShared,
  isStretched,
  NO_CODE,
  stretchAt,
  type Table,
} from '../record/index.ts';
import { heldColumns } from './columns.ts';

/** A column's values: numbers, whole numbers and times; codes and flags; ids and texts. Nulls as in a batch. */
export type HeldColumn = Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | IdColumn;

/** Rows of a stretch, as a new buffer expects them to be. */
const STRETCH_ROWS = 8;

/** What a row of a table counts as, in bytes, each stretch being one row: texts come on top. */
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
  readonly stretches: number;
  readonly starts: ArrayBuffer | null;
  readonly columns: readonly (
    | ArrayBuffer
    | { readonly bytes: ArrayBuffer; readonly ends: ArrayBuffer; readonly mayHaveNull: boolean }
  )[];
}

/**
 * Rows of one table as plain columns, one array each. Columns that rows share have an entry for each stretch of rows. It
 * grows by doubling, and its memory can be handed to another thread and come back.
 */
export class RowBuffer {
  readonly table: Table;
  readonly columns: HeldColumn[];
  rows = 0;
  /** The first row of each stretch; null where each row is one. */
  starts: Uint32Array<ArrayBuffer> | null;
  readonly #definitions: readonly Column[];
  /** Whether rows share a column. */
  readonly #isShared: readonly boolean[];
  /** The place of `row` where it is shared: it counts on within a stretch; else -1. */
  readonly #rowColumn: number;
  #capacity: number;
  #stretches = 0;

  constructor(table: Table, capacity: number) {
    this.table = table;
    this.#definitions = heldColumns(table);
    this.#isShared = this.#definitions.map(({ name }) => isShared(table, name));
    this.#rowColumn = this.#definitions.findIndex(({ name }) => name === 'row' && isShared(table, name));
    this.#capacity = capacity;
    const stretches = Math.ceil(capacity / STRETCH_ROWS);
    this.starts = isStretched(table) ? new Uint32Array(stretches) : null;
    this.columns = this.#definitions.map((column, i) =>
      holdColumn(column, this.#isShared[i] ? stretches : capacity),
    );
  }

  /** Rows there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** How many stretches there are. */
  get stretches(): number {
    return this.starts === null ? this.rows : this.#stretches;
  }

  /** Whether the column at this place has an entry for each stretch. */
  isShared(column: number): boolean {
    return this.#isShared[column] === true;
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
      this.starts?.byteLength ?? 0,
    );
  }

  clear(): void {
    this.rows = 0;
    this.#stretches = 0;
    for (const column of this.columns) if (column instanceof IdColumn) column.mayHaveNull = false;
  }

  #reserve(rows: number, stretches: number): void {
    const rowsNeeded = this.rows + rows;
    if (rowsNeeded > this.#capacity) {
      this.#capacity = Math.max(rowsNeeded, this.#capacity * 2);
      this.#growTo(false, this.rows, this.#capacity);
    }
    if (this.starts === null) return;
    const needed = this.#stretches + stretches;
    if (needed <= this.starts.length) return;
    const capacity = Math.max(needed, this.starts.length * 2);
    this.#growTo(true, this.#stretches, capacity);
    const starts = new Uint32Array(capacity);
    starts.set(this.starts);
    this.starts = starts;
  }

  /** Makes room for so many entries in the columns that are shared, or in the others. */
  #growTo(isShared: boolean, held: number, capacity: number): void {
    for (const [i, column] of this.columns.entries()) {
      if (this.#isShared[i] !== isShared) continue;
      if (column instanceof IdColumn) {
        column.grow(capacity);
        continue;
      }
      const grown = holdColumn(this.#definitions[i] as Column, capacity);
      (grown as Float64Array).set((column as Float64Array).subarray(0, held));
      this.columns[i] = grown;
    }
  }

  /** Takes rows of a batch that stand one behind the other; `channels` says the channel of a stream, by their codes. */
  append(batch: AnyBatch, start: number, rows: number, channels: Uint8Array): void {
    if (rows === 0) return;
    const [first, stretches] = this.#beginRange(batch, start, rows);
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
      else if (this.#isShared[i])
        copyRange(to, this.#stretches, batch.array(name) as HeldColumn, first, stretches);
      else copyRange(to, at, batch.array(name) as HeldColumn, start, rows);
    }
    this.#endRange(batch, first, stretches, start, rows);
  }

  /** Takes rows of another buffer of the same table. */
  appendFrom(other: RowBuffer, start: number, rows: number): void {
    if (rows === 0) return;
    const [first, stretches] = this.#beginRange(other, start, rows);
    for (const [i, to] of this.columns.entries()) {
      const from = other.columns[i] as HeldColumn;
      if (to instanceof IdColumn) to.copy(this.rows, from as IdColumn, start, rows);
      else if (this.#isShared[i]) copyRange(to, this.#stretches, from, first, stretches);
      else copyRange(to, this.rows, from, start, rows);
    }
    this.#endRange(other, first, stretches, start, rows);
  }

  /** Makes room for rows of a batch or buffer; returns the first stretch that has some of them, and how many do. */
  #beginRange({ starts, stretches }: Stretches, start: number, rows: number): [number, number] {
    if (starts === null) {
      this.#reserve(rows, rows);
      return [start, rows];
    }
    const first = stretchAt(starts, stretches, start);
    const count = stretchAt(starts, stretches, start + rows - 1) - first + 1;
    this.#reserve(rows, count);
    return [first, count];
  }

  /** Counts what was taken. The first stretch may have been cut: its number of the first row is then a later one. */
  #endRange(
    { starts: from }: Stretches,
    first: number,
    stretches: number,
    start: number,
    rows: number,
  ): void {
    const { starts } = this;
    if (starts !== null && from !== null) {
      const at = this.#stretches;
      for (let n = 0; n < stretches; n++)
        starts[at + n] = this.rows + Math.max(0, (from[first + n] as number) - start);
      const numbers = this.columns[this.#rowColumn] as Float64Array;
      numbers[at] = (numbers[at] as number) + Math.max(0, start - (from[first] as number));
      this.#stretches += stretches;
    }
    this.rows += rows;
  }

  /** Takes the stretches of a batch whose places are `order[first..first+count)`, whole; they have `rows` rows. */
  pick(
    batch: AnyBatch,
    order: Uint32Array,
    first: number,
    count: number,
    rows: number,
    channels: Uint8Array,
  ): void {
    this.#reserve(rows, count);
    const at = this.rows;
    if (this.starts !== null) notePicked(batch, order, first, count);
    for (const [i, { name, kind }] of this.#definitions.entries()) {
      const to = this.columns[i] as HeldColumn;
      if (kind === 'id') {
        const from = batch.ids(name);
        for (let n = 0; n < count; n++) (to as IdColumn).copy(at + n, from, order[first + n] as number, 1);
      } else if (kind === 'text') {
        const from = batch.array(name) as (string | null)[];
        for (let n = 0; n < count; n++) (to as IdColumn).set(at + n, from[order[first + n] as number] ?? '');
      } else if (name === 'channel')
        for (let n = 0; n < count; n++)
          (to as Uint8Array)[at + n] =
            channels[batch.columns.stream[order[first + n] as number] as number] ?? NO_CODE;
      else {
        const from = batch.array(name) as HeldColumn;
        if (this.starts !== null && !this.#isShared[i]) pickRows(to, at, from, count);
        else pickEach(to, this.starts === null ? at : this.#stretches, from, order, first, count);
      }
    }
    if (this.starts !== null) this.#noteStarts(this.starts, count);
    this.rows += rows;
  }

  #noteStarts(starts: Uint32Array, count: number): void {
    let row = this.rows;
    for (let n = 0; n < count; n++) {
      starts[this.#stretches++] = row;
      row += picked.rows[n] as number;
    }
  }

  /** Its memory, to be transferred: the buffer is of no use afterwards. */
  leave(): { readonly message: RowMessage; readonly transfer: ArrayBuffer[] } {
    const columns = this.columns.map((column) =>
      column instanceof IdColumn
        ? { bytes: column.bytes.buffer, ends: column.ends.buffer, mayHaveNull: column.mayHaveNull }
        : column.buffer,
    );
    const starts = this.starts?.buffer ?? null;
    const transfer = columns.flatMap((column) =>
      column instanceof ArrayBuffer ? [column] : [column.bytes, column.ends],
    );
    if (starts !== null) transfer.push(starts);
    return {
      message: { table: this.table, rows: this.rows, stretches: this.#stretches, starts, columns },
      transfer,
    };
  }

  /** The buffer that left as this message. */
  static arrived({ table, rows, stretches, starts, columns }: RowMessage): RowBuffer {
    const buffer = new RowBuffer(table, 0);
    for (const [i, column] of columns.entries()) {
      const held = buffer.columns[i];
      if (!(column instanceof ArrayBuffer)) {
        const ids = held as IdColumn;
        ids.bytes = Buffer.from(column.bytes);
        ids.ends = new Uint32Array(column.ends);
        ids.mayHaveNull = column.mayHaveNull;
        buffer.#capacity = ids.ends.length;
      } else {
        const values = held instanceof Uint8Array ? new Uint8Array(column) : new Float64Array(column);
        buffer.columns[i] = values;
        if (!buffer.#isShared[i]) buffer.#capacity = values.length;
      }
    }
    buffer.rows = rows;
    if (starts !== null) buffer.starts = new Uint32Array(starts);
    buffer.#stretches = stretches;
    return buffer;
  }

  /** Takes rows as they were put aside: `starts` and the columns are filled by the caller. */
  restore(rows: number, stretches: number): void {
    this.#reserve(rows, stretches);
    this.rows = rows;
    this.#stretches = stretches;
  }
}

/** What says which rows share a value: a batch or a buffer. */
type Stretches = Pick<AnyBatch, 'starts' | 'stretches'>;

/** Rows of a stretch of a batch. */
export function rowsOf({ starts, stretches, count }: AnyBatch, stretch: number): number {
  if (starts === null) return 1;
  return (stretch + 1 < stretches ? (starts[stretch + 1] as number) : count) - (starts[stretch] as number);
}

function copyRange(to: HeldColumn, at: number, from: HeldColumn, start: number, count: number): void {
  (to as Float64Array).set((from as Float64Array).subarray(start, start + count), at);
}

/** One value for each of the places. */
function pickEach(
  to: HeldColumn,
  at: number,
  from: HeldColumn,
  order: Uint32Array,
  first: number,
  count: number,
): void {
  if (to instanceof Uint8Array) pickBytes(to, at, from as Uint8Array, order, first, count);
  else pickNumbers(to as Float64Array, at, from as Float64Array, order, first, count);
}

/** The first row and the number of rows of each stretch that is being picked. */
const picked = { starts: new Uint32Array(0), rows: new Uint32Array(0) };

function notePicked(batch: AnyBatch, order: Uint32Array, first: number, count: number): void {
  if (picked.starts.length < count) {
    picked.starts = new Uint32Array(count * 2);
    picked.rows = new Uint32Array(count * 2);
  }
  const starts = batch.starts as Uint32Array;
  const last = batch.stretches - 1;
  for (let n = 0; n < count; n++) {
    const stretch = order[first + n] as number;
    const start = starts[stretch] as number;
    picked.starts[n] = start;
    picked.rows[n] = (stretch < last ? (starts[stretch + 1] as number) : batch.count) - start;
  }
}

/** The values of all rows of the stretches that are picked. */
function pickRows(to: HeldColumn, at: number, from: HeldColumn, count: number): void {
  if (to instanceof Uint8Array) copyBytes(to, at, from as Uint8Array, count);
  else copyNumbers(to as Float64Array, at, from as Float64Array, count);
}

// One function for each kind of array, as with `pickBytes`: a loop that meets both is slower on either.
function copyBytes(to: Uint8Array, at: number, from: Uint8Array, count: number): void {
  const { starts, rows } = picked;
  let row = at;
  for (let n = 0; n < count; n++) {
    const start = starts[n] as number;
    const end = start + (rows[n] as number);
    for (let i = start; i < end; i++) to[row++] = from[i] as number;
  }
}

function copyNumbers(to: Float64Array, at: number, from: Float64Array, count: number): void {
  const { starts, rows } = picked;
  let row = at;
  for (let n = 0; n < count; n++) {
    const start = starts[n] as number;
    const end = start + (rows[n] as number);
    for (let i = start; i < end; i++) to[row++] = from[i] as number;
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
