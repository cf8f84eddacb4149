import type { TimerHandle, Timers } from '../host/index.ts';

/** Longest queue; more than this many waiting acts is a fault of ours, and the newest is refused. */
const QUEUE_MAX = 20_000;

/** The longest ban that is documented (protocols/binance.md 12.1: HTTP 418, up to three days). */
const PAUSE_MAX_MS = 3 * 86_400_000;

/**
 * Runs acts one after the other, at least `intervalMs` apart: dials, messages and REST requests within an exchange's
 * limits. Bounded: `add` answers false when the queue is full, and the act is not run.
 */
export class Pacer {
  readonly #intervalMs: number;
  readonly #timers: Timers;
  readonly #queue: (() => void)[] = [];
  #timer: TimerHandle | null = null;
  readonly #pauses = new Set<TimerHandle>();

  constructor(intervalMs: number, timers: Timers) {
    this.#intervalMs = intervalMs;
    this.#timers = timers;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Runs the act now if the interval has passed, else in its turn. */
  add(act: () => void): boolean {
    if (this.#queue.length >= QUEUE_MAX) return false;
    this.#queue.push(act);
    if (this.#timer === null && this.#pauses.size === 0) this.#next();
    return true;
  }

  /**
   * Lets nothing run for at least `ms` (an exchange said: slow down), three days at most. A shorter pause does not end
   * a longer one.
   */
  pause(ms: number): void {
    const pause = this.#timers.set(Math.min(Math.max(0, ms), PAUSE_MAX_MS), () => {
      this.#pauses.delete(pause);
      if (this.#timer === null) this.#next();
    });
    this.#pauses.add(pause);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#queue.length = 0;
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
    for (const pause of this.#pauses) this.#timers.clear(pause);
    this.#pauses.clear();
  }

  #next(): void {
    this.#timer = null;
    if (this.#pauses.size > 0) return;
    const act = this.#queue.shift();
    this.#timer = act === undefined ? null : this.#timers.set(this.#intervalMs, () => this.#next());
    act?.();
  }
}
