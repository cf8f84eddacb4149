import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Of `os`: the thread that asks. */
const ITSELF = 0;
const TASKS = '/proc/self/task';
/** What libuv calls the threads of its pool. */
const POOL_THREAD = 'libuv-worker';

/**
 * The threads of the system's pool, once something has used it, give way to others by so much niceness, where cores are too few
 * for all: each step is a weight a fifth less. So do those that they began, which bear their name, like the database engine's.
 * Only Linux has priorities of threads; elsewhere, and where a container forbids it, nothing changes.
 * @returns how many there are
 */
export function poolGivesWay(niceness: number): number {
  if (process.platform !== 'linux') return 0;
  const threads = poolThreads();
  for (const thread of threads) lower(thread, niceness);
  return threads.length;
}

/** Their numbers. */
export function poolThreads(): number[] {
  try {
    return readdirSync(TASKS).filter(isOfPool).map(Number);
  } catch {
    // A container without these files: then it is not known which they are.
    return [];
  }
}

function isOfPool(thread: string): boolean {
  try {
    return readFileSync(`${TASKS}/${thread}/comm`, 'utf8').trim() === POOL_THREAD;
  } catch {
    // It has just ended.
    return false;
  }
}

function lower(thread: number, niceness: number): void {
  try {
    setPriority(thread, Math.min(getPriority(ITSELF) + niceness, 19));
  } catch {
    // A container may forbid it: the thread then takes its turn like all others.
  }
}
