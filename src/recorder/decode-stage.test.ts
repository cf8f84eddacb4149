import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findExchange } from '../exchanges/index.ts';
import { CrashDisk, turn } from '../journal/crash-disk.ts';
import { JournalWriter } from '../journal/index.ts';
import { ManualPacker } from '../journal/manual-packer.ts';
import { appendInPlaceTo, appendTo } from '../journal/sample-tape.ts';
import { type Frame, type RowObject, Rows, rowObject, textFrame } from '../record/index.ts';
import type { StoreEngine } from '../store/index.ts';
import { DecodeStage } from './decode-stage.ts';
import type { Finisher } from './finisher.ts';
import { Session } from './session.ts';

const exchange = findExchange('binance');
const START = 1_700_000_000_000_000;
/** Turns of the event loop after which decoding hangs: it takes a handful. */
const TURNS_MAX = 1000;

/** The n-th line of a tape: a link is dialled, then trades, some of them twice. */
function line(n: number): Frame {
  if (n === 1) {
    const url = 'wss://stream.binance.com:9443/stream?streams=btcusdt@trade';
    const streams = [{ market: 'spot', channel: 'trades', feed: 'trade', symbol: 'BTCUSDT' }];
    return textFrame(
      START,
      1,
      1,
      'event',
      JSON.stringify({ event: 'dialled', exchange: 'binance', market: 'spot', url, streams }),
    );
  }
  const trade = `{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":${n - (n % 3 === 0 ? 1 : 0)},"p":"1.${n}","q":"2","T":1700000000000,"m":true}`;
  return textFrame(START + n, 1, n, 'received', `{"stream":"btcusdt@trade","data":${trade}}`);
}

function collecting(): { rows: Rows; made: RowObject[] } {
  const made: RowObject[] = [];
  const rows = new Rows((batch, streams) => {
    for (let i = 0; i < batch.count; i++) made.push(rowObject(batch, i, streams, 'binance'));
  });
  return { rows, made };
}

class Bench {
  readonly disk = new CrashDisk();
  readonly packer = new ManualPacker();
  readonly journal: JournalWriter;
  readonly stage: DecodeStage;
  readonly made: RowObject[];
  readonly rows: Rows;
  readonly logged: string[] = [];
  lines = 0;
  #nowMs = 0;

  /** @param packsAside blocks are packed when the test says so. */
  constructor(packsAside = false, fileBytesMax = 1 << 30) {
    if (exchange === undefined) throw new Error('no such exchange');
    const { rows, made } = collecting();
    this.rows = rows;
    this.made = made;
    this.journal = new JournalWriter({
      disk: this.disk,
      directory: '/journal/binance',
      exchange: 'binance',
      blockBytes: 600,
      fileBytesMax,
      onDurable: (block) => this.stage.durable(block),
      onFault: () => this.stage.diskFault(),
      ...(packsAside ? { packer: this.packer.pack } : {}),
    });
    this.stage = new DecodeStage({
      exchange,
      rows,
      journal: this.journal,
      world: {
        disk: this.disk,
        setup: { data: '/' },
        engine: {} as StoreEngine,
        finisher: {} as Finisher,
        log: (_level, message) => this.logged.push(message),
      },
      hooks: {},
      look: () => undefined,
    });
  }

  async begin(): Promise<void> {
    await this.journal.beginFile(START, null);
  }

  /** Seals the present file and begins the next. */
  async follow(): Promise<void> {
    await this.journal.seal({ time: this.stage.time, link: 2, ordinal: 1 });
    await this.journal.beginFile(this.stage.time, null);
  }

  /** Every other line is made in place. */
  append(): void {
    const frame = line(++this.lines);
    if (this.lines % 2 === 0) appendInPlaceTo(this.journal, [frame]);
    else appendTo(this.journal, frame);
    this.stage.line(frame);
  }

  async tick(): Promise<void> {
    this.#nowMs += 100;
    this.journal.tick(this.#nowMs);
    await turn();
  }

  /** Decodes some of what waits; meanwhile blocks are packed, the younger one first. */
  async catchUp(): Promise<void> {
    let isDone = false;
    const done = this.stage.catchUp().finally(() => {
      isDone = true;
    });
    for (let i = 0; !isDone; i++) {
      assert.ok(i < TURNS_MAX, 'what waits is decoded some time');
      await turn();
      this.packer.step(1);
    }
    await done;
  }

  async throughBacklog(): Promise<void> {
    while (this.stage.isBehind) await this.catchUp();
    this.rows.flush();
  }

  /** What a session makes of the same lines, read one after the other. */
  expected(): RowObject[] {
    if (exchange === undefined) throw new Error('no such exchange');
    const { rows, made } = collecting();
    const session = new Session(exchange, rows);
    for (let n = 1; n <= this.lines; n++) session.line(line(n));
    rows.flush();
    return made;
  }
}

for (const packsAside of [false, true])
  test(`lines decoded later, from the journal, give the rows they would have given at once${packsAside ? ', in whatever order blocks are packed' : ''}`, async () => {
    const act = fc.constantFrom('line', 'line', 'line', 'tick', 'pack', 'fall behind', 'catch up');
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 120, size: 'max' }), async (acts) => {
        const bench = new Bench(packsAside);
        await bench.begin();
        for (const act of acts) {
          if (act === 'line') bench.append();
          else if (act === 'tick') await bench.tick();
          else if (act === 'pack') bench.packer.step(1);
          else if (act === 'fall behind') bench.stage.fallBehind();
          else await bench.catchUp();
        }
        await bench.throughBacklog();
        assert.deepEqual(bench.made, bench.expected());
        assert.equal(bench.stage.framesBehind, 0);
      }),
      { numRuns: 60 },
    );
  });

test('while it is behind nothing is decoded, and what waits is counted', async () => {
  const bench = new Bench();
  await bench.begin();
  for (let i = 0; i < 10; i++) bench.append();
  const { time } = bench.stage;
  bench.stage.fallBehind();
  for (let i = 0; i < 10; i++) bench.append();
  await bench.tick();
  bench.rows.flush();
  const madeSoFar = bench.made.length;
  assert.deepEqual([bench.stage.isBehind, bench.stage.framesBehind, bench.stage.time], [true, 10, time]);
  assert.equal(bench.stage.heardUpTo(time + 1e9), time);
  await bench.throughBacklog();
  assert.ok(bench.made.length > madeSoFar);
  assert.equal(bench.stage.time, line(20).time);
});

test('a disk that fails while decoding is behind moves blocks to another file: each is decoded once', async () => {
  const bench = new Bench();
  await bench.begin();
  bench.append();
  bench.stage.fallBehind();
  for (let i = 0; i < 20; i++) bench.append();
  await bench.tick();
  let failures = 2;
  bench.disk.failing = (kind) => (kind === 'append' || kind === 'sync') && failures-- > 0;
  for (let i = 0; i < 20; i++) bench.append();
  for (let i = 0; i < 80; i++) await bench.tick();
  await bench.throughBacklog();
  assert.deepEqual(bench.made, bench.expected());
});

test('a block that cannot be read back is reported, opens gaps, and ends nothing', async () => {
  const bench = new Bench();
  await bench.begin();
  bench.append();
  bench.stage.fallBehind();
  for (let i = 0; i < 20; i++) bench.append();
  for (let i = 0; i < 5; i++) await bench.tick();
  for (const content of bench.disk.files.values()) content.bytes.fill(0, content.bytes.length - 40);
  await bench.throughBacklog();
  assert.match(bench.logged.join(), /cannot be read back/);
  assert.ok(bench.stage.framesBehind > 0, 'they are left to the next start');
  assert.equal(
    bench.stage.heardUpTo(START + 1e9),
    START + 1e9,
    'and what is silent from now on is found to be',
  );
  assert.ok(bench.made.some(({ table, cause }) => table === 'gap_events' && cause === 'damaged'));
  bench.append();
  bench.rows.flush();
  assert.equal(bench.made.at(-1)?.table, 'gap_events', 'the next trade closes the gap');
});

test('a disk that fails while the last lines are waited for does not keep chunks waiting', async () => {
  const bench = new Bench();
  await bench.begin();
  bench.append();
  bench.stage.fallBehind();
  await bench.tick();
  for (let i = 0; i < 5; i++) bench.append();
  bench.disk.failing = (kind) => kind === 'append' || kind === 'create';
  assert.equal(await bench.stage.catchUp(), false);
  assert.equal(bench.stage.isBehind, true);
  bench.append();
  bench.disk.failing = () => false;
  for (let i = 0; i < 80; i++) await bench.tick();
  await bench.throughBacklog();
  assert.deepEqual(bench.made, bench.expected());
});

test('it is full only while it is behind a file that is too large, on a disk that works', async () => {
  const bench = new Bench();
  await bench.begin();
  let isFaulty = false;
  let fileBytes = 2 ** 31;
  Object.defineProperty(bench.journal, 'fileBytes', { get: () => fileBytes });
  Object.defineProperty(bench.journal, 'isFaulty', { get: () => isFaulty });
  assert.equal(bench.stage.isFull, false, 'nothing waits');
  bench.stage.fallBehind();
  assert.equal(bench.stage.isFull, true);
  isFaulty = true;
  assert.equal(bench.stage.isFull, false, 'what waits cannot be decoded before the disk works');
  isFaulty = false;
  fileBytes = 2 ** 30;
  assert.equal(bench.stage.isFull, false, 'a file of the greatest size that a config may ask for');
});

test('what is full is decoded until more may wait, or until a stop is asked for', async () => {
  const bench = new Bench();
  await bench.begin();
  bench.append();
  bench.stage.fallBehind();
  for (let i = 0; i < 40; i++) bench.append();
  for (let i = 0; i < 5; i++) await bench.tick();
  Object.defineProperty(bench.journal, 'fileBytes', { value: 2 ** 31 });
  await bench.stage.relieve(() => true);
  assert.deepEqual([bench.stage.isBehind, bench.stage.framesBehind], [true, 40]);
  let looks = 0;
  const done = bench.stage.relieve(() => ++looks > 1_000_000);
  for (let i = 0; i < 20; i++) await bench.tick();
  await done;
  bench.rows.flush();
  assert.deepEqual([bench.stage.isBehind, bench.stage.framesBehind], [false, 0]);
  assert.deepEqual(bench.made, bench.expected());
});

test('under a load that does not end files are followed by files, and decoding steps back once for each', async () => {
  const bench = new Bench(false, 600);
  const { journal, stage } = bench;
  // A byte here stands for a megabyte: the greatest size of a file is reached after some blocks.
  const { get } = Object.getOwnPropertyDescriptor(JournalWriter.prototype, 'fileBytes') ?? {};
  Object.defineProperty(journal, 'fileBytes', { get: () => get?.call(journal) * 2 ** 20 });
  await bench.begin();
  let files = 1;
  let stepsBack = 0;
  // What the recorder does with each chunk while many wait.
  for (let chunk = 0; chunk < 300; chunk++) {
    if (stage.fallBehind()) stepsBack++;
    if (!stage.isBehind && journal.shouldRotate(stage.time)) {
      await bench.follow();
      files++;
    }
    for (let i = 0; i < 4; i++) bench.append();
    await bench.tick();
    while (stage.isFull) await bench.catchUp();
  }
  await bench.throughBacklog();
  assert.deepEqual(bench.made, bench.expected());
  assert.ok(files > 3, `${files} files`);
  assert.ok(stepsBack > 3 && stepsBack <= files, `${stepsBack} steps back, ${files} files`);
});
