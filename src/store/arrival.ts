import { type AnyBatch, type StreamDictionary, sortColumns, type Table } from '../record/index.ts';

/** Rows a file may have to be sorted by their arrival: it has 32 bits. */
const COUNT_MAX = 2 ** 32;

/**
 * Watches whether the rows of each stream come in the order they will stand in (`sortColumns`): nearly always they do,
 * and then sorting by stream and number of arrival, a short key, gives the same order at half the cost.
 */
export class Arrival {
  /** Rows seen: the number the next one gets. */
  count = 0;
  /** False from the first row on that came behind one it will stand before. */
  #isInOrder = true;
  /** The streams seen, by their code. */
  readonly #streams = new Set<number>();
  readonly #first: string;
  /** The last row of each stream, by its code: four numbers each. */
  #last = new Float64Array(64).fill(Number.NEGATIVE_INFINITY);

  constructor(table: Table) {
    this.#first = sortColumns(table).find((name) => name === 'step' || name === 'local_timestamp') ?? '';
  }

  add(batch: AnyBatch): void {
    this.count += batch.count;
    if (!this.#isInOrder) return;
    const { stream } = batch.columns;
    const first = batch.array(this.#first) as Float64Array;
    const link = batch.array('link') as Float64Array;
    const frame = batch.array('frame') as Float64Array;
    const row = batch.array('row') as Float64Array;
    for (let i = 0; i < batch.count && this.#isInOrder; i++)
      this.#isInOrder = this.#follows(
        stream[i] as number,
        first[i] as number,
        link[i] as number,
        frame[i] as number,
        row[i] as number,
      );
  }

  /** True where (stream, arrival) is the order: not where two streams are one in it, as of two channels. */
  isOrder(dictionary: StreamDictionary): boolean {
    if (!this.#isInOrder || this.count > COUNT_MAX) return false;
    const names = new Set<string>();
    for (const code of this.#streams) {
      const entry = dictionary.entries[code];
      names.add(JSON.stringify([entry?.market, entry?.symbol, entry?.feed]));
    }
    return names.size === this.#streams.size;
  }

  #follows(stream: number, first: number, link: number, frame: number, row: number): boolean {
    const at = stream * 4;
    if (at >= this.#last.length) this.#grow(at + 4);
    const last = this.#last;
    const firstBefore = last[at] as number;
    if (firstBefore === Number.NEGATIVE_INFINITY) this.#streams.add(stream);
    if (!(first > firstBefore)) {
      if (first !== firstBefore) return false;
      const linkBefore = last[at + 1] as number;
      if (link < linkBefore) return false;
      if (link === linkBefore) {
        const frameBefore = last[at + 2] as number;
        if (frame < frameBefore || (frame === frameBefore && row <= (last[at + 3] as number))) return false;
      }
    }
    last[at] = first;
    last[at + 1] = link;
    last[at + 2] = frame;
    last[at + 3] = row;
    return true;
  }

  #grow(length: number): void {
    const grown = new Float64Array(Math.max(length, this.#last.length * 2)).fill(Number.NEGATIVE_INFINITY);
    grown.set(this.#last);
    this.#last = grown;
  }
}
