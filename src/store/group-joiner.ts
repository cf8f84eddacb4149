import type { GroupRows } from './encode-group.ts';
import type { RowBuffer } from './row-buffer.ts';
import type { StreamRows } from './stream-rows.ts';
import type { RowLimits } from './table-rows.ts';

/** Joins rows of several names, in their order, into as many row groups as they need. */
export class GroupJoiner {
  readonly #exchange: string;
  readonly #isDense: boolean;
  readonly #limits: RowLimits;
  readonly #make: () => RowBuffer;
  #rows: RowBuffer | null = null;
  #spans: GroupRows['spans'][number][] = [];

  constructor(exchange: string, isDense: boolean, limits: RowLimits, make: () => RowBuffer) {
    this.#limits = limits;
    this.#exchange = exchange;
    this.#isDense = isDense;
    this.#make = make;
  }

  /** Adds rows of one name; yields the groups that get full. */
  *add(stream: StreamRows, from: RowBuffer): Generator<GroupRows> {
    const { groupRows, textBytes } = this.#limits;
    for (let at = 0; at < from.rows; ) {
      this.#rows ??= this.#make();
      const isLarge = this.#rows.textBytes + from.textBytes >= textBytes;
      const count = isLarge ? 1 : Math.min(from.rows - at, groupRows - this.#rows.rows);
      this.#rows.appendFrom(from, at, count);
      const span = this.#spans.at(-1);
      if (span?.names === stream.names)
        this.#spans[this.#spans.length - 1] = { names: span.names, rows: span.rows + count };
      else this.#spans.push({ names: stream.names, rows: count });
      at += count;
      if (this.#rows.rows === groupRows || this.#rows.textBytes >= textBytes) yield* this.end();
    }
  }

  /** Yields what was added last, if anything. */
  *end(): Generator<GroupRows> {
    const rows = this.#rows;
    if (rows === null) return;
    yield { exchange: this.#exchange, rows, spans: this.#spans, isDense: this.#isDense };
    this.#rows = null;
    this.#spans = [];
  }
}
