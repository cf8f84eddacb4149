import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FAKE } from './fake-exchange.ts';
import type { SimulateOptions } from './options.ts';
import { runSimulator } from './run.ts';
import { readLines, TestClient } from './test-client.ts';

const SUBSCRIBE = { op: 'subscribe', symbol: 'BTCUSDT' };

async function started(t: TestContext, options: Partial<SimulateOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-simulator-'));
  const ledger = join(folder, 'ledger.ndjson');
  const notes: string[] = [];
  const simulator = await runSimulator({ port: 0, ledger, rate: 2000, ...options }, [FAKE], {
    note: (text) => notes.push(text),
  });
  t.after(async () => {
    await simulator.stop();
    rmSync(folder, { recursive: true });
  });
  const base = `127.0.0.1:${simulator.port}/fake`;
  const dial = (path = 'plain/feed') => TestClient.dial(`ws://${base}/${path}`);
  const sentTo = (number: number): unknown[] =>
    readLines(ledger)
      .filter(({ t: kind, conn }) => kind === 'recv' && conn === number)
      .map(({ data }) => data);
  return { simulator, ledger, notes, base, dial, sentTo };
}

test('a client gets the greeting, its ack, and numbered data; the ledger has exactly that, in order', async (t) => {
  const { simulator, ledger, dial, sentTo } = await started(t);
  const clients = await Promise.all([dial(), dial('plain/feed?x=1')]);
  for (const client of clients) client.say(SUBSCRIBE);
  for (const client of clients) await client.until(() => client.got.length >= 100);
  const counts = await simulator.stop();
  for (const client of clients) {
    assert.deepEqual(await client.closed(), { code: 1001, reason: 'the simulator stops' });
    assert.deepEqual(client.got, sentTo(client.number));
    assert.match(client.got[0] ?? '', /^\{"hello":"(\?x=1)?","host":"fake.example"\}$/);
    assert.equal(client.got[1], '{"ack":"BTCUSDT"}');
    client.got.slice(2).forEach((text, index) => {
      assert.equal(JSON.parse(text).n, index + 1);
    });
  }
  assert.deepEqual(clients.map(({ number }) => number).sort(), [1, 2]);
  const lines = readLines(ledger);
  const kinds = lines.filter(({ conn }) => conn === 1).map(({ t: kind }) => kind);
  assert.equal(kinds[0], 'open');
  assert.equal(kinds.at(-1), 'close');
  const open = lines.find(({ t: kind, conn }) => kind === 'open' && conn === 2);
  assert.deepEqual([open?.exchange, open?.market], ['fake', 'plain']);
  assert.match(String(open?.url), /^ws:\/\/127\.0\.0\.1:\d+\/fake\/plain\/feed/);
  assert.ok(lines.every(({ t: kind, own }) => kind !== 'recv' || own === true));
  const close = lines.find(({ t: kind, conn }) => kind === 'close' && conn === 1);
  assert.deepEqual(
    [close?.frames, close?.by],
    [clients.find(({ number }) => number === 1)?.got.length, 'simulator'],
  );
  const total = clients.reduce((sum, { got }) => sum + got.length, 0);
  assert.deepEqual([counts.frames, counts.published, counts.connections], [total, total - 4, 2]);
});

test('the rate is a total over all sessions and is kept', async (t) => {
  const { simulator, dial } = await started(t, { rate: 1000 });
  const clients = await Promise.all([dial(), dial(), dial()]);
  const begun = performance.now();
  for (const client of clients) client.say(SUBSCRIBE);
  const [first] = clients;
  assert.ok(first !== undefined);
  await first.until(() => clients.reduce((sum, { got }) => sum + got.length, 0) >= 506);
  const seconds = (performance.now() - begun) / 1000;
  // Never too quick; slowness is the machine's, and the bound on it generous.
  assert.ok(seconds > 0.4 && seconds < 3, `500 messages at 1000/s took ${seconds} s`);
  assert.ok(clients.every(({ got }) => got.length > 100));
  await simulator.stop();
});

test('nothing is published to a session without subscriptions, and a mute one holds nobody up', async (t) => {
  const { simulator, dial } = await started(t);
  const [idle, mute, loud] = await Promise.all([dial(), dial(), dial()]);
  mute.say({ op: 'subscribe', symbol: 'MUTE' });
  loud.say(SUBSCRIBE);
  await loud.until(() => loud.got.length > 50);
  await simulator.stop();
  assert.equal(idle.got.length, 1);
  assert.equal(mute.got.length, 2);
});

test('a gzip market sends each message as one gzip member in a binary frame, the ledger its text', async (t) => {
  const { simulator, dial, sentTo } = await started(t);
  const client = await dial('packed/feed');
  client.say(SUBSCRIBE);
  await client.until(() => client.got.length >= 50);
  await simulator.stop();
  await client.closed();
  assert.ok(client.binary.every((binary) => binary));
  assert.deepEqual(client.got, sentTo(1));
});

test('protocol pings come as often as the dialect says', async (t) => {
  const { dial } = await started(t);
  const client = await dial();
  await client.until(() => client.pings >= 3);
});

test('REST is answered below the market with its own origin, everything else is 404, and all is in the ledger', async (t) => {
  const { simulator, base, ledger } = await started(t);
  const asked = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://${base}/${path}`);
    return [answer.status, await answer.text()];
  };
  const [status, body] = await asked('plain/depth?symbol=ETHUSDT');
  assert.equal(status, 200);
  assert.equal(JSON.parse(body).host, 'rest.fake.example');
  assert.equal(JSON.parse(body).bids.length, 1000);
  assert.equal((await asked('plain/depth?symbol=NONE'))[0], 404);
  assert.equal((await asked('constructor/depth'))[0], 404);
  assert.equal((await asked('../nowhere/x/y'))[0], 404);
  assert.equal((await asked('plain'))[0], 404);
  assert.equal((await asked('plain/explode'))[0], 500);
  await simulator.stop();
  const lines = readLines(ledger).filter(({ t: kind }) => kind === 'http');
  assert.deepEqual([lines[0]?.status, lines[0]?.data, lines[0]?.own], [200, body, true]);
  assert.equal(lines.length, 6);
});

test('a dial of what nobody serves is refused with 404 and uses no number', async (t) => {
  const { simulator, base, dial } = await started(t);
  for (const path of ['plain/nowhere', 'unknown/feed', '', '__proto__/feed'])
    await assert.rejects(TestClient.dial(`ws://${base}/${path}`), /404/);
  assert.equal((await dial()).number, 1);
  const counts = await simulator.stop();
  assert.deepEqual([counts.refused, counts.connections], [4, 1]);
});

test('a dialect that throws ends its own connection with 1011 and nobody else', async (t) => {
  const { simulator, dial, notes } = await started(t);
  const [answering, publishing, healthy] = await Promise.all([dial(), dial(), dial()]);
  healthy.say(SUBSCRIBE);
  answering.say('explode');
  publishing.say({ op: 'subscribe', symbol: 'EXPLODE' });
  assert.equal((await answering.closed()).code, 1011);
  assert.equal((await publishing.closed()).code, 1011);
  const had = healthy.got.length;
  await healthy.until(() => healthy.got.length > had + 20);
  const counts = await simulator.stop();
  assert.equal(counts.errors, 2);
  assert.ok(notes.some((note) => note.includes('asked to')));
});

test('messages that are no JSON, binary or too long do no harm', async (t) => {
  const { dial } = await started(t);
  const [first, second] = await Promise.all([dial(), dial()]);
  first.say('{"op":', 'null', '[]', '');
  first.socket.send(Buffer.from([0xff, 0x00]));
  second.say('x'.repeat(2 * 1024 * 1024));
  assert.equal((await second.closed()).code, 1009);
  first.say({ op: 'ping', n: 7 });
  await first.until(() => first.got.includes('{"op":"pong","n":7}'));
});

test('it stops by itself after the time given', async (t) => {
  const { simulator, dial } = await started(t, { for: 50 });
  const client = await dial().catch(() => null);
  const counts = await simulator.stopped;
  assert.equal(counts.connections, client === null ? 0 : 1);
});

test('a taken port, a ledger that cannot be, and options that do not go together are refused', async (t) => {
  const { simulator } = await started(t);
  const host = { note: () => undefined };
  const refused = (options: SimulateOptions) => runSimulator(options, [FAKE], host);
  await assert.rejects(refused({ port: simulator.port }), { code: 'EADDRINUSE' });
  await assert.rejects(refused({ port: 0, ledger: '/nowhere/at/all' }), { code: 'ENOENT' });
  await assert.rejects(refused({ port: 0, fast: true }), { code: 'bad-options' });
  await assert.rejects(refused({ port: 0, config: 'x' }), { code: 'bad-options' });
  await assert.rejects(refused({ port: 0, rate: 0 }), { code: 'bad-options' });
  await assert.rejects(refused({ port: 0, from: 'x', faults: 'malformed' }), { code: 'bad-options' });
});

test('a client that does not read is passed over, costs bounded memory, and holds nobody up', async (t) => {
  const { simulator, dial, ledger } = await started(t);
  const [stuck, healthy] = await Promise.all([dial(), dial()]);
  stuck.say({ op: 'subscribe', symbol: 'BIG' });
  await stuck.until(() => stuck.got.length > 2);
  stuck.socket.pause();
  healthy.say(SUBSCRIBE);
  await healthy.until(() => healthy.got.length > 500);
  stuck.socket.resume();
  const counts = await simulator.stop();
  await stuck.closed();
  assert.ok(counts.backpressure > 0);
  // 8 MiB in the socket, and what the system's own buffers took.
  const close = readLines(ledger).find(({ t: kind, conn }) => kind === 'close' && conn === stuck.number);
  assert.ok(Number(close?.frames) < 4 * 24, `${close?.frames} frames of 256 KiB`);
});

test('a rate that cannot be reached is counted and said, and answers still come', async (t) => {
  const rate = 5000;
  const begun = performance.now();
  const { simulator, dial, notes } = await started(t, { rate });
  const client = await dial();
  client.say({ op: 'subscribe', symbol: 'SLOW' });
  await client.until(() => client.got.length > 50);
  client.say({ op: 'ping', n: 1 });
  const before = client.got.length;
  await client.until(() => client.got.includes('{"op":"pong","n":1}'));
  assert.ok(client.got.length - before < 100, 'the answer does not wait behind all that is owed');
  await client.until(() => notes.some((note) => note.includes('cannot keep up with 5000')));
  await client.until(() => client.got.length > 300);
  const counts = await simulator.stop();
  const seconds = (performance.now() - begun) / 1000;
  assert.ok(counts.notKeptUp > 500, `${counts.notKeptUp}`);
  // Nothing is owed twice: what was made and what was given up is at most what time asked for.
  assert.ok(counts.published + counts.notKeptUp <= rate * seconds);
});
