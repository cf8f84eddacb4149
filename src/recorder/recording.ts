import { Worker } from 'node:worker_threads';
import type { Config } from '../config/index.ts';
import { nodeDialer, nodeDisk, nodeHttp, nodeTimers, SlewedClock } from '../host/index.ts';
import { type LinkKeeper, LinkNumbers, type LinkWorld, type MarketPacers } from '../link/index.ts';
import { type ConnectWorld, connectExchange } from './connect.ts';
import { type HeldDirectory, holdDataDirectory } from './data-directory.ts';
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
/** How often the tape's clock is compared with the wall clock, ms. */
const CLOCK_MS = 1000;

export interface RecordingOptions {
  readonly config: Config;
  readonly simulated: boolean;
  readonly version: string;
  /** Longest time for finishing store files at a stop, ms. */
  readonly finishMs: number;
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
  readonly #options: RecordingOptions;
  readonly #held: HeldDirectory;
  readonly #worker: Worker;
  readonly #clock = new SlewedClock();
  readonly #world: ConnectWorld;
  readonly #byLink = new Map<number, LinkKeeper>();
  readonly #timers: NodeJS.Timeout[] = [];
  #stopping = false;
  #ready: () => void = () => undefined;
  #stopped: (balance: readonly ExchangeBalance[]) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(
    options: RecordingOptions,
    held: HeldDirectory,
    numbers: LinkNumbers,
    runLinks: Readonly<Record<string, number>>,
  ) {
    const { config, simulated, version, finishMs } = options;
    const { settings } = config;
    this.#options = options;
    this.#held = held;
    const setup: RecorderSetup = { data: config.data, version, simulated, runLinks, finishMs, ...settings };
    this.#worker = new Worker(
      new URL(`./worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
      {
        workerData: setup,
      },
    );
    this.#worker.on('message', (message: FromRecorder) => this.#received(message));
    this.#worker.on('error', (error) => this.#fail(error.stack ?? error.message));
    this.ear = new Ear({
      clock: this.#clock,
      chunkBytes: settings.chunkBytes,
      chunks: settings.chunks,
      deliver: (chunk) => this.#deliver(chunk),
      pause: () => this.#forEachLink((link) => link.pause()),
      resume: () => this.#forEachLink((link) => link.resume()),
    });
    const links: LinkWorld = {
      dialer: nodeDialer(settings.frameBytesMax),
      http: nodeHttp,
      timers: nodeTimers,
      clock: this.#clock,
      tape: this.ear,
      numbers,
      random: Math.random,
      log: (message, fields) => options.log('info', message, fields),
    };
    this.#world = {
      links,
      http: nodeHttp,
      timers: nodeTimers,
      tape: this.ear,
      runLinkOf: (exchange) => runLinks[exchange] ?? 0,
      pacers: new Map<string, MarketPacers>(),
      made: (link) => this.links.push(link),
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
    try {
      const numbers = await LinkNumbers.open(nodeDisk, data);
      const runLinks: Record<string, number> = {};
      for (const { exchange } of exchanges) runLinks[exchange] ??= await numbers.take();
      const recording = new Recording(options, held, numbers, runLinks);
      await new Promise<void>((resolve, reject) => {
        recording.#ready = resolve;
        recording.#failed = reject;
      });
      recording.#timers.push(
        setInterval(() => recording.ear.flush(), HAND_OVER_MS),
        setInterval(() => recording.#adjustClock(runLinks), CLOCK_MS),
      );
      return recording;
    } catch (error) {
      held.release();
      throw error;
    }
  }

  /** Connects everything the config asks for; resolves when all links are planned. */
  async connect(): Promise<void> {
    const { exchanges } = this.#options.config;
    await Promise.all(exchanges.map((config) => connectExchange(config, this.#world)));
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
    this.#worker.postMessage(message, [chunk.buffer]);
  }

  #received(message: FromRecorder): void {
    switch (message.kind) {
      case 'ready':
        this.recovered = message.recovered;
        this.#ready();
        break;
      case 'free':
        this.ear.release(message.buffer);
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

  #fail(error: string): void {
    this.#failed(new Error(error));
    this.#options.onFailure(error);
  }

  /**
   * Ends the run in order: no new dials, sockets closed with 1000, the last chunk handed over, everything durable,
   * journal files sealed, the store finished as far as time allows.
   * @returns the closing balance.
   */
  async stop(): Promise<readonly ExchangeBalance[]> {
    this.#stopping = true;
    await Promise.all(this.links.map((link) => link.stop()));
    for (const timer of this.#timers) clearInterval(timer);
    this.ear.flush();
    const message: ToRecorder = { kind: 'stop', received: Object.fromEntries(this.ear.counts) };
    const balance = await new Promise<readonly ExchangeBalance[]>((resolve, reject) => {
      this.#stopped = resolve;
      this.#failed = reject;
      this.#worker.postMessage(message);
    });
    await this.#worker.terminate();
    this.#held.release();
    return balance;
  }
}
