import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  feedtape,
  type JournalLine,
  journalLines,
  Program,
  readNdjson,
  Scratch,
  simulator,
  sql,
} from './program.ts';

/** Real captured traffic: it is no part of the project, so these tests run where it is. */
const corpus = process.env.FEEDTAPE_CORPUS ?? '';
const skip = corpus === '' ? 'FEEDTAPE_CORPUS is not set: no captured traffic here' : false;

/** What is known about the captures, from whoever captured them. */
const CAPTURES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'binance-spot': { trades: 2, quotes: 84, 'not-handled': 2 },
  'binance-us': { trades: 11, quotes: 128, 'not-handled': 5 },
  'binance-usdm': { trades: 91, quotes: 613, 'not-handled': 67 },
  'bybit-v5': { quotes: 337 - 61 },
  bitfinex: { trades: 210 },
};

interface Entry {
  readonly t: string;
  readonly conn?: string;
  readonly url?: string;
  readonly data?: string;
}

function entries(name: string): Entry[] {
  return readFileSync(join(corpus, `${name}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}

for (const [name, truths] of Object.entries(CAPTURES)) {
  test(`${name}: decode exits 0, with the rows that are known to be there, no gap, and nothing undecoded but klines`, {
    skip,
  }, async () => {
    const { code, out } = await feedtape('decode', join(corpus, `${name}.jsonl`));
    assert.equal(code, 0);
    const counts: Record<string, number> = {};
    for (const line of out.split('\n')) {
      if (line === '') continue;
      const row = JSON.parse(line) as { table: string; reason?: string; channel?: string };
      if (row.table === 'undecoded')
        assert.deepEqual([row.reason, row.channel], ['not-handled', 'candles'], line);
      const key = row.table === 'undecoded' ? 'not-handled' : row.table;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    for (const [key, count] of Object.entries(truths)) assert.equal(counts[key], count, key);
    assert.equal(counts.gap_events, undefined);
    assert.equal(counts['not-handled'], truths['not-handled']);
  });

  test(`${name}: replayed and recorded, the journal holds each message once, byte for byte, in order`, {
    skip,
  }, async () => {
    using scratch = new Scratch();
    const [ledger, config, data] = [
      scratch.join('ledger.ndjson'),
      scratch.join('config.json'),
      scratch.join('data'),
    ];
    const { program: server } = await simulator(
      '--from',
      join(corpus, `${name}.jsonl`),
      '--fast',
      '--ledger',
      ledger,
      '--config',
      config,
    );
    const recorder = new Program(['record', config, '--data', data]);
    const captured = entries(name);
    for (const { t, conn } of captured)
      if (t === 'open') await server.said(new RegExp(`all \\d+ lines of ${conn} are played`));
    const exit = await recorder.kill('SIGTERM');
    await server.kill('SIGTERM');
    assert.equal(exit.code, 0, exit.log);
    assert.match(exit.log, /balance: zero difference/);
    await compare(captured, journalLines(data), ledger);
    if (existsSync(join(data, 'store'))) {
      const gaps = await sql(data, "select * from gaps where cause <> 'not-running'");
      assert.deepEqual(gaps, []);
    }
  });
}

/** Per connection: received texts that are not the simulator's own = the capture's, and the own ones are in its ledger. */
async function compare(
  captured: readonly Entry[],
  lines: readonly JournalLine[],
  ledger: string,
): Promise<void> {
  const wanted = new Map<string, string[]>();
  const paths = new Map<string, string>();
  for (const { t, conn = '', url = '', data = '' } of captured) {
    if (t === 'open') paths.set(conn, new URL(url).pathname);
    if (t === 'recv') wanted.set(paths.get(conn) ?? '', [...(wanted.get(paths.get(conn) ?? '') ?? []), data]);
  }
  const sent = await readNdjson(ledger);
  const own = sent
    .filter(({ t, own: isOwn }) => t === 'recv' && isOwn === true)
    .map(({ data }) => String(data));
  const links = new Map<number, string>();
  const received = new Map<string, string[]>();
  const besides: string[] = [];
  for (const { link, kind, text } of lines) {
    if (kind === 'event') {
      const event = JSON.parse(text) as { event: string; url?: string };
      if (event.event === 'dialled') links.set(link, new URL(event.url ?? '').pathname);
    }
    if (kind === 'rest') besides.push(text.slice(text.indexOf(' ', 4) + 1));
    if (kind !== 'received') continue;
    if (own.includes(text)) own.splice(own.indexOf(text), 1);
    else received.set(links.get(link) ?? '', [...(received.get(links.get(link) ?? '') ?? []), text]);
  }
  assert.deepEqual([...received.keys()].sort(), [...wanted.keys()].sort());
  for (const [path, texts] of wanted) assert.deepEqual(received.get(path), texts, path);
  assert.deepEqual(own, [], 'what the simulator said of its own is in the journal too');
  const answers = sent.filter(({ t }) => t === 'http').map(({ data }) => String(data));
  for (const body of besides) assert.ok(answers.includes(body), 'a REST answer is the ledger’s');
}
