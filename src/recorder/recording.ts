import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/index.ts';
import { nodeDisk, nodeTimers, poolGivesWay, SlewedClock } from '../host/index.ts';
import { nodeDialer, nodeHttp } from '../host/net/index.ts';
import { type LinkKeeper, LinkNumbers, type LinkWorld, type Pacer } from '../link/index.ts';
import { moving } from './chunk-memory.ts';
import { type ConnectWorld, connectExchange } from './connect.ts';
import { DataDirectoryError, type HeldDirectory, holdDataDirectory } from './data-directory.ts';
import { type Chunk, Ear } from './ear.ts';
import type {
  ExchangeBalance,
  FromRecorder,
  MarketStatus,
  RecorderSetup,
  RecoveredFile,
  ToRecorder,
} from './messages.ts';

/** The current chunk is handed over at least this often, ms. */
const HAND_OVER_MS = 10;
/**
 * The heap at which the recorder's thread is collected in full for the first time, MB. It holds some 12 MB of objects,
 * and buffers that come and go count too: with V8's own start they caused a full collection every 20 MB of messages,
 * which on threads of its own took a tenth of all CPU (measured 2026-11-26). Read when a thread's heap is made.
 */
const HEAP_START_MB = 128;
/**
 * How much a heap grows between two full collections, percent, whatever V8 would choose. By its own count a heap of 17 MB may grow by 16, which is
 * what the young generation holds, and for that it begins the next collection as soon as one is done: the main thread, which
 * reads the sockets, collected in full almost twice a second, for 25 to 50 ms each (measured 2026-11-27).
 * Heaps of hundreds of MB, which no thread of ours has, would be collected somewhat more often by it.
 */
const HEAP_GROWTH_PERCENT = 200;
/**
 * Half of the usual weight for the threads of the system's pool. They pack blocks of the journal, at most three behind the
 * recorder's thread, which packs the next one itself; where cores are few they took them from it in turn, and it is what
 * everything waits for. How long a frame takes to be durable did not change by it (ARCHITECTURE, "Row groups give way").
 */
const POOL_NICENESS = 3;
/** How often the tape's clock is compared with the wall clock, ms. */
const CLOCK_MS = 1000;
/** Longest wait for the recorder to make everything durable at a stop: a disk that takes nothing must not hold the program for ever, ms. */
const STOP_MS = 30_000;
/** After this long a person is told what a stop waits for, ms. */
const STOP_NOTE_MS = 3000;

export interface RecordingOptions {
  readonly config: Config;
  readonly simulated: boolean;
  readonly version: string;
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
  /** The recorder's thread cannot go on. */
  readonly onFailure: (error: string) => void;
}

/**
 * A run: the held data directory, the ear on this thread, the recorder on its own, and the links between the world
 * and the ear.
 */
export class Recording {
  readonly links: LinkKeeper[] = [];
  readonly ear: Ear;
  /** The latest numbers from the recorder, for the live table. */
  status: readonly MarketStatus[] = [];
  recovered: readonly RecoveredFile[] = [];
  /** Why a listing could not be had last; empty where none failed. */
  listingError = '';
  readonly #options: RecordingOptions;
  readonly #held: HeldDirectory;
  readonly #worker: Worker;
  readonly #clock = new SlewedClock();
  readonly #world: ConnectWorld;
  readonly #byLink = new Map<number, LinkKeeper>();
  readonly #timers: NodeJS.Timeout[] = [];
  #stopping = false;
  #failure: Error | null = null;
  #ready: () => void = () => undefined;
  #stopped: (balance: readonly ExchangeBalance[]) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(
    options: RecordingOptions,
    held: HeldDirectory,
    numbers: LinkNumbers,
    runLinks: Readonly<Record<string, number>>,
  ) {
    const { config, simulated, version } = options;
    const { settings } = config;
    this.#options = options;
    this.#held = held;
    const setup: RecorderSetup = { data: config.data, version, simulated, runLinks, ...settings };
    setFlagsFromString(`--initial-old-space-size=${HEAP_START_MB}`);
    setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
    this.#worker = new Worker(
      new URL(`./worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
      {
        workerData: setup,
      },
    );
    this.#worker.on('message', (message: FromRecorder) => this.#received(message));
    this.#worker.on('error', (error) => this.#fail(error.stack ?? error.message));
    this.#worker.on('messageerror', (error) => this.#fail(error.stack ?? error.message));
    this.#worker.on('exit', (code) => this.#fail(`the recorder's thread ended by itself (${code})`));
    this.ear = new Ear({
      clock: this.#clock,
      chunkBytes: settings.chunkBytes,
      chunks: settings.chunks,
      deliver: (chunk) => this.#deliver(chunk),
      pause: () => this.#forEachLink((link) => link.pause()),
      resume: () => this.#forEachLink((link) => link.resume()),
    });
    const links: LinkWorld = {
      dialer: nodeDialer(settings.frameBytesMax, this.#clock, this.ear.reads),
      http: nodeHttp,
      timers: nodeTimers,
      clock: this.#clock,
      tape: this.ear,
      numbers,
      random: Math.random,
      log: options.log,
    };
    this.#world = {
      links,
      http: nodeHttp,
      timers: nodeTimers,
      tape: this.ear,
      runLinkOf: (exchange) => runLinks[exchange] ?? 0,
      pacers: new Map<string, Pacer>(),
      listingFailed: (why) => {
        this.listingError = why;
      },
      made: (link) => {
        this.links.push(link);
        if (this.ear.paused) link.pause();
      },
      stopping: () => this.#stopping,
    };
  }

  /**
   * Takes the data directory, starts the recorder's thread and waits until it has mended what the last run left.
   * @throws DataDirectoryError
   */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { data, exchanges } = options.config;
    const held = await holdDataDirectory(data, options.simulated);
    let recording: Recording | null = null;
    try {
      const { numbers, runLinks } = await reserveRunLinks(
        data,
        exchanges.map(({ exchange }) => exchange),
      );
      // The disk was asked for something: the pool is there.
      poolGivesWay(POOL_NICENESS);
      const made = new Recording(options, held, numbers, runLinks);
      recording = made;
      await new Promise<void>((resolve, reject) => {
        made.#ready = resolve;
        made.#failed = reject;
      });
      recording.#timers.push(
        setInterval(() => made.ear.tick(), HAND_OVER_MS),
        setInterval(() => made.#adjustClock(runLinks), CLOCK_MS),
      );
      return made;
    } catch (error) {
      if (recording !== null) await recording.#worker.terminate();
      held.release();
      throw error;
    }
  }

  /** Connects everything the config asks for; resolves when all links are planned. One that fails stops no other. */
  async connect(): Promise<void> {
    const connected = this.#options.config.exchanges.map(async (config) => {
      try {
        await connectExchange(config, this.#world);
      } catch (error) {
        const { exchange, market } = config;
        const { stack } = error as Error;
        this.#options.log('error', 'this market cannot be connected', { exchange, market, error: stack });
      }
    });
    await Promise.all(connected);
  }

  #adjustClock(runLinks: Readonly<Record<string, number>>): void {
    const offset = this.#clock.adjust();
    if (offset === null) return;
    this.#options.log('warn', 'the wall clock was set', { offsetUs: offset });
    for (const link of Object.values(runLinks)) this.ear.event(link, { event: 'clock-step', offset });
  }

  #forEachLink(act: (link: LinkKeeper) => void): void {
    for (const link of this.links) act(link);
  }

  #deliver(chunk: Chunk): void {
    const message: ToRecorder = { kind: 'chunk', chunk };
    this.#worker.postMessage(message, moving([chunk.bytes]));
  }

  #received(message: FromRecorder): void {
    switch (message.kind) {
      case 'ready':
        this.recovered = message.recovered;
        this.#ready();
        break;
      case 'free':
        for (const bytes of message.chunks) this.ear.release(bytes);
        break;
      case 'request':
        this.#keeperOf(message.link)?.request(message.link, message.request);
        break;
      case 'log':
        this.#options.log(message.level, message.message, message.fields);
        break;
      case 'status':
        this.status = message.markets;
        break;
      case 'stopped':
        this.#stopped(message.balance);
        break;
      case 'failed':
        this.#fail(message.error);
        break;
    }
  }

  #keeperOf(link: number): LinkKeeper | undefined {
    let keeper = this.#byLink.get(link);
    if (keeper?.link !== link) {
      this.#byLink.delete(link);
      keeper = this.links.find((candidate) => candidate.link === link);
      if (keeper !== undefined) this.#byLink.set(link, keeper);
    }
    return keeper;
  }

  /** Only the first failure counts: what follows comes of it. */
  #fail(error: string): void {
    if (this.#failure !== null) return;
    this.#failure = new Error(error);
    this.#failed(this.#failure);
    this.#options.onFailure(error);
  }

  /**
   * Ends the run in order: no new dials, sockets closed with 1000, the last chunk handed over, everything durable,
   * journal files sealed, the store finished as far as `finishMs` allows.
   * @returns the closing balance.
   * @throws Error where the recorder's thread failed or takes no end.
   */
  async stop(finishMs: number): Promise<readonly ExchangeBalance[]> {
    this.#stopping = true;
    await Promise.all(this.links.map((link) => link.stop()));
    for (const timer of this.#timers) clearInterval(timer);
    this.ear.flush();
    const message: ToRecorder = { kind: 'stop', received: Object.fromEntries(this.ear.counts()), finishMs };
    const balance = await this.#lastBalance(message, finishMs);
    this.#worker.removeAllListeners('exit');
    await this.#worker.terminate();
    this.#held.release();
    return balance;
  }

  /** Sends the last message and waits for the answer, not for ever. */
  async #lastBalance(message: ToRecorder, finishMs: number): Promise<readonly ExchangeBalance[]> {
    const note = 'the stop waits for the disk; another signal ends at once and loses what is not on it';
    const noted = setTimeout(() => this.#options.log('warn', note, {}), STOP_NOTE_MS + finishMs);
    const late = setTimeout(
      () => this.#fail(`the disk did not take everything within ${STOP_MS / 1000} s of the stop`),
      STOP_MS + finishMs,
    );
    try {
      return await new Promise((resolve, reject) => {
        this.#stopped = resolve;
        this.#failed = reject;
        if (this.#failure !== null) reject(this.#failure);
        this.#worker.postMessage(message);
      });
    } finally {
      clearTimeout(noted);
      clearTimeout(late);
    }
  }
}

/** Takes a link number for each exchange's part of the run. */
async function reserveRunLinks(
  data: string,
  exchanges: readonly string[],
): Promise<{ numbers: LinkNumbers; runLinks: Record<string, number> }> {
  try {
    const numbers = await LinkNumbers.open(nodeDisk, data);
    const runLinks: Record<string, number> = {};
    for (const exchange of exchanges) runLinks[exchange] ??= await numbers.take();
    return { numbers, runLinks };
  } catch (error) {
    throw new DataDirectoryError(`${data} cannot be recorded into: ${(error as Error).message}`);
  }
}
