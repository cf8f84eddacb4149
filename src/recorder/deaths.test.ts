import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeDisk } from '../host/index.ts';
import { JournalWriter } from '../journal/index.ts';
import { type Frame, type Stream, textFrame } from '../record/index.ts';
import { createViews, openEngine } from '../store/index.ts';
import { DeathWatch, readSkipped } from './deaths.ts';

const streams: Stream[] = [{ market: 'spot', channel: 'trades', feed: 'trade', symbol: 'BTC' }];

function scratch(t: { after: (end: () => void) => void }): string {
  const data = mkdtempSync(join(tmpdir(), 'feedtape-deaths-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  return data;
}

test('the first death marks the file, the second names the frame, from the third start on it is skipped', async (t) => {
  const data = scratch(t);
  const begin = (file = 'd/one'): Promise<DeathWatch> => DeathWatch.begin(nodeDisk, data, 'x', file);
  const frame = (ordinal: number): Frame => textFrame(1, 7, ordinal, 'received', 'm');
  (await begin()).before(frame(1));
  const second = await begin();
  assert.deepEqual([...second.skipped], [], 'one death names nothing');
  for (let ordinal = 1; ordinal <= 12; ordinal++) second.before(frame(ordinal));
  const third = await begin();
  assert.equal(third.found, '7-12');
  assert.deepEqual([...third.skipped], ['7-12']);
  for (let ordinal = 1; ordinal <= 20; ordinal++) third.before(frame(ordinal));
  const fourth = await begin();
  assert.deepEqual([...fourth.skipped].sort(), ['7-12', '7-20'], 'another guilty frame is found too');
  await fourth.survived();
  const later = await begin();
  assert.deepEqual([later.found, [...later.skipped].sort()], [null, ['7-12', '7-20']], 'and stays skipped');
  await later.survived();
  assert.deepEqual([...(await begin('d/two')).skipped], [], 'in its own file only');
  assert.deepEqual([...(await readSkipped(nodeDisk, data, 'x')).keys()], ['d/one']);
});

/** A journal file of one link: trades 1 to 9, the fifth of which is poison. */
async function writeJournal(data: string): Promise<void> {
  const directory = join(data, 'journal', 'ids');
  const writer = new JournalWriter({ disk: nodeDisk, directory, exchange: 'ids' });
  let time = 1_795_341_600_000_000;
  await writer.beginFile(time, null);
  const line = (link: number, ordinal: number, kind: Frame['kind'], text: string): void => {
    const bytes = Buffer.from(text);
    writer.append(time++, link, ordinal, kind, bytes, 0, bytes.length);
  };
  line(1, 1, 'event', JSON.stringify({ event: 'file', format: 1, exchange: 'ids', links: [] }));
  const dialled = { event: 'dialled', exchange: 'ids', market: 'spot', url: 'ws://x', streams };
  line(2, 1, 'event', JSON.stringify(dialled));
  for (let id = 1; id <= 9; id++) line(2, id + 1, 'received', id === 5 ? 'poison' : String(id));
  await writer.seal({ time, link: 1, ordinal: 2 });
  await writer.close();
}

/** A start whose decoder ends the process at the poison, as a crash of an engine would. */
const START = `
  const [recover, store, host] = await Promise.all(['recorder/recover', 'store/index', 'host/index'].map((path) => import(process.argv[1] + path + '.ts')));
  const data = process.argv[2];
  const exchange = { name: 'ids', decoderVersion: 1, markets: {}, readRequest: () => ({ kind: 'other' }), openDecoder: (link, host) => ({
    sent() {}, rest: () => 'control', invalidate() {}, openingSnapshots() {}, routing: () => null, state: () => null,
    received(frame) {
      if (frame.text() === 'poison') process.exit(9);
      const stream = host.stream('trades', 'trade', 'BTC');
      host.heard(stream);
      host.rows.trade(stream, frame.time, frame.text(), 'buy', 1, 1);
      return 'rows';
    },
  }) };
  const { instance } = await store.openEngine({ memory: '200MB', threads: 1, temporaryDirectory: data + '/scratch' });
  await recover.recoverExchange(exchange, { setup: { data }, disk: host.nodeDisk, instance, log: (level, message) => console.log(message) }, 'v1');
  process.exit(0);
`;

test('a frame that kills the process kills two starts; the third makes all other rows and says what it skipped', async (t) => {
  const data = scratch(t);
  await writeJournal(data);
  const start = () => {
    const args = [
      '--input-type=module-typescript',
      '--eval',
      START,
      new URL('..', import.meta.url).href,
      data,
    ];
    return spawnSync(process.execPath, args, { encoding: 'utf8' });
  };
  assert.equal(start().status, 9);
  assert.equal(start().status, 9);
  const third = start();
  assert.equal(third.status, 0, third.stderr);
  assert.match(third.stdout, /two starts died at this frame/);
  const { instance, connection } = await openEngine({
    memory: '200MB',
    threads: 1,
    temporaryDirectory: join(data, 'scratch'),
  });
  await createViews(connection, data);
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
  assert.deepEqual(await rows("SELECT string_agg(id, ',' ORDER BY id) FROM trades"), [['1,2,3,4,6,7,8,9']]);
  assert.deepEqual(await rows('SELECT reason, sample, frame::INT FROM undecoded'), [
    ['decoder-error', 'poison', 6],
  ]);
  assert.deepEqual(await rows('SELECT cause, state FROM gaps'), [['decoder-error', 'closed']]);
  connection.closeSync();
  instance.closeSync();
});
