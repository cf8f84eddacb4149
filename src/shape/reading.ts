import { DecimalReader } from '../record/index.ts';
import type { ScopePlan, Shape } from './compile.ts';
import type { ListSlot, NumberSlot, TextSlot } from './slots.ts';

/** Cells a list keeps room for between messages; one that a giant message made larger is given back. */
const KEPT_CELLS = 16_384;

/** Rows of cells: each a number, and the span of a text in the reading's bytes (start -1: none). */
export class Cells {
  numbers: Float64Array;
  starts: Int32Array;
  ends: Int32Array;
  count = 0;
  /** Whether all rows are those of `addLevels`: no number is missing, none is negative. */
  isPlain = true;
  /** Converts decimals beyond the fast path; its count is of the present message alone. */
  readonly decimals: DecimalReader;
  readonly stride: number;
  readonly #optionalSlots: readonly number[];

  constructor(plan: ScopePlan, rows: number, decimals: DecimalReader) {
    this.decimals = decimals;
    this.stride = plan.stride;
    this.#optionalSlots = plan.optionalSlots;
    this.numbers = new Float64Array(rows * plan.stride);
    this.starts = new Int32Array(rows * plan.stride);
    this.ends = new Int32Array(rows * plan.stride);
  }

  /** Forgets all rows. */
  clear(): void {
    this.count = 0;
    this.isPlain = true;
    if (this.numbers.length > KEPT_CELLS) this.#resize(this.stride * 8);
  }

  /** Adds a row whose optional cells are empty; returns the index of its first cell. */
  next(): number {
    const base = this.count * this.stride;
    if (base + this.stride > this.numbers.length) this.#resize((base + this.stride) * 2);
    this.count++;
    this.isPlain = false;
    for (let i = 0; i < this.#optionalSlots.length; i++) {
      const cell = base + (this.#optionalSlots[i] as number);
      this.numbers[cell] = Number.NaN;
      this.starts[cell] = -1;
      this.ends[cell] = -1;
    }
    return base;
  }

  /**
   * Adds levels, `count` pairs of numbers from zero up, to cells that have a price and an amount and nothing else. Nobody can ask
   * for their texts, which are not kept.
   */
  addLevels(numbers: Float64Array, count: number): void {
    const base = this.count * this.stride;
    const cells = count * this.stride;
    if (base + cells > this.numbers.length) this.#resize((base + cells) * 2);
    const to = this.numbers;
    for (let i = 0; i < cells; i++) to[base + i] = numbers[i] as number;
    this.count += count;
  }

  #resize(cells: number): void {
    const { numbers, starts, ends } = this;
    const kept = Math.min(this.count * this.stride, cells);
    this.numbers = new Float64Array(cells);
    this.starts = new Int32Array(cells);
    this.ends = new Int32Array(cells);
    this.numbers.set(numbers.subarray(0, kept));
    this.starts.set(starts.subarray(0, kept));
    this.ends.set(ends.subarray(0, kept));
  }
}

/**
 * The values of the message read last, by slot: valid until the next message is read. Texts are spans of bytes, in
 * the frame or in a scratch of the reference reader; they become strings only where somebody asks.
 */
export class Reading {
  /** Where the texts are. */
  bytes: Buffer = Buffer.alloc(0);
  /** The same bytes, to be read by words. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Counts inexact numbers of the present message. */
  readonly decimals = new DecimalReader();
  readonly root: Cells;
  readonly lists: readonly Cells[];
  /** Whether the present message was put into the memory of `level-lists.ts`; another reading's may have taken its place. */
  wasHeld = false;

  constructor(shape: Shape) {
    this.root = new Cells(shape.scope, 1, this.decimals);
    this.lists = shape.lists.map((plan) => new Cells(plan, 32, this.decimals));
  }

  /** Forgets the last message; the next one is in `bytes`. */
  begin(bytes: Buffer): void {
    if (bytes !== this.bytes) this.#look(bytes);
    this.wasHeld = false;
    this.root.count = 0;
    this.root.next();
    for (let i = 0; i < this.lists.length; i++) (this.lists[i] as Cells).clear();
    this.decimals.inexact = 0;
  }

  #look(bytes: Buffer): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** A number; NaN where an optional field is absent. Flags are 1 and 0, choices the index of their text. */
  number(slot: NumberSlot): number {
    return this.root.numbers[slot] as number;
  }

  /** False where an optional text is absent. */
  hasText(slot: TextSlot): boolean {
    return (this.root.starts[slot] as number) >= 0;
  }

  /** A text as a string; empty where it is absent. */
  text(slot: TextSlot): string {
    const start = this.root.starts[slot] as number;
    return start < 0 ? '' : this.bytes.toString('utf8', start, this.root.ends[slot]);
  }

  /** The span of a text in `bytes`. */
  start(slot: TextSlot): number {
    return this.root.starts[slot] as number;
  }

  end(slot: TextSlot): number {
    return this.root.ends[slot] as number;
  }

  /** Whether a text is this one. */
  equals(slot: TextSlot, expected: Uint8Array): boolean {
    return sameBytes(this.bytes, this.root.starts[slot] as number, this.root.ends[slot] as number, expected);
  }

  /** How many items a list has. */
  count(slot: ListSlot<unknown>): number {
    return (this.lists[slot] as Cells).count;
  }

  /** The numbers of a list's items, all in one array: that of slot `s` in item `i` is at `i * stride + s`. */
  numbersOf(list: ListSlot<unknown>): Pick<Cells, 'numbers' | 'stride' | 'count' | 'isPlain'> {
    return this.lists[list] as Cells;
  }

  numberAt(list: ListSlot<unknown>, item: number, slot: NumberSlot): number {
    const cells = this.lists[list] as Cells;
    return cells.numbers[item * cells.stride + slot] as number;
  }

  textAt(list: ListSlot<unknown>, item: number, slot: TextSlot): string {
    const start = this.startAt(list, item, slot);
    return start < 0 ? '' : this.bytes.toString('utf8', start, this.endAt(list, item, slot));
  }

  startAt(list: ListSlot<unknown>, item: number, slot: TextSlot): number {
    const cells = this.lists[list] as Cells;
    return cells.starts[item * cells.stride + slot] as number;
  }

  endAt(list: ListSlot<unknown>, item: number, slot: TextSlot): number {
    const cells = this.lists[list] as Cells;
    return cells.ends[item * cells.stride + slot] as number;
  }

  equalsAt(list: ListSlot<unknown>, item: number, slot: TextSlot, expected: Uint8Array): boolean {
    return sameBytes(this.bytes, this.startAt(list, item, slot), this.endAt(list, item, slot), expected);
  }
}

function sameBytes(bytes: Buffer, start: number, end: number, expected: Uint8Array): boolean {
  if (start < 0 || end - start !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
