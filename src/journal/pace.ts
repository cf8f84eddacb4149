import type { Timers } from '../host/index.ts';

export interface PaceOptions {
  readonly timers: Timers;
  /** Greatest share of one core that the work may take, above 0, at most 1; the rest of the time it pauses. */
  readonly share?: number;
  /** Ends the work at its next step, or at once in a pause. */
  readonly signal?: AbortSignal;
  /** Monotonic, ms. */
  readonly now?: () => number;
}

/** Lets work be done in steps, pauses after each so that it keeps to its share of the time, and ends at the signal. */
export class Pace {
  readonly #timers: Timers;
  readonly #signal: AbortSignal | null;
  readonly #now: () => number;
  readonly #pausePerWork: number;

  constructor({ timers, share = 0.5, signal, now = () => performance.now() }: PaceOptions) {
    if (!(share > 0 && share <= 1)) throw new RangeError(`a share of ${share} is not above 0 and at most 1`);
    this.#timers = timers;
    this.#signal = signal ?? null;
    this.#now = now;
    this.#pausePerWork = 1 / share - 1;
  }

  /** Throws the signal's reason where it has come. */
  check(): void {
    this.#signal?.throwIfAborted();
  }

  async working<T>(step: () => T | Promise<T>): Promise<T> {
    this.check();
    const start = this.#now();
    const done = await step();
    await this.#pause((this.#now() - start) * this.#pausePerWork);
    this.check();
    return done;
  }

  /** Even a pause of nothing lets others have their turn. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const signal = this.#signal;
      const end = (): void => {
        signal?.removeEventListener('abort', end);
        this.#timers.clear(handle);
        resolve();
      };
      const handle = this.#timers.set(ms, end);
      signal?.addEventListener('abort', end);
    });
  }
}
