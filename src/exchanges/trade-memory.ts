import type { Json } from '../record/index.ts';

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
  readonly #texts = new Map<number, Set<string>>();
  readonly #rings = new Map<number, Float64Array>();
  /** What was remembered since `mark`, to be taken back: a text, or a place in a ring and what it held. */
  readonly #added: (
    | { ids: Set<string>; id: string }
    | { ring: Float64Array; place: number; before: number }
  )[] = [];
  #lastStream = -1;
  #lastRing: Float64Array = new Float64Array(0);

  /** True the first time an id is seen on this stream; remembers it. */
  isNew(stream: number, id: string): boolean {
    let ids = this.#texts.get(stream);
    if (ids === undefined) {
      ids = new Set();
      this.#texts.set(stream, ids);
    }
    if (ids.has(id)) return false;
    ids.add(id);
    this.#added.push({ ids, id });
    if (ids.size > IDS_PER_STREAM) {
      const oldest = ids.values().next();
      if (!oldest.done) ids.delete(oldest.value);
    }
    return true;
  }

  /** The same for ids that are whole numbers from 0 and rise nearly by one. */
  isNewNumber(stream: number, id: number): boolean {
    const ring = stream === this.#lastStream ? this.#lastRing : this.#ringOf(stream);
    const place = id % IDS_PER_STREAM;
    const before = ring[place] as number;
    if (before === id) return false;
    ring[place] = id;
    this.#added.push({ ring, place, before });
    return true;
  }

  #ringOf(stream: number): Float64Array {
    let ring = this.#rings.get(stream);
    if (ring === undefined) {
      ring = new Float64Array(IDS_PER_STREAM).fill(NO_ID);
      this.#rings.set(stream, ring);
    }
    this.#lastStream = stream;
    this.#lastRing = ring;
    return ring;
  }

  /** Starts a frame: what is remembered from here can be taken back. */
  mark(): void {
    if (this.#added.length > 0) this.#added.length = 0;
  }

  /** Forgets what was remembered since `mark`: the frame's decoding failed and its rows were taken back. */
  rollback(): void {
    for (const added of this.#added.reverse()) {
      if ('id' in added) added.ids.delete(added.id);
      else added.ring[added.place] = added.before;
    }
    this.mark();
  }

  /** The ids by stream, oldest first; `nameOf` turns a code into a key that outlives this process. */
  state(nameOf: (stream: number) => string): Json {
    const state: Record<string, Json> = {};
    for (const [stream, ids] of this.#texts) state[nameOf(stream)] = [...ids];
    for (const [stream, ring] of this.#rings) state[nameOf(stream)] = [...ring].filter((id) => id !== NO_ID);
    return state;
  }

  /** Takes back the ids of one stream: texts or numbers, as `state` gave them. */
  restore(stream: number, ids: readonly (string | number)[]): void {
    if (typeof ids[0] !== 'number') {
      this.#texts.set(stream, new Set(ids.slice(-IDS_PER_STREAM).map(String)));
      return;
    }
    const ring = this.#ringOf(stream);
    for (const id of ids) if (typeof id === 'number') ring[id % IDS_PER_STREAM] = id;
  }
}
