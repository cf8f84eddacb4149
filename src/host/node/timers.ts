import type { Timers } from '../host.ts';

/** `setTimeout` takes a longer wait for no wait at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** The real timers; a wait is 24 days at most. They keep the process alive: a recorder ends by being stopped. */
export const nodeTimers: Timers = {
  set: (ms, run) => ({ timer: setTimeout(run, Math.min(ms, LONGEST_MS)) }),
  clear: (handle) => clearTimeout(handle.timer as NodeJS.Timeout),
};
