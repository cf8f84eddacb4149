import type { ExchangeBalance } from './messages.ts';
import type { Recording } from './recording.ts';

/**
 * The same signal again within this time is the same wish: a Ctrl-C reaches this process from the terminal and once
 * more from a parent that passes it on (npm does), ms.
 */
const ECHO_MS = 50;
/** `setTimeout` takes a longer wait for no wait at all, ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Longest time a stop spends on finishing store files, ms. Whoever sent a signal waits, and may kill next: the stop is
 * over within three seconds, and the next start finishes the rest. A run that ends by its own clock has time.
 */
const FINISH_MS: Readonly<Record<StopReason, number>> = {
  signal: 1500,
  time: 900_000,
  frames: 900_000,
  failure: 0,
};

export type StopReason = 'signal' | 'time' | 'frames' | 'failure';

/** Ends that a run has of its own; null: none. */
export interface StopWish {
  /** After this long, ms. */
  readonly afterMs: number | null;
  /** As soon as this is true. */
  readonly enough: (() => boolean) | null;
}

/** How often it is looked whether enough has come, ms. */
const LOOK_MS = 10;

/**
 * SIGINT, SIGTERM and SIGHUP from now on: `signalled` resolves with the first. Once a stop has begun, for whatever
 * reason, a further signal ends the process at once with 130. Make it before anything is started.
 */
export class StopSignals {
  readonly signalled: Promise<'signal'>;
  #stopping = false;

  constructor() {
    this.signalled = new Promise((resolve) => {
      let first = '';
      let firstAt = 0;
      const take = (signal: string): void => {
        const at = performance.now();
        if (signal === first && at - firstAt <= ECHO_MS) return;
        if (this.#stopping) endAtOnce();
        this.#stopping = true;
        first = signal;
        firstAt = at;
        resolve('signal');
      };
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, take);
    });
  }

  /** Resolves when the run should end: at a signal, when `failed` resolves, or when an end of its own has come. */
  async stopRequested({ afterMs, enough }: StopWish, failed: Promise<void>): Promise<StopReason> {
    const reasons: Promise<StopReason>[] = [this.signalled, failed.then(() => 'failure')];
    if (afterMs !== null) reasons.push(elapsed(afterMs).then(() => 'time'));
    if (enough !== null) reasons.push(come(enough).then(() => 'frames'));
    const why = await Promise.race(reasons);
    this.#stopping = true;
    return why;
  }
}

/**
 * Ends the process by SIGINT's own default, which a shell reports as 130. Not `process.exit`: that takes the recorder's
 * thread down in the middle of the engine's work, and the process would abort instead.
 */
function endAtOnce(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}

function come(enough: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (!enough()) return;
      clearInterval(look);
      resolve();
    }, LOOK_MS);
    look.unref();
  });
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wait = (leftMs: number): void => {
      const nowMs = Math.min(leftMs, LONGEST_TIMER_MS);
      setTimeout(() => (leftMs > nowMs ? wait(leftMs - nowMs) : resolve()), nowMs);
    };
    wait(ms);
  });
}

/**
 * Closes the connections and leaves nothing unsaved: new data stops, everything received becomes durable, journal
 * files are sealed, rows stored.
 * @returns the closing balance.
 * @throws Error where the recorder's thread failed on the way.
 */
export async function gracefulShutdown(
  recording: Recording,
  why: StopReason,
): Promise<readonly ExchangeBalance[]> {
  return recording.stop(FINISH_MS[why]);
}
