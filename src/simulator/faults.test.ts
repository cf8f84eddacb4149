import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAKE } from './fake-exchange.ts';
import { FaultPlan, parseFaults } from './faults.ts';
import { Random } from './random.ts';
import { runSimulator } from './run.ts';
import { readLines, TestClient } from './test-client.ts';

test('a list of faults is read, with parameters and without', () => {
  assert.deepEqual(parseFaults(''), []);
  assert.deepEqual(parseFaults('disconnect, malformed'), [
    { kind: 'disconnect', meanMs: 30_000 },
    { kind: 'malformed', probability: 0.005 },
  ]);
  assert.deepEqual(parseFaults('malformed:0.5,disconnect:500ms'), [
    { kind: 'malformed', probability: 0.5 },
    { kind: 'disconnect', meanMs: 500 },
  ]);
});

test('an unknown fault is refused with the names that are known', () => {
  assert.throws(() => parseFaults('disconect'), /"disconect".*disconnect, malformed/);
  assert.throws(() => parseFaults('toString'), { code: 'unknown-fault' });
  assert.throws(() => parseFaults('disconnect:soon'), { code: 'bad-parameter' });
  assert.throws(() => parseFaults('disconnect:0s'), { code: 'bad-parameter' });
  assert.throws(() => parseFaults('malformed:2'), { code: 'bad-parameter' });
  assert.throws(() => parseFaults('malformed:'), { code: 'bad-parameter' });
  assert.throws(() => parseFaults('malformed,malformed'), { code: 'repeated-fault' });
});

test('what a fault plan does follows from its seed', () => {
  const planned = (seed: string): unknown => {
    const plan = new FaultPlan(parseFaults('disconnect,malformed:0.3'), new Random(seed));
    return [
      plan.disconnectMs,
      plan.abrupt,
      ...Array.from({ length: 50 }, () => plan.broken('{"a":[1,2,3]}')),
    ];
  };
  assert.deepEqual(planned('1'), planned('1'));
  assert.notDeepEqual(planned('1'), planned('2'));
});

test('a broken copy is never JSON, and what is no object or array is left alone', () => {
  const plan = new FaultPlan(parseFaults('malformed:1'), new Random('1'));
  for (let n = 0; n < 500; n++) {
    const broken = plan.broken('{"a":[1,{"b":"}"}]}');
    assert.ok(broken !== null && broken.length > 0);
    assert.throws(() => JSON.parse(broken));
  }
  assert.equal(plan.broken('12345'), null);
  assert.equal(plan.broken('{'), null);
});

test('malformed adds broken frames and takes none of the proper ones away', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-faults-'));
  const ledger = join(folder, 'ledger.ndjson');
  const options = { port: 0, rate: 3000, faults: 'malformed:0.2', ledger };
  const simulator = await runSimulator(options, [FAKE], { note: () => undefined });
  t.after(() => rmSync(folder, { recursive: true }));
  const client = await TestClient.dial(`ws://127.0.0.1:${simulator.port}/fake/plain/feed`);
  client.say({ op: 'subscribe', symbol: 'BTCUSDT' });
  await client.until(() => client.got.length >= 300);
  const counts = await simulator.stop();
  await client.closed();
  const proper: number[] = [];
  let broken = 0;
  for (const text of client.got.slice(2)) {
    try {
      proper.push(JSON.parse(text).n);
    } catch {
      broken++;
    }
  }
  assert.ok(broken > 20, `${broken} broken`);
  assert.deepEqual(
    proper,
    proper.map((_, index) => index + 1),
  );
  const marked = readLines(ledger).filter(({ fault }) => fault === 'malformed');
  assert.deepEqual([marked.length, counts.malformed], [broken, broken]);
});

test('disconnect ends connections, some with 1001 and some without a word, and the ledger counts their frames', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-faults-'));
  const ledger = join(folder, 'ledger.ndjson');
  const options = { port: 0, rate: 2000, faults: 'disconnect:20ms', ledger };
  const simulator = await runSimulator(options, [FAKE], { note: () => undefined });
  t.after(() => rmSync(folder, { recursive: true }));
  const url = `ws://127.0.0.1:${simulator.port}/fake/plain/feed`;
  const codes = new Set<number>();
  const received = new Map<number, string[]>();
  for (let n = 0; n < 60 && codes.size < 2; n++) {
    const client = await TestClient.dial(url);
    if (client.socket.readyState === client.socket.OPEN) client.say({ op: 'subscribe', symbol: 'BTCUSDT' });
    codes.add((await client.closed()).code);
    received.set(client.number, client.got);
  }
  const counts = await simulator.stop();
  assert.deepEqual([...codes].sort(), [1001, 1006]);
  assert.equal(counts.disconnects, received.size);
  const lines = readLines(ledger);
  for (const [number, got] of received) {
    const sent = lines.filter(({ t: kind, conn }) => kind === 'recv' && conn === number);
    const close = lines.find(({ t: kind, conn }) => kind === 'close' && conn === number);
    assert.equal(close?.frames, sent.length);
    // An abrupt end may lose the last frames, never others.
    assert.deepEqual(
      got,
      sent.slice(0, got.length).map(({ data }) => data),
    );
    if (close?.code === 1001) assert.equal(got.length, sent.length);
  }
});
