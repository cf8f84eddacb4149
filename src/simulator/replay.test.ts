import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readCapture } from './capture.ts';
import { FAKE } from './fake-exchange.ts';
import { noLedger } from './ledger.ts';
import { Listener } from './listener.ts';
import type { SimulateOptions } from './options.ts';
import { ReplaySite } from './replay.ts';
import { runSimulator } from './run.ts';
import { readLines, TestClient } from './test-client.ts';

const URL_A = 'wss://fake.example/feed?streams=a@b/c';
const SUB_1 = '{"op": "subscribe", "symbol": "BTCUSDT"}';
const SUB_2 = '{"op":"subscribe","symbol":"ETHUSDT"}';

/** A capture of one connection: greeting, two subscriptions with acks, data, a ping and its pong, more data. */
const CAPTURE: readonly object[] = [
  { t: 'open', ts: 100, conn: 'A', url: URL_A },
  { t: 'recv', ts: 100.01, conn: 'A', data: '{"hello":"recorded"}' },
  { t: 'sent', ts: 100.02, conn: 'A', data: SUB_1 },
  { t: 'recv', ts: 100.03, conn: 'A', data: '{"ack":1}' },
  { t: 'sent', ts: 100.04, conn: 'A', data: SUB_2 },
  { t: 'recv', ts: 100.05, conn: 'A', data: '{"ack":2}' },
  {
    t: 'http',
    ts: 100.06,
    url: 'https://rest.fake.example/depth?symbol=BTCUSDT&limit=1000',
    data: '{"book":1}',
  },
  { t: 'sent', ts: 100.07, conn: 'A', data: '{"op":"ping","n":1}' },
  { t: 'recv', ts: 100.08, conn: 'A', data: '{"op":"pong","n":1}' },
  { t: 'recv', ts: 100.09, conn: 'A', data: '{"n":1}\u2028' },
];
const RECORDED = ['{"hello":"recorded"}', '{"ack":1}', '{"ack":2}', '{"op":"pong","n":1}', '{"n":1}\u2028'];

async function replayed(t: TestContext, lines: readonly object[], options: Partial<SimulateOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-replay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const from = join(folder, 'capture.jsonl');
  const ledger = join(folder, 'ledger.ndjson');
  const config = join(folder, 'config.json');
  writeFileSync(from, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const notes: string[] = [];
  const simulator = await runSimulator({ port: 0, from, ledger, config, fast: true, ...options }, [FAKE], {
    note: (text) => notes.push(text),
  });
  t.after(() => simulator.stop());
  const dial = (target = '/feed?streams=a@b/c') =>
    TestClient.dial(`ws://127.0.0.1:${simulator.port}${target}`);
  return { simulator, folder, ledger, config, notes, dial };
}

test('a client gets what was recorded, in order, each part once it has said its own', async (t) => {
  const { simulator, ledger, dial } = await replayed(t, CAPTURE);
  const client = await dial();
  await client.until(() => client.got.length === 1);
  // The same JSON, spelled otherwise.
  client.say('{"symbol":"BTCUSDT","op":"subscribe"}');
  await client.until(() => client.got.length === 2);
  client.say(SUB_2);
  await client.until(() => client.got.length === RECORDED.length);
  assert.equal(client.socket.readyState, client.socket.OPEN, 'it stays open after the last line');
  const counts = await simulator.stop();
  await client.closed();
  assert.deepEqual(client.got, RECORDED);
  assert.equal(counts.replayed, RECORDED.length);
  const sent = readLines(ledger).filter(({ t: kind }) => kind === 'recv');
  assert.deepEqual(
    sent.map(({ data, own }) => [data, own]),
    RECORDED.map((text) => [text, false]),
  );
});

test('a line waits: before the client has subscribed it is not sent, and the order of subscribing is free', async (t) => {
  const { dial } = await replayed(t, CAPTURE);
  const client = await dial();
  client.say(SUB_2);
  // A ping is answered at once, so whatever was sent before it has arrived with its pong.
  client.say({ op: 'ping', n: 77 });
  await client.until(() => client.got.includes('{"op":"pong","n":77}'));
  assert.ok(!client.got.includes('{"ack":1}'));
  client.say(SUB_1);
  await client.until(() => client.got.includes('{"n":1}\u2028'));
  assert.deepEqual(
    client.got.filter((text) => text !== '{"op":"pong","n":77}'),
    RECORDED,
  );
});

test('pings are answered as the exchange would, marked own, and disturb nothing', async (t) => {
  const { simulator, ledger, dial } = await replayed(t, CAPTURE);
  const client = await dial();
  client.say({ op: 'ping', n: 5 }, SUB_1, { op: 'ping', n: 6 }, SUB_2);
  await client.until(() => client.got.length === RECORDED.length + 2);
  await simulator.stop();
  const sent = readLines(ledger).filter(({ t: kind }) => kind === 'recv');
  assert.deepEqual(
    sent.filter(({ own }) => own === true).map(({ data }) => data),
    ['{"op":"pong","n":5}', '{"op":"pong","n":6}'],
  );
  assert.deepEqual(
    sent.filter(({ own }) => own === false).map(({ data }) => data),
    RECORDED,
  );
});

test('each client gets its own replay from the start', async (t) => {
  const { dial } = await replayed(t, CAPTURE);
  const clients = await Promise.all([dial(), dial('/feed?streams=a%40b%2Fc')]);
  for (const client of clients) client.say(SUB_1, SUB_2);
  for (const client of clients) {
    await client.until(() => client.got.length === RECORDED.length);
    assert.deepEqual(client.got, RECORDED);
  }
});

test('two recorded connections with one path are dialled in order; a path nobody recorded is 404', async (t) => {
  const lines = [
    { t: 'open', ts: 1, conn: 'A', url: 'wss://fake.example/feed' },
    { t: 'open', ts: 1, conn: 'B', url: 'wss://fake.example/feed' },
    { t: 'recv', ts: 2, conn: 'B', data: '"b"' },
    { t: 'recv', ts: 2, conn: 'A', data: '"a"' },
  ];
  const { dial } = await replayed(t, lines);
  const first: (string | undefined)[] = [];
  for (let n = 0; n < 4; n++) {
    const client = await dial('/feed');
    await client.until(() => client.got.length === 1);
    first.push(client.got[0]);
  }
  assert.deepEqual(first, ['"a"', '"b"', '"a"', '"b"']);
  await assert.rejects(dial('/feed?x=1'), /404/);
});

test('REST answers are found by path and symbol, again and again; others are 404', async (t) => {
  const { simulator, ledger } = await replayed(t, [
    ...CAPTURE,
    { t: 'http', ts: 101, url: 'https://x.example/depth?symbol=ETHUSDT&limit=1000', data: '{"eth":1}' },
    { t: 'http', ts: 102, url: 'https://x.example/depth?symbol=ETHUSDT&limit=1000', data: '{"eth":2}' },
  ]);
  const asked = async (target: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${simulator.port}${target}`);
    return `${answer.status} ${await answer.text()}`;
  };
  assert.equal(await asked('/depth?symbol=ETHUSDT&limit=1000'), '200 {"eth":1}');
  assert.equal(
    await asked('/depth?limit=1000&symbol=ETHUSDT'),
    '200 {"eth":2}',
    'the second answer, in turn',
  );
  assert.equal(
    await asked('/depth?symbol=ETHUSDT&limit=1000'),
    '200 {"eth":2}',
    'and the last of them for ever',
  );
  for (const target of ['/depth?symbol=BTCUSDT&limit=1000', '/depth?limit=5&symbol=BTCUSDT'])
    for (let n = 0; n < 2; n++) assert.equal(await asked(target), '200 {"book":1}');
  assert.match(await asked('/depth?symbol=SOLUSDT'), /^404/);
  assert.match(await asked('/other?symbol=BTCUSDT'), /^404/);
  await simulator.stop();
  const answers = readLines(ledger).filter(({ t: kind }) => kind === 'http');
  assert.ok(answers.length === 9 && answers.every(({ own }) => own === true));
});

test('binary frames go out as binary, and a recorded close closes', async (t) => {
  const packed = gzipSync('{"n":1}');
  const { simulator, ledger, dial } = await replayed(t, [
    { t: 'open', ts: 1, conn: 1, url: 'wss://fake.example/feed' },
    { t: 'recv', ts: 1, conn: 1, b64: packed.toString('base64') },
    { t: 'recv', ts: 1, conn: 1, b64: '/wA=' },
    { t: 'close', ts: 1, conn: 1, code: 4001, reason: 'enough' },
  ]);
  const client = await dial('/feed');
  assert.deepEqual(await client.closed(), { code: 4001, reason: 'enough' });
  assert.deepEqual(client.binary, [true, true]);
  assert.equal(client.got[0], '{"n":1}');
  await simulator.stop();
  const sent = readLines(ledger).filter(({ t: kind }) => kind === 'recv');
  assert.deepEqual(
    sent.map(({ data, b64 }) => [data, b64]),
    [
      ['{"n":1}', undefined],
      [undefined, '/wA='],
    ],
  );
});

test('without --fast the recorded pace is kept', async (t) => {
  const lines = [
    { t: 'open', ts: 1, conn: 1, url: 'wss://fake.example/feed' },
    { t: 'recv', ts: 1, conn: 1, data: '1' },
    { t: 'recv', ts: 1.3, conn: 1, data: '2' },
  ];
  const { dial } = await replayed(t, lines, { fast: false });
  const begun = performance.now();
  const client = await dial('/feed');
  await client.until(() => client.got.length === 1);
  assert.ok(performance.now() - begun < 290, 'the first came at once');
  await client.until(() => client.got.length === 2);
  assert.ok(performance.now() - begun >= 290, 'the second 0.3 s later');
});

test('a client that does not say what was recorded is waited for, then gone on without, with a note', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedtape-replay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const from = join(folder, 'capture.jsonl');
  writeFileSync(
    from,
    CAPTURE.slice(0, 4)
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  const notes: string[] = [];
  const note = (text: string) => notes.push(text);
  const capture = await readCapture(from, [FAKE]);
  const listener = new Listener(
    new ReplaySite(capture, { fast: true, waitMs: 30 }, noLedger, note),
    noLedger,
    note,
  );
  const port = await listener.listen(0);
  t.after(() => listener.close());
  const client = await TestClient.dial(`ws://127.0.0.1:${port}/feed?streams=a@b/c`);
  client.say(SUB_2);
  await client.until(() => client.got.includes('{"ack":1}'));
  assert.ok(notes.some((text) => text.includes('going on without') && text.includes('BTCUSDT')));
});

test('the config repeats the capture: one entry a connection, raw messages in order, no pings', async (t) => {
  const lines = [
    ...CAPTURE,
    { t: 'open', ts: 200, conn: 'B', url: 'wss://fake.example/feed' },
    { t: 'open', ts: 200, conn: 'C', url: 'wss://unknown.example/ws' },
    { t: 'recv', ts: 201, conn: 'C', data: '"still replayed"' },
  ];
  const { simulator, config, notes, dial } = await replayed(t, lines);
  const { exchanges, $schema } = JSON.parse(readFileSync(config, 'utf8'));
  assert.match($schema, /schema\/feedtape\.schema\.json$/);
  const { port } = simulator;
  const rest = `http://127.0.0.1:${port}/base`;
  const common = { exchange: 'fake', market: 'plain', rest };
  assert.deepEqual(exchanges, [
    {
      name: 'Fake plain 1',
      ...common,
      uri: `ws://127.0.0.1:${port}/feed?streams=a@b/c`,
      streams: [JSON.parse(SUB_1), JSON.parse(SUB_2)],
    },
    { name: 'Fake plain 2', ...common, uri: `ws://127.0.0.1:${port}/feed`, streams: [] },
  ]);
  assert.ok(notes.some((text) => text.includes('unknown.example')));
  const client = await dial('/ws');
  await client.until(() => client.got.length === 1);
});

test('a large capture goes out fast, whole and in order', async (t) => {
  const count = 20_000;
  const lines = Array.from({ length: count }, (_, n) => ({
    t: 'recv',
    ts: 5 + n,
    conn: 1,
    data: `{"n":${n}}`,
  }));
  const { dial } = await replayed(t, [
    { t: 'open', ts: 1, conn: 1, url: 'wss://fake.example/feed' },
    ...lines,
  ]);
  const client = await dial('/feed');
  await client.until(() => client.got.length === count);
  client.got.forEach((text, n) => {
    assert.equal(text, `{"n":${n}}`);
  });
});

test('a capture that cannot be read says where and what was expected', async (t) => {
  const open = { t: 'open', ts: 1, conn: 1, url: 'wss://fake.example/feed' };
  for (const [lines, problem] of [
    [[open, { t: 'recv', conn: 2, data: '' }], /line 2: connection 2 has no "open" line/],
    [[{ t: 'odd' }], /line 1: "t" is "odd"/],
    [[{ ...open, url: 'nowhere' }], /line 1: "url" is no address/],
    [[open, { t: 'recv', conn: 1 }], /line 2: "data" must be text/],
    [[], /no "open" line/],
  ] as const)
    await assert.rejects(replayed(t, lines), problem);
});
