import type { Json } from '../record/index.ts';

/** How many ids are remembered per stream: more than any exchange repeats after a reconnect (Bitfinex 30). */
const IDS_PER_STREAM = 2048;

/**
 * Remembers the latest trade ids per stream, across links and runs, so that a trade which a snapshot repeats after a
 * reconnect is written once. Bounded: the oldest id is forgotten first.
 */
export class TradeMemory {
  readonly #seen = new Map<number, Set<string>>();
  readonly #added: { stream: number; id: string }[] = [];

  /** True the first time an id is seen on this stream; remembers it. */
  isNew(stream: number, id: string): boolean {
    let ids = this.#seen.get(stream);
    if (ids === undefined) {
      ids = new Set();
      this.#seen.set(stream, ids);
    }
    if (ids.has(id)) return false;
    ids.add(id);
    this.#added.push({ stream, id });
    if (ids.size > IDS_PER_STREAM) {
      const oldest = ids.values().next();
      if (!oldest.done) ids.delete(oldest.value);
    }
    return true;
  }

  /** Starts a frame: what is remembered from here can be taken back. */
  mark(): void {
    this.#added.length = 0;
  }

  /** Forgets what was remembered since `mark`: the frame's decoding failed and its rows were taken back. */
  rollback(): void {
    for (const { stream, id } of this.#added) this.#seen.get(stream)?.delete(id);
    this.#added.length = 0;
  }

  /** The ids by stream, oldest first; `nameOf` turns a code into a key that outlives this process. */
  state(nameOf: (stream: number) => string): Json {
    const state: Record<string, Json> = {};
    for (const [stream, ids] of this.#seen) state[nameOf(stream)] = [...ids];
    return state;
  }

  restore(stream: number, ids: readonly string[]): void {
    this.#seen.set(stream, new Set(ids.slice(-IDS_PER_STREAM)));
  }
}
