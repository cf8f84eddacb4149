import type { Json } from '../record/index.ts';
import { ID_BYTES_MAX, IdRing } from './id-ring.ts';

/** How many ids are remembered per stream: more than any exchange repeats after a reconnect (Bitfinex 30). */
const IDS_PER_STREAM = 2048;
/** An empty place of a ring. */
const NO_ID = -1;

/**
 * Remembers the latest trade ids per stream, across links and runs, so that a trade which a snapshot repeats after a
 * reconnect is written once. Bounded: the oldest id is forgotten first.
 *
 * Ids that are numbers and rise nearly by one live in a ring: id n has the place n modulo the ring's length, and is
 * known while no later id has taken that place. A stream uses texts or numbers, never both.
 */
export class TradeMemory {
  readonly #texts = new Map<number, IdRing>();
  readonly #numbers = new Map<number, Float64Array>();
  #lastTextStream = -1;
  #lastTexts = new IdRing(IDS_PER_STREAM);
  #lastNumberStream = -1;
  #lastNumbers: Float64Array = new Float64Array(0);
  /** What was remembered since `mark`, to be taken back: rings of texts, and places of numbers with what they held. */
  readonly #addedTexts: IdRing[] = [];
  #addedTextCount = 0;
  readonly #addedRings: Float64Array[] = [];
  readonly #addedPlaces: number[] = [];
  readonly #addedBefore: number[] = [];
  #addedCount = 0;

  /** True the first time an id is seen on this stream; remembers it. */
  isNew(stream: number, id: string): boolean {
    const bytes = Buffer.from(id);
    return this.isNewBytes(stream, bytes, 0, bytes.length);
  }

  /** The same for the id in `bytes[start..end)`. */
  isNewBytes(stream: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > ID_BYTES_MAX) return true;
    const ids = stream === this.#lastTextStream ? this.#lastTexts : this.#textsOf(stream);
    if (!ids.add(bytes, start, end)) return false;
    this.#addedTexts[this.#addedTextCount++] = ids;
    return true;
  }

  /** The same for ids that are whole numbers from 0 and rise nearly by one. */
  isNewNumber(stream: number, id: number): boolean {
    const ring = stream === this.#lastNumberStream ? this.#lastNumbers : this.#numbersOf(stream);
    // The remainder: of ids above 32 bits `%` is a call.
    const place = id - Math.floor(id / IDS_PER_STREAM) * IDS_PER_STREAM;
    const before = ring[place] as number;
    if (before === id) return false;
    ring[place] = id;
    const count = this.#addedCount++;
    // Storing an object costs more than comparing it.
    if (this.#addedRings[count] !== ring) this.#addedRings[count] = ring;
    this.#addedPlaces[count] = place;
    this.#addedBefore[count] = before;
    return true;
  }

  #textsOf(stream: number): IdRing {
    let ids = this.#texts.get(stream);
    if (ids === undefined) {
      ids = new IdRing(IDS_PER_STREAM);
      this.#texts.set(stream, ids);
    }
    this.#lastTextStream = stream;
    this.#lastTexts = ids;
    return ids;
  }

  #numbersOf(stream: number): Float64Array {
    let ring = this.#numbers.get(stream);
    if (ring === undefined) {
      ring = new Float64Array(IDS_PER_STREAM).fill(NO_ID);
      this.#numbers.set(stream, ring);
    }
    this.#lastNumberStream = stream;
    this.#lastNumbers = ring;
    return ring;
  }

  /** Starts a frame: what is remembered from here can be taken back. */
  mark(): void {
    this.#addedTextCount = 0;
    this.#addedCount = 0;
  }

  /** Forgets what was remembered since `mark`: the frame's decoding failed and its rows were taken back. */
  rollback(): void {
    while (this.#addedTextCount > 0) this.#addedTexts[--this.#addedTextCount]?.removeLast();
    while (this.#addedCount > 0) {
      const count = --this.#addedCount;
      const ring = this.#addedRings[count] as Float64Array;
      ring[this.#addedPlaces[count] as number] = this.#addedBefore[count] as number;
    }
  }

  /** The ids by stream, oldest first; `nameOf` turns a code into a key that outlives this process. */
  state(nameOf: (stream: number) => string): Json {
    const state: Record<string, Json> = {};
    for (const [stream, ids] of this.#texts) state[nameOf(stream)] = ids.ids().map((id) => id.toString());
    for (const [stream, ring] of this.#numbers)
      state[nameOf(stream)] = [...ring].filter((id) => id !== NO_ID);
    return state;
  }

  /** Takes back the ids of one stream: texts or numbers, as `state` gave them. */
  restore(stream: number, ids: readonly (string | number)[]): void {
    if (typeof ids[0] === 'number') {
      const ring = this.#numbersOf(stream);
      for (const id of ids) if (typeof id === 'number') ring[id % IDS_PER_STREAM] = id;
      return;
    }
    for (const id of ids) this.isNew(stream, String(id));
    this.mark();
  }
}
