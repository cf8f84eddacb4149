import assert from 'node:assert/strict';
import { test as nodeTest } from 'node:test';
import fc from 'fast-check';
import { textFrame } from '../record/index.ts';
import { type Act, CrashDisk, seeded, turn } from './crash-disk.ts';
import { listExchange } from './files.ts';
import { ManualPacker } from './manual-packer.ts';
import { readBlocks, scanTape } from './reader.ts';
import { recoverFile, sealRecovered } from './recover.ts';
import { appendInPlaceTo, appendTo, lineOf, SAMPLE_DIRECTORY, SAMPLE_START } from './sample-tape.ts';
import { JournalWriter } from './writer.ts';

/** A promise that never resolves fails its test after this long, ms; nothing waits for it otherwise. */
const DEADLINE_MS = 120_000;
const test = (name: string, run: () => Promise<void>): void => {
  nodeTest(name, { timeout: DEADLINE_MS }, run);
};

/** The journal as a toy: what was appended, and how much of it, from the front, is durable. */
class Model {
  lines: string[] = [];
  durable = 0;

  append(line: string): void {
    this.lines.push(line);
  }

  /** After power was lost: what survived is a part of what was appended, in its order, with all that was durable. */
  powerLost(survived: string[]): void {
    assert.deepEqual(survived.slice(0, this.durable), this.lines.slice(0, this.durable), 'durable and kept');
    let at = 0;
    for (const line of survived) {
      at = this.lines.indexOf(line, at) + 1;
      assert.ok(at > 0, `out of order, twice, or invented: ${line}`);
    }
    this.lines = survived;
    this.durable = survived.length;
  }
}

type Action =
  | {
      readonly kind: 'append';
      readonly count: number;
      readonly link: number;
      readonly bytes: number;
      readonly isInPlace: boolean;
    }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'disk'; readonly steps: readonly number[] }
  | { readonly kind: 'pack'; readonly steps: readonly number[]; readonly fails: boolean }
  | { readonly kind: 'flush' | 'durable' | 'rotate' }
  | { readonly kind: 'fault'; readonly act: Act; readonly count: number }
  | { readonly kind: 'power'; readonly seed: number };

interface Conditions {
  readonly withFaults: boolean;
  /** Blocks are packed aside, one after the other or not. */
  readonly packsAside: boolean;
}

const actions = ({ withFaults, packsAside }: Conditions): fc.Arbitrary<Action[]> => {
  const kinds: fc.WeightedArbitrary<Action>[] = [
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 6 }),
        link: fc.integer({ min: 10, max: 12 }),
        bytes: fc.integer({ min: 0, max: 300 }),
        isInPlace: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(400) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('disk' as const),
        steps: fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'durable', 'rotate') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('power' as const), seed: fc.integer() }) },
  ];
  if (withFaults)
    kinds.push({
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('fault' as const),
        act: fc.constantFrom<Act>('append', 'sync', 'create', 'replace', 'close', 'remove'),
        count: fc.integer({ min: 1, max: 3 }),
      }),
    });
  if (packsAside)
    kinds.push({
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('pack' as const),
        steps: fc.array(fc.nat(1), { minLength: 1, maxLength: 2 }),
        fails: withFaults ? fc.boolean() : fc.constant(false),
      }),
    });
  return fc.array(fc.oneof(...kinds), { minLength: 5, maxLength: 60 });
};

/** One journal under random actions, beside its model. */
class Trial {
  readonly model = new Model();
  disk = new CrashDisk();
  writer: JournalWriter;
  #packer = new ManualPacker();
  /** A promise of `durable` resolved before what it promised. */
  #isEarly = false;
  readonly #conditions: Conditions;
  #time = SAMPLE_START;
  #nowMs = 0;
  #run = 0;
  #survivedFrames = 0;
  #failures = new Map<Act, number>();
  readonly #ordinals = new Map<number, number>();

  constructor(conditions: Conditions) {
    this.#conditions = conditions;
    this.writer = this.#start();
  }

  #start(): JournalWriter {
    this.#run++;
    this.#failures.clear();
    this.disk.isManual = true;
    this.disk.failing = (act) => {
      const left = this.#failures.get(act) ?? 0;
      this.#failures.set(act, Math.max(0, left - 1));
      return left > 0;
    };
    this.#packer = new ManualPacker();
    const writer = new JournalWriter({
      disk: this.disk,
      directory: SAMPLE_DIRECTORY,
      exchange: 'binance',
      blockBytes: 600,
      ...(this.#conditions.packsAside ? { packer: this.#packer.pack } : {}),
    });
    writer.tick(this.#nowMs);
    void writer.beginFile(this.#time, this.#run % 2 === 0 ? null : Buffer.from(`state ${this.#run}`));
    return writer;
  }

  #ordinal(link: number): number {
    const ordinal = (this.#ordinals.get(link) ?? 0) + 1;
    this.#ordinals.set(link, ordinal);
    return ordinal;
  }

  #sealLine(): { time: number; link: number; ordinal: number } {
    return { time: this.#time, link: this.#run, ordinal: this.#ordinal(this.#run) };
  }

  async act(action: Action): Promise<void> {
    switch (action.kind) {
      case 'append':
        this.#append(action);
        break;
      case 'tick':
        this.#nowMs += action.ms;
        this.writer.tick(this.#nowMs);
        break;
      case 'disk':
        for (const index of action.steps) await this.disk.step(index);
        break;
      case 'flush':
        this.writer.flush();
        break;
      case 'durable':
        this.#durable(this.writer);
        break;
      case 'pack':
        for (const index of action.steps) this.#packer.step(index, action.fails);
        break;
      case 'rotate':
        void this.writer.seal(this.#sealLine());
        this.#time += 1_500_000_000;
        void this.writer.beginFile(this.#time, Buffer.from('state'));
        break;
      case 'fault':
        this.#failures.set(action.act, action.count);
        break;
      case 'power':
        await this.#powerLoss(seeded(action.seed));
        break;
    }
    await turn();
    this.#noteDurable();
    assert.equal(this.#isEarly, false, 'nothing is called durable too early');
  }

  #append({ count, link: local, bytes, isInPlace }: Extract<Action, { kind: 'append' }>): void {
    const link = local + this.#run * 100;
    const frames = Array.from({ length: count }, (_, i) => {
      this.#time += i % 2;
      return textFrame(
        this.#time,
        link,
        this.#ordinal(link),
        'received',
        `${i}`.padEnd(bytes, i % 2 === 0 ? 'abc' : 'abc\n'),
      );
    });
    if (isInPlace) appendInPlaceTo(this.writer, frames);
    else for (const frame of frames) appendTo(this.writer, frame);
    for (const frame of frames) this.model.append(lineOf(frame));
  }

  #durable(writer: JournalWriter): void {
    const promised = writer.framesAppended;
    void writer.durable().then(() => {
      this.#isEarly ||= writer.framesDurable < promised;
    });
  }

  /** What the writer calls durable and has let go of must be there whatever happens. */
  #noteDurable(): void {
    this.model.durable = Math.max(this.model.durable, this.#survivedFrames + this.writer.framesDurable);
  }

  async #powerLoss(random: () => number): Promise<void> {
    this.#noteDurable();
    this.disk = this.disk.powerLoss(random);
    await this.#recover();
    this.model.powerLost(await this.#frames());
    this.#survivedFrames = this.model.lines.length;
    this.#time += 5;
    this.writer = this.#start();
  }

  /** As a start does it. */
  async #recover(): Promise<void> {
    const files = await listExchange(this.disk, SAMPLE_DIRECTORY, 'binance');
    for (const [i, { path, start }] of files.entries()) {
      const before = [...readBlocks(await this.disk.read(path))].filter(
        ({ kind }) => kind === 'block',
      ).length;
      const recovered = await recoverFile(
        this.disk,
        path,
        files.slice(i + 1).map((file) => file.path),
      );
      if (!this.#conditions.withFaults)
        assert.equal(recovered.cutBlocks, 0, 'without a fault every whole block is kept');
      if (recovered.isSealed) continue;
      assert.equal(recovered.blocks + recovered.cutBlocks, before);
      await sealRecovered(this.disk, path, recovered, {
        ...this.#sealLine(),
        time: recovered.lastTime || start,
      });
    }
    // Every file is now whole but for damage in its middle, which its seal knows.
    for (const { path } of files) assert.deepEqual(scanTape(await this.disk.read(path)).sealFaults, [], path);
  }

  async #frames(): Promise<string[]> {
    const lines: string[] = [];
    for (const { path } of await listExchange(this.disk, SAMPLE_DIRECTORY, 'binance'))
      scanTape(await this.disk.read(path), (frame) => frame.link > 100 && lines.push(lineOf(frame)));
    return lines;
  }

  /** The disk works again, and an orderly stop. Everything since the last power loss must be there. */
  async finish(): Promise<void> {
    this.#failures.clear();
    let isDone = false;
    const done = Promise.all([this.writer.seal(this.#sealLine()), this.writer.close()]).then(() => {
      isDone = true;
    });
    for (let i = 0; i < 500 && !isDone; i++) {
      this.#nowMs += 1000;
      this.writer.tick(this.#nowMs);
      await turn();
      while (this.#packer.step(1) || (await this.disk.step()));
    }
    assert.ok(isDone, 'the stop came to an end');
    await done;
    assert.equal(this.writer.unsyncedBytes, 0);
    this.disk.isManual = false;
    await this.#recover();
    assert.deepEqual(await this.#frames(), this.model.lines);
  }
}

for (const withFaults of [false, true])
  for (const packsAside of [false, true])
    test(`what is durable is kept, in order, once, and nothing is invented, whenever power is lost${withFaults ? ' and whatever fails' : ''}${packsAside ? ', and blocks are packed in any order' : ''}`, async () => {
      const conditions = { withFaults, packsAside };
      await fc.assert(
        fc.asyncProperty(actions(conditions), async (list) => {
          const trial = new Trial(conditions);
          for (const action of list) await trial.act(action);
          await trial.finish();
        }),
        { numRuns: Number(process.env.JOURNAL_RUNS ?? 150) },
      );
    });
