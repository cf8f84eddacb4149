import type { ExchangeBalance } from './messages.ts';
import type { Recording } from './recording.ts';

/** Exit code of a second signal: it ends at once. */
const SECOND_SIGNAL = 130;

/**
 * Resolves when the run should end: SIGINT, SIGTERM, `afterMs` milliseconds, or `failed` resolving. From then on a
 * further signal ends the process at once with 130.
 */
export function stopRequested(
  afterMs: number | null,
  failed: Promise<void>,
): Promise<'signal' | 'time' | 'failure'> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (why: 'signal' | 'time' | 'failure'): void => {
      if (asked && why === 'signal') process.exit(SECOND_SIGNAL);
      asked = true;
      resolve(why);
    };
    process.on('SIGINT', () => ask('signal'));
    process.on('SIGTERM', () => ask('signal'));
    failed.then(
      () => ask('failure'),
      () => ask('failure'),
    );
    if (afterMs !== null) setTimeout(() => ask('time'), afterMs);
  });
}

/**
 * Closes the connections and leaves nothing unsaved: new data stops, everything received becomes durable, journal
 * files are sealed, rows stored.
 * @returns the closing balance.
 */
export async function gracefulShutdown(recording: Recording): Promise<readonly ExchangeBalance[]> {
  return recording.stop();
}
