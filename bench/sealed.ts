import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeDisk, nodeTimers } from '../src/host/index.ts';
import { densify, JournalWriter } from '../src/journal/index.ts';
import { machine, table } from './figures.ts';
import { Random } from './flood/random.ts';
import { FIRST_TIME, nameOf, Script } from './flood/script.ts';

/**
 * `npm run bench:sealed`: what a trade takes in a journal file: live, and sealed and densified. The trades are the flood's, whose
 * entropies `bench:entropy` sets against captured ones. What differs is how many share a read of the socket, and with it
 * a receive time, and the unit of the exchange's times: Binance spot sends µs where it is asked to, all else ms.
 *
 *     npm run bench:sealed -- [--messages 200000]
 */
const { values } = parseArgs({ options: { messages: { type: 'string', default: '200000' } } });
const MESSAGES = Number(values.messages);

interface Sizes {
  readonly live: number;
  readonly dense: number;
}

/** Bytes of the flood's trades in a journal file. `perRead`: how many share a read, on average. */
async function weigh(micros: boolean, perRead: number): Promise<Sizes> {
  const directory = mkdtempSync(join(tmpdir(), 'feedtape-bench-'));
  try {
    const writer = new JournalWriter({ disk: nodeDisk, directory, exchange: 'binance' });
    await writer.beginFile(FIRST_TIME, null);
    const random = new Random(3);
    let [ordinal, received, left] = [3, 0, 0];
    for (const { part, data } of new Script('trades', { messages: MESSAGES, micros }).messages()) {
      if (left-- < 1) {
        left = Math.floor(-Math.log(1 - random.uniform()) * (perRead - 1) + 0.5);
        const pushed = Number(/"E":(\d+)/.exec(data)?.[1]) * (micros ? 1 : 1000);
        received = Math.max(received + 1, pushed + 1500 + random.below(300));
      }
      const payload = Buffer.from(`{"stream":"${nameOf(part)}","data":${data}}`);
      writer.append(received, 12, ++ordinal, 'received', payload, 0, payload.length);
      if (writer.unsyncedBytes > 32 << 20) await new Promise(setImmediate);
    }
    const sealed = await writer.seal({ time: received + 1, link: 1, ordinal: 1 });
    await writer.close();
    if (sealed === null) throw new Error('the file was not sealed');
    const { path } = sealed.file;
    const live = statSync(path).size;
    const { kind } = await densify(path, { disk: nodeDisk, timers: nodeTimers, share: 1 });
    if (kind !== 'densified') throw new Error('the file was not densified');
    return { live: live / MESSAGES, dense: statSync(path).size / MESSAGES };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const rows: string[][] = [];
for (const micros of [false, true])
  for (const perRead of [1, 3, 300]) {
    const { live, dense } = await weigh(micros, perRead);
    rows.push([micros ? 'µs' : 'ms', String(perRead), live.toFixed(2), dense.toFixed(2)]);
  }
process.stdout.write(`${machine()}, ${MESSAGES} trades\n\n`);
process.stdout.write(
  table(['times in', 'trades a read', 'live, bytes a trade', 'sealed, bytes a trade'], rows),
);
