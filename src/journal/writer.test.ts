import assert from 'node:assert/strict';
import { test as nodeTest } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import type { Frame } from '../record/index.ts';
import { type Act, CrashDisk, turn } from './crash-disk.ts';
import type { JournalFault } from './disk-queue.ts';
import { listExchange, statePathOf } from './files.ts';
import { scanTape } from './reader.ts';
import { recoverFile } from './recover.ts';
import { appendTo, lineOf, SAMPLE_DIRECTORY, SAMPLE_START, sampleFrames } from './sample-tape.ts';
import { JournalWriter, type JournalWriterOptions } from './writer.ts';

/** A promise that never resolves fails its test after this long, ms; nothing waits for it otherwise. */
const DEADLINE_MS = 120_000;
const test = (name: string, run: () => Promise<void>): void => {
  nodeTest(name, { timeout: DEADLINE_MS }, run);
};

const seal = { time: SAMPLE_START + 9_000_000, link: 1, ordinal: 1 };
const HOUR_US = 3_600_000_000;

class Bench {
  readonly disk = new CrashDisk();
  readonly faults: JournalFault[] = [];
  /** Each with the number of frames that were durable then. */
  readonly released: string[] = [];
  readonly writer: JournalWriter;
  nowMs = 0;

  constructor(options: Partial<JournalWriterOptions> = {}) {
    this.writer = new JournalWriter({
      disk: this.disk,
      directory: SAMPLE_DIRECTORY,
      exchange: 'binance',
      onFault: (fault) => this.faults.push(fault),
      onReleased: (path) => this.released.push(`${path} at ${this.writer.framesDurable}`),
      ...options,
    });
  }

  append(frames: readonly Frame[]): void {
    for (const frame of frames) appendTo(this.writer, frame);
  }

  async tick(ms: number): Promise<void> {
    this.nowMs += ms;
    this.writer.tick(this.nowMs);
    await turn();
  }

  /** Fails the n-th (from 1) of the acts from now on, or all from the n-th on. */
  failAt(act: Act, n: number, count = 1): void {
    let seen = 0;
    this.disk.failing = (one) => one === act && ++seen >= n && seen < n + count;
  }

  /** Every frame on disk, file by file, without the seals. */
  async frames(): Promise<string[]> {
    const lines: string[] = [];
    for (const { path } of await listExchange(this.disk, SAMPLE_DIRECTORY, 'binance'))
      scanTape(await this.disk.read(path), (frame) => frame.link !== 1 && lines.push(lineOf(frame)));
    return lines;
  }

  async paths(): Promise<string[]> {
    return (await listExchange(this.disk, SAMPLE_DIRECTORY, 'binance')).map(({ path }) => path);
  }

  /** Recovers every file as a start does, so that nothing is there twice. */
  async recover(): Promise<void> {
    const paths = await this.paths();
    for (const [i, path] of paths.entries()) await recoverFile(this.disk, path, paths.slice(i + 1));
  }
}

test('a frame is durable syncMs after it came, with at most one fsync in that time, however slow the fsync', async () => {
  for (const slowMs of [0, 40, 180, 400]) {
    const bench = new Bench({ syncMs: 250 });
    const begun = bench.writer.beginFile(SAMPLE_START, null);
    await turn();
    await begun;
    bench.disk.isManual = true;
    const frames = sampleFrames(400);
    const appendedAt: number[] = [];
    const durableAt: number[] = [];
    const syncs: number[] = [];
    let slowUntil = 0;
    for (let ms = 0; ms < 8000; ms += 10) {
      bench.nowMs = ms;
      const frame = frames[appendedAt.length];
      if (frame !== undefined && ms % 30 < 20) {
        appendTo(bench.writer, frame);
        appendedAt.push(ms);
      }
      await bench.tick(0);
      for (let i = 0; i < bench.disk.waiting.length; ) {
        if (bench.disk.waiting[i]?.act !== 'sync') await bench.disk.step(i);
        else if (slowUntil === 0) {
          slowUntil = ms + slowMs;
          syncs.push(ms);
        } else if (ms >= slowUntil) {
          slowUntil = 0;
          await bench.disk.step(i);
        } else i++;
      }
      while (durableAt.length < bench.writer.framesDurable) durableAt.push(ms);
    }
    assert.equal(durableAt.length, 400);
    const waits = durableAt.map((at, i) => at - (appendedAt[i] ?? 0));
    // One fsync that is under way may have to be waited for.
    const allowed = 250 + slowMs + Math.max(0, slowMs - 250) + 30;
    assert.ok(
      Math.max(...waits) <= allowed,
      `${slowMs} ms: waited ${Math.max(...waits)}, allowed ${allowed}`,
    );
    for (let i = 1; i < syncs.length; i++)
      assert.ok((syncs[i] ?? 0) - (syncs[i - 1] ?? 0) >= 240, `fsyncs at ${syncs}`);
  }
});

test('a block closes when it is large, and its bytes stay in memory until their fsync returned', async () => {
  const bench = new Bench({ blockBytes: 1000 });
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.append(sampleFrames(40));
  await turn();
  const path = (await bench.paths())[0] ?? '';
  const written = (await bench.disk.read(path)).length;
  assert.ok(written > 1000, 'blocks are written before an fsync is due');
  assert.equal(bench.writer.framesDurable, 0);
  assert.ok(bench.writer.unsyncedBytes >= written);
  await bench.tick(250);
  assert.equal(bench.writer.framesDurable, 40);
  assert.equal(bench.writer.unsyncedBytes, 0);
  assert.equal(bench.writer.framesAppended, 40);
  assert.equal(bench.writer.bytesWritten, (await bench.disk.read(path)).length);
});

test('nothing is written without need: an idle journal neither writes nor syncs', async () => {
  const bench = new Bench();
  await bench.writer.beginFile(SAMPLE_START, null);
  await bench.writer.durable();
  const before = bench.disk.log.length;
  for (let i = 0; i < 100; i++) await bench.tick(20);
  await bench.writer.durable();
  assert.equal(bench.disk.log.length, before);
});

test('a file is named by its start in UTC, has its state beside it, and the state is there first', async () => {
  const bench = new Bench();
  const state = Buffer.from('{"books":[1,2,3]}');
  const file = await bench.writer.beginFile(SAMPLE_START + 5 * HOUR_US, state);
  assert.equal(file.path, `${SAMPLE_DIRECTORY}/2026-11-22/15-${SAMPLE_START + 5 * HOUR_US}.tape.zst`);
  assert.deepEqual(
    [file.exchange, file.date, file.hour, file.name],
    ['binance', '2026-11-22', 15, `15-${SAMPLE_START + 5 * HOUR_US}`],
  );
  assert.equal(file.statePath, statePathOf(file.path));
  assert.deepEqual(zstdDecompressSync(await bench.disk.read(file.statePath)), state);
  assert.deepEqual(bench.disk.log, [`replace ${file.statePath}`, `create ${file.path}`]);
  assert.deepEqual(await listExchange(bench.disk, SAMPLE_DIRECTORY, 'binance'), [file]);
});

test('a name that is taken is never taken again', async () => {
  const first = new Bench();
  await first.writer.beginFile(SAMPLE_START, null);
  first.append(sampleFrames(3));
  await first.writer.durable();
  const [path = ''] = await first.paths();
  const before = await first.disk.read(path);
  const second = new JournalWriter({ disk: first.disk, directory: SAMPLE_DIRECTORY, exchange: 'binance' });
  const file = await second.beginFile(SAMPLE_START, Buffer.from('x'));
  assert.equal(file.start, SAMPLE_START + 1);
  appendTo(second, sampleFrames(1)[0] as Frame);
  await second.durable();
  assert.deepEqual(await first.disk.read(path), before);
});

test('files follow each other without waiting: appends go on while the last one is sealed', async () => {
  const bench = new Bench();
  const frames = sampleFrames(30);
  const files = [bench.writer.beginFile(SAMPLE_START, null)];
  bench.append(frames.slice(0, 10));
  const sealed = [bench.writer.seal({ ...seal, ordinal: 1 })];
  files.push(bench.writer.beginFile(SAMPLE_START + HOUR_US, Buffer.from('{}')));
  bench.append(frames.slice(10, 20));
  sealed.push(bench.writer.seal({ ...seal, ordinal: 2 }));
  files.push(bench.writer.beginFile(SAMPLE_START + 2 * HOUR_US, null));
  bench.append(frames.slice(20));
  await bench.writer.close();
  assert.deepEqual(await bench.frames(), frames.map(lineOf));
  for (const [i, begun] of files.slice(0, 2).entries()) {
    const { path } = await begun;
    assert.equal((await sealed[i])?.file.path, path);
    const summary = scanTape(await bench.disk.read(path));
    assert.deepEqual([summary.damages, summary.sealFaults, summary.frames], [[], [], 10]);
    assert.deepEqual(summary.seal, (await sealed[i])?.seal);
  }
  assert.equal(bench.disk.log.filter((one) => one.startsWith('close')).length, 3);
});

test('another file is advised by the hour, by size, before the first, and after a failure', async () => {
  const bench = new Bench({ blockBytes: 500, fileBytesMax: 2000 });
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), true);
  await bench.writer.beginFile(SAMPLE_START + 1, null);
  assert.equal(bench.writer.shouldRotate(SAMPLE_START + HOUR_US - 1), false);
  assert.equal(bench.writer.shouldRotate(SAMPLE_START + HOUR_US), true);
  const frames = sampleFrames(200);
  bench.append(frames.slice(0, 4));
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), false);
  bench.append(frames.slice(4, 100));
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), true);
  await bench.writer.seal(seal);
  assert.equal(bench.writer.isOpen, false);
  await bench.writer.beginFile(SAMPLE_START + 2, null);
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), false);
  bench.append(frames.slice(100, 102));
  await bench.writer.durable();
  bench.failAt('sync', 1, 2);
  bench.append(frames.slice(102, 104));
  const durable = bench.writer.durable();
  await turn();
  assert.equal(bench.writer.isFaulty, true);
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), false, 'not while the disk fails');
  await bench.tick(1000);
  await durable;
  assert.equal(bench.writer.shouldRotate(SAMPLE_START), true, 'the file that took over has no state');
});

for (const act of ['append', 'sync'] as const)
  test(`after a failed ${act} a file is never written again, and what was not durable goes to a new one, once`, async () => {
    const bench = new Bench();
    const frames = sampleFrames(50);
    const { path } = await bench.writer.beginFile(SAMPLE_START, Buffer.from('{}'));
    bench.append(frames.slice(0, 20));
    await bench.writer.durable();
    bench.failAt(act, 1);
    bench.append(frames.slice(20, 30));
    bench.writer.flush();
    bench.append(frames.slice(30, 40));
    await bench.writer.durable();
    const before = bench.disk.log.length;
    bench.append(frames.slice(40));
    const sealed = await bench.writer.seal(seal);
    assert.deepEqual(
      bench.faults.map((fault) => [fault.act, fault.path, fault.retryMs]),
      [[act, path, 0]],
    );
    assert.equal(bench.faults[0]?.code, 'journal-fault');
    assert.deepEqual(
      bench.disk.log.slice(before).filter((one) => one.endsWith(path)),
      [],
    );
    assert.equal(bench.released.length, 1);
    assert.match(
      bench.released[0] ?? '',
      /tape\.zst at (30|40)$/,
      'not before its frames are durable elsewhere',
    );
    assert.ok(bench.released[0]?.startsWith(path));
    const paths = await bench.paths();
    assert.equal(paths.length, 2);
    assert.equal(sealed?.file.path, paths[1]);
    assert.equal(sealed?.file.start, frames[20]?.time);
    await bench.recover();
    assert.deepEqual(await bench.frames(), frames.map(lineOf));
    assert.deepEqual(scanTape(await bench.disk.read(paths[1] ?? '')).sealFaults, []);
    assert.equal(bench.writer.unsyncedBytes, 0);
  });

test('from the second failure in a row on the next attempt waits for its time, longer and longer, and nothing is lost', async () => {
  const bench = new Bench();
  const frames = sampleFrames(30);
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.append(frames.slice(0, 10));
  await bench.writer.durable();
  bench.disk.failing = (act) => act === 'append';
  bench.append(frames.slice(10, 20));
  const durable = bench.writer.durable();
  const attempts: number[] = [];
  let seen = 0;
  for (let ms = 0; ms < 40_000; ms += 20) {
    await bench.tick(20);
    const count = bench.disk.log.filter((one) => one.startsWith('append')).length;
    if (count > seen) attempts.push(ms);
    seen = count;
    if (ms === 20_000) bench.append(frames.slice(20));
  }
  assert.ok(attempts.length < 16, `${attempts.length} attempts in 40 s`);
  const waits = attempts.slice(1).map((ms, i) => ms - (attempts[i] ?? 0));
  assert.ok(
    waits.every((wait, i) => i === 0 || wait >= (waits[i - 1] ?? 0) - 20),
    `${waits}`,
  );
  assert.ok((waits.at(-1) ?? 0) >= 5000);
  assert.deepEqual((await bench.paths()).length, 1, 'attempts that wrote nothing leave no files');
  assert.ok(bench.writer.unsyncedBytes > 0);
  bench.disk.failing = () => false;
  await bench.tick(5000);
  await durable;
  await bench.writer.durable();
  await bench.recover();
  assert.deepEqual(await bench.frames(), frames.map(lineOf));
  assert.equal(bench.writer.isFaulty, false);
});

test('a file that fails before anything in it is durable is begun anew, with its state', async () => {
  for (const act of ['create', 'replace', 'append', 'sync'] as const) {
    const bench = new Bench();
    bench.failAt(act, 1, 3);
    const frames = sampleFrames(10);
    const begun = bench.writer.beginFile(SAMPLE_START, Buffer.from('{"a":1}'));
    bench.append(frames);
    const durable = bench.writer.durable();
    for (let i = 0; i < 40; i++) await bench.tick(50);
    await durable;
    await begun;
    assert.ok(bench.faults.length >= 3, act);
    await bench.recover();
    assert.deepEqual(await bench.frames(), frames.map(lineOf), act);
    const last = (await bench.paths()).at(-1) ?? '';
    assert.equal(zstdDecompressSync(await bench.disk.read(statePathOf(last))).toString(), '{"a":1}', act);
    assert.equal(bench.writer.shouldRotate(SAMPLE_START), false, 'it has its state');
  }
});

test('where the disk fails at the seal, the file is released unsealed, and the next one goes on', async () => {
  const bench = new Bench();
  const frames = sampleFrames(20);
  const { path } = await bench.writer.beginFile(SAMPLE_START, null);
  bench.append(frames.slice(0, 10));
  await bench.writer.durable();
  bench.failAt('sync', 1);
  const sealed = bench.writer.seal(seal);
  await bench.writer.beginFile(SAMPLE_START + HOUR_US, null);
  assert.equal(await sealed, null);
  bench.append(frames.slice(10));
  await bench.writer.close();
  assert.deepEqual(bench.released, [`${path} at 10`]);
  assert.deepEqual(await bench.frames(), frames.map(lineOf));
  assert.equal((await bench.paths()).length, 2);
});

test('a seal is not written before all blocks under it are durable', async () => {
  const bench = new Bench();
  await bench.writer.beginFile(SAMPLE_START, null);
  bench.append(sampleFrames(10));
  await bench.writer.seal(seal);
  const acts = bench.disk.log.map((one) => one.split(' ')[0]);
  assert.deepEqual(acts, ['create', 'append', 'sync', 'append', 'sync', 'close']);
});

test('calls that make no sense are refused', async () => {
  const bench = new Bench();
  const [frame] = sampleFrames(1) as [Frame];
  assert.throws(() => appendTo(bench.writer, frame), /no journal file is begun/);
  await assert.rejects(bench.writer.seal(seal), /no journal file is begun/);
  await bench.writer.beginFile(SAMPLE_START, null);
  await assert.rejects(bench.writer.beginFile(SAMPLE_START, null), /before the one before it is sealed/);
});
