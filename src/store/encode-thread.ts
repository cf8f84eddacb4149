import { parentPort } from 'node:worker_threads';
import { giveWay } from '../host/index.ts';
import { encodeGroup } from './encode-group.ts';
import type { GroupAnswer, GroupMessage } from './group-encoder.ts';
import { RowBuffer } from './row-buffer.ts';

/**
 * A tenth of the usual weight: where cores are few, the recorder's thread goes first, since it is what everything waits for, and
 * what waits for this one has a bound.
 */
const NICENESS = 10;

/** The thread of `GroupEncoder`: row groups, one after the other. */
const port = parentPort;
if (port === null) throw new Error('this file is the entry of a thread');

giveWay(NICENESS);

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
