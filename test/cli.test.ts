import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Exit, feedtape, Program, Scratch, tapes } from './program.ts';

const COMMANDS = ['record', 'demo', 'validate', 'simulate', 'decode', 'cat', 'verify', 'sql'];

function write(path: string, content: unknown): string {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** A server that counts whoever comes: nothing may be connected before a config is sound. */
async function bait(): Promise<{ port: number; visits: () => number; close: () => void }> {
  let visits = 0;
  const server = createServer();
  server.on('connection', () => visits++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return { port, visits: () => visits, close: () => server.close() };
}

/** One clear line or more, no stack trace. */
function assertClear({ log }: Exit): void {
  assert.notEqual(log.trim(), '');
  assert.doesNotMatch(log, /^\s+at .*:\d+:\d+\)?$/m, 'a stack trace is no message for a person');
}

test('every command explains itself, with an example', async () => {
  const shown = await Promise.all(COMMANDS.map((command) => feedtape(command, '--help')));
  for (const [i, { code, out }] of shown.entries()) {
    assert.equal(code, 0);
    assert.match(out, new RegExp(`Usage: feedtape ${COMMANDS[i]}`));
    assert.match(out, /Examples?:\n/, COMMANDS[i]);
  }
  const { out } = await feedtape('--help');
  for (const command of COMMANDS) assert.match(out, new RegExp(`^ {2}${command} `, 'm'));
});

test('wrong usage exits 2 with one clear message', async () => {
  using scratch = new Scratch();
  const wrong: readonly (readonly string[])[] = [
    ['no-such-command'],
    ['constructor'],
    ['record', '--for', 'soon'],
    ['record', '--for', '0s'],
    ['record', '--seed', '-1'],
    ['record', scratch.join('missing.json')],
    ['simulate', '--port', '0', '--faults', 'no-such-fault'],
    ['decode', '--exchange', 'binance'],
    ['decode', '--exchange', 'nobody', '--market', 'spot', '/dev/null'],
    ['decode', scratch.path],
    ['cat', scratch.join('missing.tape.zst')],
    ['sql', 'select 1', '--data', scratch.join('missing')],
    ['verify', '--data', scratch.join('missing')],
  ];
  const exits = await Promise.all(wrong.map((args) => feedtape(...args)));
  for (const [i, exit] of exits.entries()) {
    assert.equal(exit.code, 2, `${wrong[i]}: ${exit.log}`);
    assertClear(exit);
  }
  assert.deepEqual(readdirSync(scratch.path), []);
});

test('a config with mistakes: all of them at once, exit 2, nothing connected and nothing written', async () => {
  using scratch = new Scratch();
  const { port, visits, close } = await bait();
  const uri = `ws://127.0.0.1:${port}`;
  const data = scratch.join('data');
  const config = write(scratch.join('config.json'), {
    data,
    exchanges: [
      { name: 'Binance', uri, streams: [{ channels: ['trades'], symbols: ['BTCUSDT'] }] },
      { exchange: 'binanse', streams: [{ channels: ['trades'], symbols: ['BTCUSDT'] }] },
      { exchange: 'bybit', uri, streams: [{ channels: ['trade_s'], symbols: ['BTCUSDT'] }], colour: 'red' },
    ],
  });
  const exit = await feedtape('record', config, '--for', '1s');
  close();
  assert.equal(exit.code, 2);
  assertClear(exit);
  assert.match(exit.log, /exchanges\[1\].*\n?.*binance/);
  assert.match(exit.log, /exchanges\[2\].*\n?.*trades/);
  assert.match(exit.log, /colour/);
  assert.equal(visits(), 0);
  assert.equal(existsSync(data), false);
});

test('signals: the first stops in order with a zero balance; another one meanwhile ends at once with 130', async () => {
  using scratch = new Scratch();
  const data = scratch.join('data');
  // REST that never answers keeps a listing awaited for ever; a WebSocket that never upgrades keeps a dial open.
  const server = createServer();
  server.on('upgrade', (_request, socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  const addresses = { uri: `ws://127.0.0.1:${port}`, rest: `http://127.0.0.1:${port}` };
  const config = write(scratch.join('config.json'), {
    data,
    exchanges: [
      { exchange: 'binance', ...addresses, streams: [{ channels: ['trades'], symbols: ['BTC*'] }] },
      { exchange: 'bybit', ...addresses, streams: [{ channels: ['trades'], symbols: ['BTCUSDT'] }] },
    ],
  });
  const stuck = new Program(['record', config]);
  await new Promise((resolve) => server.once('upgrade', resolve));

  const second = await feedtape('record', config, '--for', '1s');
  assert.equal(second.code, 1, second.log);
  // Linux alone tells who holds a lock.
  const holder = process.platform === 'linux' ? ` (process ${stuck.child.pid})` : '';
  assert.ok(second.log.includes(`is being recorded into by another recorder${holder}; stop it`), second.log);
  assertClear(second);

  const begun = performance.now();
  // A parent that passes a Ctrl-C on doubles it: the same signal at the same moment is one wish.
  stuck.child.kill('SIGTERM');
  const stopped = await stuck.kill('SIGTERM');
  assert.ok(performance.now() - begun < 5000, 'a stop does not wait for answers');
  assert.equal(stopped.code, 0, stopped.log);
  assert.match(stopped.log, /stopped \(signal\)[\s\S]*balance: zero difference/);

  const twice = new Program(['record', config]);
  await new Promise((resolve) => server.once('upgrade', resolve));
  twice.child.kill('SIGINT');
  const ended = await twice.kill('SIGTERM');
  // What a shell reports as 130: the process ended by SIGINT.
  assert.deepEqual([ended.code, ended.signal], [null, 'SIGINT']);
  server.closeAllConnections();
  server.close();

  const real = await feedtape('record', '--simulate', '--data', data, '--for', '1s');
  assert.equal(real.code, 1);
  assert.match(real.log, /holds real data and would get simulated data/);
  assertClear(real);
});

test('a data directory that cannot be used is named, with what to do, and exits 1', async () => {
  using scratch = new Scratch();
  const file = write(scratch.join('file'), 'no directory');
  const numbers = scratch.join('numbers');
  mkdirSync(join(numbers, 'state'), { recursive: true });
  write(join(numbers, 'state', 'next-link'), 'seven');
  const lock = scratch.join('lock');
  mkdirSync(join(lock, 'state'), { recursive: true });
  write(join(lock, 'state', 'lock.sqlite'), 'no lock '.repeat(1000));
  const [onFile, onNumbers, onLock] = await Promise.all(
    [file, numbers, lock].map((data) => feedtape('record', '--data', data, '--for', '1s')),
  );
  for (const [exit, message] of [
    [onFile, /choose another with --data/],
    [onNumbers, /next-link should hold the next free link number/],
    [onLock, /cannot lock .*lock\.sqlite.*remove it if it is damaged/],
  ] as const) {
    assert.ok(exit);
    assert.equal(exit.code, 1, exit.log);
    assert.match(exit.log, message);
    assertClear(exit);
  }
});

test('a recorder whose log nobody reads any more records on; its journal can be read and asked', async () => {
  using scratch = new Scratch();
  const data = scratch.join('data');
  const recorder = new Program(['record', '--simulate', '--data', data, '--for', '3s']);
  await recorder.said(/"msg":"opened"/);
  recorder.child.stderr?.destroy();
  const { code } = await recorder.exit;
  assert.equal(code, 0);

  const [tape = ''] = tapes(data);
  const [text, raw, json, csv, table, broken] = await Promise.all([
    feedtape('cat', tape),
    feedtape('cat', '--raw', tape),
    ...['json', 'csv', 'table'].map((format) =>
      feedtape(
        'sql',
        'select 1 as n, null as nothing, \'a,"b"\' as text',
        '--data',
        data,
        '--format',
        format,
      ),
    ),
    feedtape('sql', 'select nonsense', '--data', data),
  ]);
  const lines = text?.out.split('\n').slice(0, -1) ?? [];
  assert.ok(lines.length > 50);
  for (const line of lines) assert.match(line, /^\d{16} \d+ \d+ [<z>=!]\*? /);
  assert.deepEqual(
    raw?.out.split('\n').slice(0, -1),
    lines.map((line) => line.replace(/^(\S+ ){4}/, '')),
  );
  assert.equal(json?.out, '{"n":1,"nothing":null,"text":"a,\\"b\\""}\n');
  assert.equal(csv?.out, 'n,nothing,text\n1,,"a,""b"""\n');
  assert.match(table?.out ?? '', /^n {2}nothing {2}text\n-+ {2}-+ {2}-+\n1 +NULL {2}a,"b"\n\(1 row\)\n$/);
  assert.equal(broken?.code, 1);
  assert.match(broken?.log ?? '', /nonsense/);
});

test('decode reads raw lines, one message a line, and exits 1 only where one could not be decoded', async () => {
  using scratch = new Scratch();
  const trade =
    '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}';
  const good = write(
    scratch.join('good.txt'),
    `${trade}\n${trade.replace('12345', '12346').replace('"M"', '"new":[1],"M"')}\n`,
  );
  const bad = write(scratch.join('bad.txt'), `${trade}\n{"e":"trade"\n`);
  const raw = ['decode', '--exchange', 'binance', '--market', 'spot'];
  const [fine, malformed, notCapture] = await Promise.all([
    feedtape(...raw, good),
    feedtape(...raw, bad),
    feedtape('decode', bad),
  ]);
  assert.equal(fine.code, 0, fine.log);
  assert.match(
    fine.log,
    /news: 1 messages have a field that is not described here: binance: trade \(raw mode\) new/,
  );
  const rows = fine.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    rows.map(({ table, id, side, price, link, frame }) => ({ table, id, side, price, link, frame })),
    [
      { table: 'trades', id: '12345', side: 'sell', price: 0.001, link: 1, frame: 1 },
      { table: 'trades', id: '12346', side: 'sell', price: 0.001, link: 1, frame: 2 },
    ],
  );
  assert.equal(malformed.code, 1);
  assert.match(malformed.out, /"reason":"malformed"/);
  assert.equal(notCapture.code, 2, notCapture.log);
  assertClear(notCapture);
});

/** The Node of a major version below 24 that this machine has, if any. */
function olderNode(): string | undefined {
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return places
    .map((place) => join(place, 'node'))
    .filter((path) => existsSync(path))
    .find((path) => {
      const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
      const major = Number(/^v(\d+)\./.exec(stdout)?.[1]);
      return major >= 14 && major < 24;
    });
}

const older = olderNode();

test('an older Node prints one clear line and exits 2', {
  skip: older === undefined ? 'this machine has no Node older than 24' : false,
}, () => {
  using scratch = new Scratch();
  cpSync(fileURLToPath(new URL('../bin', import.meta.url)), scratch.join('bin'), { recursive: true });
  const { status, stdout, stderr } = spawnSync(older ?? '', [scratch.join('bin', 'feedtape.mjs'), 'record'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^feedtape needs Node 24 or newer, and this is \d+\.\d+\.\d+: .+\n$/);
});
