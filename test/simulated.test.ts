import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import {
  feedtape,
  type JournalLine,
  journalLines,
  Program,
  readNdjson,
  Scratch,
  simulator,
  sizeOf,
  sql,
  until,
} from './program.ts';

/** A config that records every simulated market behind a port. */
function simulatedConfig(port: number, data: string): string {
  const markets: [string, string, string][] = [
    ['binance', 'spot', 'BTCUSDT'],
    ['binance', 'us', 'BTCUSDT'],
    ['binance', 'usdm', 'BTCUSDT'],
    ['binance', 'coinm', 'BTCUSD_PERP'],
    ['bybit', 'spot', 'BTCUSDT'],
    ['bybit', 'linear', 'BTCUSDT'],
    ['bybit', 'inverse', 'BTCUSD'],
    ['coinex', 'spot', 'BTCUSDT'],
    ['coinex', 'futures', 'BTCUSDT'],
    ['bitfinex', 'spot', 'tBTCUSD'],
    ['bitfinex', 'derivatives', 'tBTCF0:USTF0'],
  ];
  const exchanges = markets.map(([exchange, market, symbol]) => ({
    name: `${exchange} ${market}`,
    exchange,
    market,
    uri: `ws://127.0.0.1:${port}/${exchange}/${market}`,
    rest: `http://127.0.0.1:${port}/${exchange}/${market}`,
    streams: [{ channels: ['trades', 'book', 'quotes', 'ticker'], symbols: [symbol] }],
  }));
  return JSON.stringify({ data, exchanges });
}

/** What the journal received, by the simulator's connection number. */
function byConnection(lines: readonly JournalLine[]): Map<number, string[]> {
  const connections = new Map<number, number>();
  const received = new Map<number, string[]>();
  for (const { link, kind, text } of lines) {
    if (kind === 'event') {
      const event = JSON.parse(text) as { event: string; headers?: Record<string, string> };
      if (event.event === 'opened') connections.set(link, Number(event.headers?.['x-feedtape-conn']));
    }
    if (kind !== 'received' && kind !== 'gzip') continue;
    const connection = connections.get(link) ?? -1;
    const texts = received.get(connection) ?? [];
    texts.push(text);
    received.set(connection, texts);
  }
  return received;
}

async function ledgerByConnection(path: string): Promise<Map<number, string[]>> {
  const sent = new Map<number, string[]>();
  for (const { t, conn, data } of await readNdjson(path)) {
    if (t !== 'recv') continue;
    const texts = sent.get(Number(conn)) ?? [];
    texts.push(String(data));
    sent.set(Number(conn), texts);
  }
  return sent;
}

test('record against the simulator under load: ledger = journal, frame for frame; SIGTERM ends with a zero balance', async () => {
  using scratch = new Scratch();
  const ledger = scratch.join('ledger.ndjson');
  const data = scratch.join('data');
  const { program: server, port } = await simulator('--rate', '4000', '--ledger', ledger, '--seed', '5');
  const config = scratch.join('config.json');
  writeFileSync(config, simulatedConfig(port, data));
  const recorder = new Program(['record', config, '--for', '8s']);
  const exit = await recorder.exit;
  await server.kill('SIGTERM');
  assert.equal(exit.code, 0, exit.log);
  assert.match(exit.log, /balance: zero difference/);

  const sent = await ledgerByConnection(ledger);
  const received = byConnection(journalLines(data));
  assert.equal(received.size, sent.size);
  let frames = 0;
  for (const [connection, texts] of received) {
    // Frames on their way while we closed were sent and not delivered: the journal is a prefix of the ledger.
    const ours = sent.get(connection) ?? [];
    assert.ok(texts.length > 0 && texts.length <= ours.length, `connection ${connection}`);
    assert.ok(
      ours.length - texts.length < 500,
      `connection ${connection} lacks ${ours.length - texts.length}`,
    );
    assert.deepEqual(texts, ours.slice(0, texts.length), `connection ${connection}`);
    frames += texts.length;
  }
  assert.ok(frames > 15_000, `only ${frames} frames`);

  const verified = await feedtape('verify', '--data', data);
  assert.equal(verified.code, 0, verified.out);

  for (const table of ['trades', 'book', 'quotes', 'tickers']) {
    const rows = await sql(data, `select distinct exchange, market from ${table}`);
    assert.equal(rows.length, 11, `${table}: ${JSON.stringify(rows)}`);
  }
  const undecoded = await sql(data, 'select reason, sample from undecoded');
  assert.deepEqual(undecoded, []);
  const gaps = await sql(data, "select * from gaps where cause <> 'not-running'");
  assert.deepEqual(gaps, []);
  const twice = await sql(data, 'select link, frame, row, count(*) n from trades group by all having n > 1');
  assert.deepEqual(twice, []);
  const crossed = await sql(
    data,
    'select count(*) n from quotes where bid_price >= ask_price and bid_price is not null and ask_price is not null',
  );
  assert.equal(crossed[0]?.n, 0);

  await readWithHyparquet(data);
});

/** The store's files in a reader that is not DuckDB: as many rows as SQL says, and the columns of the design. */
async function readWithHyparquet(data: string): Promise<void> {
  const store = join(data, 'store', 'trades');
  const files = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.parquet'),
  );
  assert.equal(files.length, 4);
  let count = 0;
  for (const path of files) {
    const file = await asyncBufferFromFile(join(store, path));
    const rows = await parquetReadObjects({ file, compressors });
    count += rows.length;
    const columns =
      'exchange market symbol feed timestamp local_timestamp link frame row id side price amount'.split(' ');
    assert.deepEqual(Object.keys(rows[0] ?? {}), columns);
    assert.ok(
      rows.every((row) => typeof row.price === 'number' && (row.side === 'buy' || row.side === 'sell')),
    );
  }
  const [total] = await sql(data, 'select count(*) n from trades');
  assert.equal(count, total?.n);
}

test('faults: disconnects become gap rows that close again, broken frames are kept and counted, and nothing stops', async () => {
  using scratch = new Scratch();
  const data = scratch.join('data');
  const { program: server, port } = await simulator(
    '--rate',
    '2000',
    '--faults',
    'disconnect:2s,malformed',
    '--seed',
    '9',
  );
  const config = scratch.join('config.json');
  writeFileSync(config, simulatedConfig(port, data));
  const exit = await new Program(['record', config, '--for', '9s']).exit;
  await server.kill('SIGTERM');
  assert.equal(exit.code, 0, exit.log);
  assert.match(exit.log, /balance: zero difference/);
  const [gaps] = await sql(
    data,
    "select count(*) n, count(*) filter (state = 'closed') closed from gaps where cause = 'disconnect'",
  );
  assert.ok(Number(gaps?.n) > 10 && Number(gaps?.closed) > 0, JSON.stringify(gaps));
  const edges = await sql(
    data,
    "select * from gaps where state = 'closed' and to_timestamp < from_timestamp",
  );
  assert.deepEqual(edges, []);
  const reasons = await sql(data, 'select distinct reason from undecoded');
  assert.deepEqual(reasons, [{ reason: 'malformed' }]);
  const verified = await feedtape('verify', '--data', data);
  assert.equal(verified.code, 0, verified.out);
});

test('kill -9 under load, twice: the next start mends the journal, no row is there twice, verify is clean', async () => {
  using scratch = new Scratch();
  const ledger = scratch.join('ledger.ndjson');
  const data = scratch.join('data');
  const { program: server, port } = await simulator('--rate', '3000', '--ledger', ledger);
  const config = scratch.join('config.json');
  writeFileSync(config, simulatedConfig(port, data));
  for (let run = 0; run < 2; run++) {
    const recorder = new Program(['record', config]);
    const before = sizeOf(ledger);
    await until('some seconds of frames', () => sizeOf(ledger) > before + 2_000_000);
    await recorder.kill('SIGKILL');
  }
  const last = new Program(['record', config, '--for', '3s']);
  const exit = await last.exit;
  await server.kill('SIGTERM');
  assert.equal(exit.code, 0, exit.log);
  assert.match(exit.log, /recovered/);
  const verified = await feedtape('verify', '--data', data);
  assert.equal(verified.code, 0, verified.out);
  for (const table of ['trades', 'book', 'quotes', 'tickers']) {
    const twice = await sql(data, `select link, frame, row from ${table} group by all having count(*) > 1`);
    assert.deepEqual(twice, [], table);
  }
  const ids = await sql(
    data,
    'select exchange, market, id from trades group by all having count(*) > 1 limit 3',
  );
  assert.deepEqual(ids, []);
  const notRunning = await sql(
    data,
    "select distinct exchange from gaps where cause = 'not-running' and state = 'closed'",
  );
  assert.equal(notRunning.length, 4);

  const sent = await ledgerByConnection(ledger);
  for (const [connection, texts] of byConnection(journalLines(data)))
    assert.deepEqual(texts, sent.get(connection)?.slice(0, texts.length), `connection ${connection}`);
});
