import { type Column, sortColumns, stretchAt, type Table } from '../record/index.ts';
import { compareTexts } from './codes.ts';
import { heldColumns } from './columns.ts';
import type { RowNames } from './encode-group.ts';
import { RowBuffer } from './row-buffer.ts';
import type { Segment } from './spill.ts';

/** Rows that a name's first buffer begins with; it doubles. */
const CAPACITY_FIRST = 8;

/**
 * The rows of one name (market, symbol, feed) of a table that are in no row group yet, in the order they came: first
 * what was put aside on disk, then what is in memory.
 */
export class StreamRows {
  readonly names: RowNames;
  readonly #table: Table;
  #open: RowBuffer | null = null;
  /** Rows that a new buffer begins with: as many as the one before had when it was taken. */
  #capacity = CAPACITY_FIRST;
  /** Whether rows were put aside: then all that follow are as well, since row groups stand before them. */
  isAside = false;
  /** Rows put aside that are on disk, in their order. */
  readonly aside: Segment[] = [];
  /** False from the first row on that came behind one it stands before in a file. */
  isInOrder = true;
  /** The columns that decide the order within a name, as places in a buffer. */
  readonly #keys: readonly number[];
  /** Those of the last row of the buffer before. */
  #last: number[] | null = null;

  constructor(table: Table, names: RowNames) {
    this.names = names;
    this.#table = table;
    this.#keys = keysOf(table);
  }

  /** The rows in memory. A name that is quiet has no buffer: there may be thousands of them. */
  get open(): RowBuffer {
    this.#open ??= new RowBuffer(this.#table, this.#capacity);
    return this.#open;
  }

  /** How many rows are in memory. */
  get rows(): number {
    return this.#open?.rows ?? 0;
  }

  /** Bytes of their texts. */
  get textBytes(): number {
    return this.#open?.textBytes ?? 0;
  }

  /** Bytes of memory held for them. */
  get memory(): number {
    return this.#open?.memory ?? 0;
  }

  /** Gives back memory that few rows hold. */
  compact(): void {
    const open = this.#open;
    if (open === null) return;
    this.#capacity = Math.max(CAPACITY_FIRST, open.rows);
    this.#open = new RowBuffer(this.#table, this.#capacity);
    this.#open.appendFrom(open, 0, open.rows);
  }

  /**
   * Looks whether the rows from `start` on stand in their order. A stretch begins there; within one, `row` counts on, so
   * its first row is looked at alone.
   */
  checkOrder(start: number): void {
    if (!this.isInOrder) return;
    const { open } = this;
    const { starts, stretches } = open;
    const keys = this.#keys.map((key) => open.columns[key] as Float64Array);
    const leading = keys[0] as Float64Array;
    const first = starts === null ? start : stretchAt(starts, stretches, start);
    let before = first > 0 ? (leading[first - 1] as number) : (this.#last?.[0] ?? Number.NEGATIVE_INFINITY);
    for (let i = first; i < stretches; i++) {
      const value = leading[i] as number;
      if (value > before) {
        before = value;
        continue;
      }
      if (!(value === before) || !this.#follows(keys, i, open)) {
        this.isInOrder = false;
        return;
      }
    }
  }

  /** Whether row or stretch `i`, equal to the one before in the leading key, stands behind it by the others. */
  #follows(keys: readonly Float64Array[], i: number, open: RowBuffer): boolean {
    for (let n = 1; n < keys.length; n++) {
      const key = keys[n] as Float64Array;
      let before = i > 0 ? (key[i - 1] as number) : (this.#last?.[n] ?? Number.NEGATIVE_INFINITY);
      // The last key is `row`, which is that of a stretch's first row.
      if (n === keys.length - 1 && i > 0) before += rowsBefore(open, i) - 1;
      const value = key[i] as number;
      if (value !== before) return value > before;
    }
    return false;
  }

  /** Takes the open rows out; `next` is what the following ones go to. */
  take(next: RowBuffer | null): RowBuffer {
    const { open } = this;
    const last = open.stretches - 1;
    if (last >= 0) {
      this.#last = this.#keys.map((key) => (open.columns[key] as Float64Array)[last] as number);
      // The last key is `row`.
      this.#last[this.#keys.length - 1] = (this.#last.at(-1) as number) + rowsBefore(open, last + 1) - 1;
    }
    this.#open = next;
    this.#capacity = Math.max(CAPACITY_FIRST, open.rows);
    return open;
  }
}

/** Rows of the stretch before stretch `i`. */
function rowsBefore({ starts, stretches, rows }: RowBuffer, i: number): number {
  if (starts === null) return 1;
  return (i < stretches ? (starts[i] as number) : rows) - (starts[i - 1] as number);
}

function keysOf(table: Table): number[] {
  const names = heldColumns(table).map(({ name }: Column) => name);
  return sortColumns(table)
    .map((name) => names.indexOf(name))
    .filter((place) => place >= 0);
}

/** The order in which names stand in a file: by market, symbol and feed, what is null behind the rest. */
export function compareNames(one: RowNames, other: RowNames): number {
  for (const name of ['market', 'symbol', 'feed'] as const) {
    const [a, b] = [one[name], other[name]];
    if (a === b) continue;
    if (a === null) return 1;
    if (b === null) return -1;
    return compareTexts(a, b);
  }
  return 0;
}
