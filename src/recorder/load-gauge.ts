/** Load lasts when this share of the pool's chunks has waited for this long. */
const LOADED_SHARE = 0.5;
const LOADED_MS = 15_000;

/** Tells a load that lasts from a burst. */
export class LoadGauge {
  readonly #chunksMin: number;
  /** Since when many chunks have waited, ms; null while few do. */
  #since: number | null = null;

  /** @param pool chunks that may wait at most */
  constructor(pool: number) {
    this.#chunksMin = pool * LOADED_SHARE;
  }

  /** Takes how many chunks wait now, at a monotonic time in ms; true while many have waited for long. */
  lasts(waiting: number, nowMs: number): boolean {
    if (waiting < this.#chunksMin) {
      this.#since = null;
      return false;
    }
    this.#since ??= nowMs;
    return nowMs - this.#since >= LOADED_MS;
  }

  /** Counts anew: something was done about the load. */
  restart(): void {
    this.#since = null;
  }
}
