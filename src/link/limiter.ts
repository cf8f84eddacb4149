/** Waits between requests of one kind for one stream, ms: the first goes at once, then they double. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** After this long without a request the wait starts over, ms. */
const CALM_MS = 60_000;

interface Entry {
  tries: number;
  lastMs: number;
  waiting: boolean;
}

/**
 * Limits what a decoder may ask per stream, so that a book that breaks again and again cannot flood an exchange.
 * A request while the same one waits is dropped: it asks for the same thing.
 */
export class RequestLimiter {
  readonly #entries = new Map<string, Entry>();

  /** How long this request has to wait, ms; null where the same is waiting already. Call `started` when it goes out. */
  wait(key: string, nowMs: number): number | null {
    const entry = this.#entries.get(key) ?? { tries: 0, lastMs: Number.NEGATIVE_INFINITY, waiting: false };
    this.#entries.set(key, entry);
    if (entry.waiting) return null;
    if (nowMs - entry.lastMs > CALM_MS) entry.tries = 0;
    entry.waiting = true;
    if (entry.tries === 0) return 0;
    const step = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (entry.tries - 1));
    return Math.max(0, entry.lastMs + step - nowMs);
  }

  /** The link closed, and what waited went with it: nothing waits any more. Waits between requests stay. */
  linkClosed(): void {
    for (const entry of this.#entries.values()) entry.waiting = false;
  }

  started(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.waiting = false;
    entry.tries++;
    entry.lastMs = nowMs;
  }
}
