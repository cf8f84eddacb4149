import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { encodeGroup } from './encode-group.ts';
import type { GroupAnswer, GroupMessage } from './group-encoder.ts';
import { RowBuffer } from './row-buffer.ts';

/** The weight of a thread with this niceness is a tenth of the usual. */
const NICE = 10;

/** The thread of `GroupEncoder`: row groups, one after the other. */
const port = parentPort;
if (port === null) throw new Error('this file is the entry of a thread');

giveWay();

port.on('message', ({ id, rows: message, ...job }: GroupMessage) => {
  const rows = RowBuffer.arrived(message);
  let group: GroupAnswer['group'] = null;
  let error = '';
  try {
    group = encodeGroup({ ...job, rows });
  } catch (thrown) {
    error = (thrown as Error).stack ?? String(thrown);
  }
  const back = rows.leave();
  const answer: GroupAnswer = { id, group, error, rows: back.message };
  port.postMessage(answer, group === null ? back.transfer : [...back.transfer, group.bytes.buffer]);
});

/**
 * Where cores are few, the recorder's thread goes first: it is what everything waits for, and what waits for this one has a
 * bound. Only Linux has priorities of threads. Threads that this one began would have its priority too: it must not be the first
 * to use the system's pool.
 */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    // 0 is the thread that asks.
    setPriority(0, NICE);
  } catch {
    // A container may forbid it: the thread then takes its turn like all others.
  }
}
