import type { Timers } from '../host.ts';

/** The real timers. They keep the process alive: a recorder ends by being stopped. */
export const nodeTimers: Timers = {
  set: (ms, run) => ({ timer: setTimeout(run, ms) }),
  clear: (handle) => clearTimeout(handle.timer as NodeJS.Timeout),
};
