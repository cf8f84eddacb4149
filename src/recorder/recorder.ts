import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EXCHANGES, findExchange } from '../exchanges/index.ts';
import { nodeDisk, nodeTimers } from '../host/index.ts';
import { isObject, parseJson } from '../record/index.ts';
import { StoreEngine, scratchDirectory } from '../store/index.ts';
import { ChunkReader } from './chunk.ts';
import { moving } from './chunk-memory.ts';
import { Densifier, sparseFiles } from './densifier.ts';
import type { Chunk } from './ear.ts';
import { saveEndState } from './end-state.ts';
import { ExchangeRecorder, type RecorderWorld } from './exchange-recorder.ts';
import { Finisher } from './finisher.ts';
import { tapeOf } from './journal-files.ts';
import { LoadGauge } from './load-gauge.ts';
import type { FromRecorder, RecorderSetup } from './messages.ts';
import { recoverExchange } from './recover.ts';
import { pause, turn } from './turn.ts';

/** How often rows become readable in `recent/`, ms. */
const FLUSH_MS = 3000;
/** Share of the pool that is given back to the ear in one message at most. */
const FREED_SHARE = 1 / 16;
/** How often the live table's numbers are sent, ms. */
const STATUS_MS = 500;
/** How often blocks that are due are looked for, ms. */
const TICK_MS = 25;
/** Longest wait for the journals' last bytes when the recorder fails, ms. */
const RESCUE_MS = 2000;

interface StopRequest {
  /** Messages that the ear took, per link. */
  readonly received: Readonly<Record<number, number>>;
  /** Longest time for decoding and finishing, ms. */
  readonly finishMs: number;
}

/**
 * The recorder: takes chunks from the ear, in order, and gives each entry to its exchange. It runs in a worker thread
 * (`worker.ts`), and inline in tests.
 *
 * Chunks are worked off one after the other. A chunk's buffer goes back to the ear's pool when it is done, so the
 * pool is the bound of everything that waits here.
 */
export class Recorder {
  readonly #setup: RecorderSetup;
  readonly #post: (message: FromRecorder, transfer?: ArrayBuffer[]) => void;
  readonly #recorders = new Map<string, ExchangeRecorder>();
  readonly #owners = new Map<number, ExchangeRecorder>();
  #engine: StoreEngine | null = null;
  #finisher: Finisher | null = null;
  #densifier: Densifier | null = null;
  /** Chunks that wait; bounded by the ear's pool, which gets them back when they are done. */
  readonly #chunks: Chunk[] = [];
  #stopRequest: StopRequest | null = null;
  #isWorking = false;
  readonly #load: LoadGauge;
  #timers: NodeJS.Timeout[] = [];
  /** Tells the journals the time, until all of them are sealed. */
  #ticking: NodeJS.Timeout | undefined;
  #free: Uint8Array[] = [];
  #flushing = false;
  #broken = false;

  constructor(setup: RecorderSetup, post: (message: FromRecorder, transfer?: ArrayBuffer[]) => void) {
    this.#setup = setup;
    this.#load = new LoadGauge(setup.chunks);
    this.#post = post;
  }

  /** Mends what the last run left, then is ready for chunks. */
  async start(): Promise<void> {
    const { data, memory, runLinks } = this.#setup;
    const scratch = scratchDirectory(data, 'recorder');
    // What a killed process left there.
    await rm(scratch, { recursive: true, force: true });
    const engine = new StoreEngine({ memory, threads: 2, temporaryDirectory: scratch });
    this.#engine = engine;
    const densifier = new Densifier({
      disk: nodeDisk,
      timers: nodeTimers,
      share: this.#setup.densePercent / 100,
      log: (level, message, fields) => this.#log(level, message, fields),
    });
    this.#densifier = densifier;
    const finisher = new Finisher({
      decoderVersions: (exchange) => findExchange(exchange)?.decoderVersion ?? 0,
      onFinished: ({ key }) => densifier.add(tapeOf(data, key)),
      onError: (store, error) =>
        this.#log('error', 'store files will be made at the next start', {
          ...store.key,
          error: error.message,
        }),
    });
    this.#finisher = finisher;
    const world: RecorderWorld = {
      setup: this.#setup,
      disk: nodeDisk,
      engine,
      finisher,
      request: (link, request) => this.#post({ kind: 'request', link, request }),
      log: (level, message, fields) => this.#log(level, message, fields),
    };
    const recovered = [];
    for (const exchange of EXCHANGES) {
      const found = await recoverExchange(exchange, world);
      recovered.push(...found.files);
      const runLink = runLinks[exchange.name];
      if (runLink === undefined) continue;
      const directory = join(data, 'journal', exchange.name);
      const recorder = new ExchangeRecorder(exchange, world, directory, found.state);
      this.#recorders.set(exchange.name, recorder);
      this.#owners.set(runLink, recorder);
    }
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#timers = [setInterval(() => this.#flush(), FLUSH_MS), setInterval(() => this.#status(), STATUS_MS)];
    this.#post({ kind: 'ready', recovered });
    const unread = (path: string, error: Error): void =>
      this.#log('warn', 'a sealed journal file cannot be read', { path, error: error.message });
    const exchanges = [...this.#recorders.keys()];
    try {
      for (const file of await sparseFiles(nodeDisk, data, exchanges, unread)) densifier.add(file);
    } catch (error) {
      this.#log('warn', 'the journal cannot be listed: older files stay as they are until the next start', {
        error: (error as Error).message,
      });
    }
  }

  #log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#post({ kind: 'log', level, message, fields });
  }

  #tick(): void {
    for (const recorder of this.#recorders.values()) recorder.tick();
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const all = [...this.#recorders.values()].map((recorder) => recorder.flushStore());
    Promise.all(all).then(
      () => {
        this.#flushing = false;
      },
      (error: Error) => this.#failed(error),
    );
  }

  #status(): void {
    this.#post({
      kind: 'status',
      markets: [...this.#recorders.values()].flatMap((recorder) => recorder.status()),
    });
  }

  /**
   * Something no rule covers: nothing more is taken, what the journals were given goes to disk as far as time allows,
   * and the program is told to end. The next start decodes it again.
   */
  #failed(error: Error): void {
    if (this.#broken) return;
    this.#broken = true;
    const durable = [...this.#recorders.values()].map((recorder) => recorder.durable());
    const late = new Promise<void>((resolve) => setTimeout(resolve, RESCUE_MS));
    const say = (): void => this.#post({ kind: 'failed', error: error.stack ?? error.message });
    Promise.race([Promise.allSettled(durable), late]).then(say, say);
  }

  /** Queues a chunk; chunks are done in order. */
  take(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#work();
  }

  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#run().then(
      () => {
        this.#isWorking = false;
        if (this.#chunks.length > 0 || this.#stopRequest !== null) this.#work();
      },
      (error: Error) => this.#failed(error),
    );
  }

  /** Chunks first; what waits to be decoded while none does; a stop when both are through. */
  async #run(): Promise<void> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#judgeLoad();
        await this.#chunk(chunk);
      } else if (this.#stopRequest !== null) {
        const request = this.#stopRequest;
        this.#stopRequest = null;
        return this.#stop(request);
      } else {
        const caughtUp = await this.#catchUp();
        if (caughtUp === 'live') return;
        if (caughtUp === 'stuck') await pause();
      }
      // Messages, timers and the disk have their turn: only then is it known how many chunks wait.
      await turn();
    }
  }

  /** Under a load that lasts, decoding steps back behind the journal. */
  #judgeLoad(): void {
    if (!this.#load.lasts(this.#chunks.length, performance.now())) return;
    for (const { decoding } of this.#recorders.values()) if (decoding.fallBehind()) this.#load.restart();
  }

  /** Decodes some of what waits: nothing does (live), some was decoded, or nothing can be (stuck: the disk fails). */
  async #catchUp(): Promise<'live' | 'decoded' | 'stuck'> {
    let state: 'live' | 'decoded' | 'stuck' = 'live';
    for (const { decoding } of this.#recorders.values()) {
      if (!decoding.isBehind) continue;
      if (await decoding.catchUp()) state = 'decoded';
      else if (state === 'live') state = 'stuck';
    }
    return state;
  }

  async #chunk(chunk: Chunk): Promise<void> {
    if (this.#broken) return;
    const reader = new ChunkReader(chunk.bytes, chunk.entries);
    let link = -1;
    let owner: ExchangeRecorder | undefined;
    while (reader.next()) {
      if (reader.link !== link) {
        link = reader.link;
        owner = this.#owners.get(link) ?? this.#adopt(reader);
      }
      if (owner === undefined) throw new Error(`an entry of link ${link} came before it was dialled`);
      if (owner.needsFile(reader.time)) await owner.beginFile(reader.time);
      owner.entry(reader);
    }
    for (const recorder of this.#recorders.values()) {
      recorder.upTo(chunk.upTo);
      if (recorder.overloaded) await recorder.relieve(() => this.#stopRequest !== null);
    }
    this.#free.push(chunk.bytes);
    if (this.#free.length >= this.#setup.chunks * FREED_SHARE || this.#chunks.length === 0) this.#giveBack();
  }

  /** Each message to the ear wakes its thread: while chunks wait, some are given back together. */
  #giveBack(): void {
    const chunks = this.#free;
    this.#free = [];
    this.#post({ kind: 'free', chunks }, moving(chunks));
  }

  /** A link's first entry is its `dialled` event, which names the exchange. */
  #adopt(reader: ChunkReader): ExchangeRecorder | undefined {
    const event = parseJson(reader.bytes.toString('utf8', reader.start, reader.end));
    const recorder = isObject(event) ? this.#recorders.get(String(event.exchange)) : undefined;
    if (recorder !== undefined) this.#owners.set(reader.link, recorder);
    return recorder;
  }

  /**
   * After the last chunk: seals every journal file, finishes what can be finished in time, and reports the balance.
   * `received` counts what the ear took, per link; `finishMs` is what the whole may take.
   */
  stop(received: Readonly<Record<number, number>>, finishMs: number): void {
    this.#stopRequest = { received, finishMs };
    this.#work();
  }

  /** The end state only saves the next start a reading of the last journal file: failing is no reason to stop badly. */
  async #saveEndState({ exchange, lastFile, decoding }: ExchangeRecorder): Promise<void> {
    if (decoding.isBehind) return;
    try {
      await saveEndState(nodeDisk, this.#setup.data, exchange, lastFile, decoding.session.state());
    } catch (error) {
      const fields = { exchange: exchange.name, error: (error as Error).message };
      this.#log('warn', 'the decoder state was not kept; the next start reads the last journal file', fields);
    }
  }

  async #stop({ received, finishMs }: StopRequest): Promise<void> {
    if (this.#broken) return;
    const began = performance.now();
    for (const timer of this.#timers) clearInterval(timer);
    const densified = this.#densifier?.stop();
    for (const recorder of this.#recorders.values()) {
      await recorder.stop(began + finishMs);
      await this.#saveEndState(recorder);
    }
    // Until here the journals were told the time: what one exchange waits for must not keep another's lines from disk.
    clearInterval(this.#ticking);
    await Promise.all([
      densified,
      this.#finisher?.settle(Math.max(0, finishMs - (performance.now() - began))),
    ]);
    const totals = new Map<ExchangeRecorder, number>();
    for (const [link, count] of Object.entries(received)) {
      const owner = this.#owners.get(Number(link));
      if (owner !== undefined) totals.set(owner, (totals.get(owner) ?? 0) + count);
    }
    const balance = [...this.#recorders.values()].map((recorder) =>
      recorder.balance(totals.get(recorder) ?? 0),
    );
    this.#post({ kind: 'stopped', balance });
  }

  /** Lets threads and engine go; for recorders that run inline. */
  async close(): Promise<void> {
    await this.#engine?.close();
  }
}
