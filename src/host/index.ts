/**
 * The outside world as small interfaces: clock, timers, dial, http, disk; `node/` holds the real ones, `net/` those of
 * the network, with a door of its own. Nothing here knows what is recorded.
 */
export type {
  Dialer,
  Disk,
  DiskFile,
  Http,
  Socket,
  SocketEvents,
  TapeClock,
  TimerHandle,
  Timers,
} from './host.ts';
export { type ClockSource, SlewedClock } from './node/clock.ts';
export { listTree, nodeDisk, syncDirectory } from './node/disk.ts';
export { freeMemory } from './node/memory.ts';
export { poolGivesWay } from './node/priority.ts';
export { nodeTimers } from './node/timers.ts';
