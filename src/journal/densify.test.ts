import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeDisk, nodeTimers, type Timers } from '../host/index.ts';
import { type Act, CrashDisk, seeded, turn } from './crash-disk.ts';
import { type Densified, densify, isDense } from './densify.ts';
import { removeTemporary } from './files.ts';
import { type Block, catLines, readBlocks, scanTape } from './reader.ts';
import { recoverFile, sealRecovered } from './recover.ts';
import { appendTo, lineOf, SAMPLE_DIRECTORY, SAMPLE_START, sampleFrames, sampleTape } from './sample-tape.ts';
import { JournalWriter } from './writer.ts';

/** Timers whose waits are over at once. */
const instant: Timers = {
  set: (_ms, run) => {
    queueMicrotask(run);
    return { timer: null };
  },
  clear: () => undefined,
};

const tape = await sampleTape(12);

function diskWith(bytes: Buffer, path = tape.path): CrashDisk {
  const disk = new CrashDisk();
  disk.files.set(path, { bytes, durable: bytes.length, isPoisoned: false });
  return disk;
}

/** Frames, the seal's line left out: it names another hash. */
function linesOf(bytes: Buffer): string[] {
  const lines: string[] = [];
  const { damages, sealFaults, seal } = scanTape(bytes, (frame) => lines.push(lineOf(frame)));
  assert.deepEqual([damages, sealFaults], [[], []]);
  if (seal !== null) assert.match(lines.pop() ?? '', /"event":"sealed"/);
  return lines;
}

function textOf(bytes: Buffer): Buffer {
  return Buffer.concat([...catLines(bytes)].map((part) => (Buffer.isBuffer(part) ? part : assert.fail())));
}

async function densified(
  disk: CrashDisk,
  path = tape.path,
): Promise<Extract<Densified, { kind: 'densified' }>> {
  const result = await densify(path, { disk, timers: instant });
  return result.kind === 'densified' ? result : assert.fail(result.detail);
}

test('a dense file holds the same lines in fewer blocks, and its seal fits', async () => {
  const disk = diskWith(tape.bytes);
  assert.equal(await isDense(disk, tape.path), false);
  const result = await densified(disk);
  const bytes = await disk.read(tape.path);
  assert.deepEqual(linesOf(bytes), tape.frames.map(lineOf));
  const blocks = [...readBlocks(bytes)].filter((found): found is Block => found.kind === 'block');
  assert.deepEqual(
    blocks.map(({ header }) => [header.seal, header.dense]),
    [
      [false, true],
      [true, true],
    ],
  );
  assert.equal(blocks[0]?.header.firstTime, tape.frames[0]?.time);
  assert.equal(blocks[0]?.header.lastTime, tape.frames.at(-1)?.time);
  assert.deepEqual(result, {
    kind: 'densified',
    bytesBefore: tape.bytes.length,
    bytes: bytes.length,
    frames: tape.frames.length,
    seal: scanTape(bytes).seal,
  });
  assert.ok(bytes.length < tape.bytes.length * 0.7, `${bytes.length} of ${tape.bytes.length} bytes`);
  const [before, now] = [textOf(tape.bytes).toString(), textOf(bytes).toString()].map((text) =>
    text.split(' ! {"event":"sealed"'),
  );
  assert.equal(now?.[0], before?.[0], 'byte for byte, up to what the seal says');
});

test('a dense file is known by its first header and not written again', async () => {
  const disk = diskWith(tape.bytes);
  await densified(disk);
  assert.equal(await isDense(disk, tape.path), true);
  const before = disk.log.length;
  assert.deepEqual(await densify(tape.path, { disk, timers: instant }), {
    kind: 'left',
    reason: 'dense',
    detail: 'it is dense already',
  });
  assert.equal(disk.log.length, before);
});

test('blocks close near 2 MiB of text, and a larger one stays one', async () => {
  const disk = new CrashDisk();
  const writer = new JournalWriter({
    disk,
    directory: SAMPLE_DIRECTORY,
    exchange: 'binance',
    blockBytes: 500_000,
  });
  const begun = writer.beginFile(SAMPLE_START, null);
  const frames = sampleFrames(12_000).map((frame, i) => {
    if (i === 3000) frame.set(frame.time, frame.link, frame.ordinal, 'rest', Buffer.alloc(3_000_000, 'ab'));
    else if (i % 2 === 0)
      frame.set(frame.time, frame.link, frame.ordinal, 'sent', Buffer.alloc(600, `${i} `));
    return frame;
  });
  for (const frame of frames) appendTo(writer, frame);
  const { path } = await begun;
  await writer.seal({ time: frames.at(-1)?.time ?? 0, link: 1, ordinal: 1 });
  await writer.close();
  await densified(disk, path);
  const bytes = await disk.read(path);
  assert.deepEqual(linesOf(bytes), frames.map(lineOf));
  const sizes = [...readBlocks(bytes)].map((found) => (found.kind === 'block' ? found.header.textBytes : 0));
  assert.ok(sizes.some((size) => size > 3_000_000) && sizes.length > 4, String(sizes));
  assert.ok(
    sizes.slice(0, -2).every((size) => size > 1_000_000),
    String(sizes),
  );
});

test('any frames in blocks of any size come back in order', async () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }));
  await fc.assert(
    fc.asyncProperty(sizes, async ([blocks, framesPerBlock]) => {
      const { bytes, frames, path } = await sampleTape(blocks, framesPerBlock);
      const disk = diskWith(bytes, path);
      await densified(disk, path);
      assert.deepEqual(linesOf(await disk.read(path)), frames.map(lineOf));
    }),
    { numRuns: 25 },
  );
});

test('files that are unsealed, repaired or damaged are left alone, with the reason', async () => {
  const unsealed = await sampleTape(3, 20, false);
  const repaired = diskWith(Buffer.from(unsealed.bytes));
  const found = await recoverFile(repaired, tape.path);
  await sealRecovered(repaired, tape.path, found, { time: SAMPLE_START, link: 1, ordinal: 1 });
  const flipped = (at: number): Buffer => {
    const bytes = Buffer.from(tape.bytes);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  // Without its first block.
  const second = [...readBlocks(tape.bytes)][1]?.offset ?? 0;
  const cases: [string, Buffer][] = [
    ['unsealed', unsealed.bytes],
    ['unsealed', Buffer.alloc(0)],
    ['unsealed', Buffer.concat([tape.bytes, Buffer.from('x')])],
    ['repaired', await repaired.read(tape.path)],
    ['damaged', flipped(20)],
    ['damaged', flipped(second + 100)],
    ['damaged', tape.bytes.subarray(second)],
  ];
  for (const [reason, bytes] of cases) {
    const disk = diskWith(bytes);
    const result = await densify(tape.path, { disk, timers: instant });
    assert.equal(result.kind === 'left' && result.reason, reason, JSON.stringify(result));
    assert.deepEqual([...disk.files.keys()], [tape.path]);
    assert.deepEqual(await disk.read(tape.path), bytes);
  }
});

test('whenever power is lost, the old file or the new one is there, whole; the next try goes through', async () => {
  const dense = diskWith(tape.bytes);
  await densified(dense);
  const denseBytes = await dense.read(tape.path);
  let [old, fresh] = [0, 0];
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed * 7919);
    const disk = diskWith(tape.bytes);
    disk.isManual = true;
    const work = densify(tape.path, { disk, timers: instant });
    const steps = Math.floor(random() * 7);
    for (let i = 0; i < steps; i++) {
      while (disk.waiting.length === 0 && !(await isDense(disk, tape.path))) await turn();
      await disk.step();
    }
    const after = disk.powerLoss(random);
    const bytes = await after.read(tape.path);
    assert.ok(bytes.equals(tape.bytes) || bytes.equals(denseBytes), `seed ${seed}, ${steps} steps`);
    if (bytes.equals(denseBytes)) fresh++;
    else old++;
    if (seed % 2 === 0) await removeTemporary(after, SAMPLE_DIRECTORY);
    if (seed % 2 === 0) assert.deepEqual([...after.files.keys()], [tape.path]);
    const again = await densify(tape.path, { disk: after, timers: instant });
    assert.ok(again.kind === 'densified' || again.reason === 'dense');
    assert.deepEqual(await after.read(tape.path), denseBytes);
    void work;
  }
  assert.ok(old > 20 && fresh > 5, `${old} old, ${fresh} new`);
});

test('whatever the disk refuses, the old file stands and nothing is left beside it', async () => {
  for (const act of ['create', 'append', 'sync', 'close', 'rename'] satisfies Act[]) {
    const disk = diskWith(tape.bytes);
    disk.failing = (asked) => asked === act;
    await assert.rejects(densify(tape.path, { disk, timers: instant }), { code: 'EIO' }, act);
    assert.deepEqual([...disk.files.keys()], [tape.path], act);
    assert.deepEqual(await disk.read(tape.path), tape.bytes);
  }
});

test('what was written wrongly does not take the old file’s place', async () => {
  const other = diskWith((await sampleTape(11)).bytes);
  await densified(other);
  const whole = await other.read(tape.path);
  const spoiled = (at: number) => (bytes: Buffer) => {
    bytes[(at + bytes.length) % bytes.length] = 0x5a;
    return bytes;
  };
  for (const change of [spoiled(10), spoiled(90), spoiled(-5), () => whole]) {
    const disk = diskWith(tape.bytes);
    const { read, readPart } = { read: disk.read.bind(disk), readPart: disk.readPart.bind(disk) };
    disk.readPart = async (path, start, length) =>
      path === tape.path
        ? readPart(path, start, length)
        : change(await read(path)).subarray(start, start + length);
    await assert.rejects(densify(tape.path, { disk, timers: instant }), /came out wrong/);
    assert.deepEqual(await read(tape.path), tape.bytes);
    assert.equal(disk.files.size, 1);
  }
});

/** Timers that a test lets run out. */
class HeldTimers implements Timers {
  readonly waits: number[] = [];
  readonly running = new Map<number, () => void>();

  set(ms: number, run: () => void): { timer: number } {
    const timer = this.waits.push(ms);
    this.running.set(timer, run);
    return { timer };
  }

  clear({ timer }: { timer: unknown }): void {
    this.running.delete(timer as number);
  }

  fire(): void {
    for (const run of [...this.running.values()]) run();
  }
}

test('the work pauses after each step, so that it keeps to its share', async () => {
  const timers = new HeldTimers();
  let clock = 0;
  const now = (): number => (clock += 5);
  const disk = diskWith(tape.bytes);
  const work = densify(tape.path, { disk, timers, share: 0.2, now });
  let isDone = false;
  void work.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await turn();
    timers.fire();
  }
  assert.equal((await work).kind, 'densified');
  assert.ok(timers.waits.length > tape.blocks.length);
  assert.ok(
    timers.waits.every((ms) => Math.abs(ms - 20) < 1e-9),
    '5 ms of work, 20 ms of rest',
  );
  await assert.rejects(densify(tape.path, { disk, timers, share: 0 }), RangeError);
});

test('the signal ends the work at once, in a pause too, and the old file stands', async () => {
  const timers = new HeldTimers();
  const disk = diskWith(tape.bytes);
  const abort = new AbortController();
  const work = densify(tape.path, { disk, timers, signal: abort.signal });
  while (timers.running.size === 0) await turn();
  abort.abort();
  assert.deepEqual(await work, { kind: 'left', reason: 'aborted', detail: 'it was ended before its end' });
  assert.equal(timers.running.size, 0);
  assert.deepEqual([...disk.files.keys()], [tape.path]);
  assert.deepEqual(await disk.read(tape.path), tape.bytes);
  const late = await densify(tape.path, { disk, timers, signal: abort.signal });
  assert.equal(late.kind === 'left' && late.reason, 'aborted');
});

test('on a real disk the stock tool prints the same lines', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'feedtape-dense-'));
  try {
    const path = join(directory, '2026-11-22', '10-1.tape.zst');
    mkdirSync(dirname(path));
    writeFileSync(path, tape.bytes);
    writeFileSync(`${path}.dense.tmp`, 'what an interrupted try left');
    assert.equal((await densify(path, { disk: nodeDisk, timers: nodeTimers, share: 1 })).kind, 'densified');
    assert.deepEqual(linesOf(readFileSync(path)), tape.frames.map(lineOf));
    assert.deepEqual(readdirSync(dirname(path)), ['10-1.tape.zst']);
    const stock = spawnSync('zstd', ['-dc', path], { maxBuffer: 1 << 28 });
    if (stock.error !== undefined) return t.skip('no zstd tool here');
    assert.equal(stock.status, 0, String(stock.stderr));
    assert.deepEqual(stock.stdout, textOf(readFileSync(path)));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the benchmark runs', () => {
  const bench = join(import.meta.dirname, 'densify.bench.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bench, '100'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\| dense, first \| 2 \| [\d.]+ B [\d.]+ µs/m);
});

test('where messages change their kind, all searches are tried again: at once where it is for the worse, else later', async () => {
  const random = seeded(3);
  const digits = (count: number): string => random().toFixed(count).slice(2);
  // One kind of message, and a hundred of them in turn, as in a file of many symbols.
  const plain = Array.from(
    { length: 6000 },
    (_, i) => `{"e":"trade","s":"AAABBB","t":${i},"p":"67${digits(3)}"}`,
  );
  const kinds = Array.from(
    { length: 100 },
    () => `"${digits(15)}${digits(15)}":"${digits(15)}","${digits(9)}":`,
  );
  const mixed = Array.from(
    { length: 6000 },
    () => `{${kinds[Math.floor(random() * 100)]}${digits(4)},"${digits(12)}":1}`,
  );
  /** What is left of the text of ten blocks, the first of one kind, the others of another. */
  const shares = async (first: readonly string[], others: readonly string[]): Promise<number[]> => {
    const disk = new CrashDisk();
    const writer = new JournalWriter({ disk, directory: SAMPLE_DIRECTORY, exchange: 'binance' });
    const begun = writer.beginFile(SAMPLE_START, null);
    let ordinal = 0;
    for (let block = 0; block < 10; block++) {
      const texts = block === 0 ? first : others;
      for (let bytes = 0, i = 0; bytes < 1_200_000; i++) {
        const payload = Buffer.from(texts[i % texts.length] ?? '');
        writer.append(SAMPLE_START + ordinal, 7, ++ordinal, 'received', payload, 0, payload.length);
        bytes += payload.length;
      }
      writer.flush();
    }
    const { path } = await begun;
    await writer.seal({ time: SAMPLE_START + ordinal, link: 1, ordinal: 1 });
    await writer.close();
    await densified(disk, path);
    const blocks = [...readBlocks(await disk.read(path))].filter(
      (found): found is Block => found.kind === 'block',
    );
    assert.equal(blocks.length, 11);
    return blocks.slice(0, 10).map(({ header }) => header.compressedBytes / header.textBytes);
  };
  const worse = await shares(plain, mixed);
  for (const share of worse.slice(2)) assert.ok(Math.abs(share - (worse[1] as number)) < 0.01, worse.join());
  assert.ok((worse[1] as number) < 0.25, worse.join());
  const better = await shares(mixed, plain);
  for (const share of better.slice(8)) assert.ok(share < (better[7] as number) * 0.9, better.join());
});
