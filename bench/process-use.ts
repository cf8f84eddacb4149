import { readFileSync } from 'node:fs';

/** What Linux counts of a process, with all its threads. */

/** Clock ticks a second in /proc: 100 on every Linux that Node runs on. */
const TICKS = 100;

function statFields(pid: number | 'self'): string[] | null {
  try {
    // The name in parentheses may hold spaces: fields are counted behind it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

/** CPU seconds of a running process; 0 once it is gone. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return fields === null ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** CPU seconds of all children of this process that have ended, to their very end. */
export function endedChildrenCpuSeconds(): number {
  const fields = statFields('self');
  return fields === null ? 0 : (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** Resident memory, bytes; null once it is gone. */
export function residentBytes(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null; // Gone: that is the answer.
  }
}
