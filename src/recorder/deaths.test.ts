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

test('a frame is skipped once two starts died at it, in its own file only, and stays skipped', async (t) => {
  const data = scratch(t);
  const begin = (file = 'd/one'): Promise<DeathWatch> => DeathWatch.begin(nodeDisk, data, 'x', file);
  const frame = (ordinal: number): Frame => textFrame(1, 7, ordinal, 'received', 'm');
  const dieAt = async (ordinal: number): Promise<DeathWatch> => {
    const watch = await begin();
    for (let at = 1; at <= ordinal; at++) watch.before(frame(at));
    return watch;
  };
  for (const deaths of [await dieAt(12), await dieAt(12), await dieAt(12)])
    assert.deepEqual([...deaths.skipped], []);
  const fourth = await dieAt(20);
  assert.deepEqual([fourth.found, [...fourth.skipped]], ['7-12', ['7-12']]);
  assert.equal((await dieAt(20)).found, null, 'another guilty frame needs two deaths of its own');
  const sixth = await begin();
  assert.deepEqual([...sixth.skipped].sort(), ['7-12', '7-20']);
  await sixth.survived();
  const later = await begin();
  assert.deepEqual([later.found, [...later.skipped].sort()], [null, ['7-12', '7-20']]);
  await later.survived();
  assert.deepEqual([...(await begin('d/two')).skipped], []);
  assert.deepEqual([...(await readSkipped(nodeDisk, data, 'x')).keys()], ['d/one']);
});

test('starts that a person killed at different frames make no frame guilty', async (t) => {
  const data = scratch(t);
  for (let ordinal = 1; ordinal <= 8; ordinal++) {
    const watch = await DeathWatch.begin(nodeDisk, data, 'x', 'd/one');
    assert.deepEqual([watch.found, [...watch.skipped]], [null, []]);
    watch.before(textFrame(1, 7, ordinal, 'received', 'm'));
  }
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
  const engine = new store.StoreEngine({ memory: '200MB', threads: 1, temporaryDirectory: data + '/scratch' });
  await recover.recoverExchange(exchange, { setup: { data }, disk: host.nodeDisk, engine, log: (level, message) => console.log(message) });
  process.exit(0);
`;

test('a frame that kills the process is skipped once two starts are known to have died at it; all other rows are made', async (t) => {
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
  for (let death = 1; death <= 3; death++) assert.equal(start().status, 9, `start ${death}`);
  const last = start();
  assert.equal(last.status, 0, last.stderr);
  assert.match(last.stdout, /two starts died at this frame/);
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
