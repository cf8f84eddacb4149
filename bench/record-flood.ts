import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { allSent, Child, here } from './child.ts';
import type { Figure } from './figures.ts';
import { type Feed, isDiff, type Mode, PARTS } from './flood/script.ts';
import { cpuSeconds, endedChildrenCpuSeconds } from './process-use.ts';

const CHANNELS: Readonly<Record<Feed, string>> = {
  trade: 'trades',
  'depth@100ms': 'book',
  'depth@0ms': 'book@depth@0ms',
  bookTicker: 'quotes',
};
/** What is measured: the built program where the npm scripts say so, as it is installed; else the source. */
const PROGRAM = resolve(process.env.FEEDTAPE_PROGRAM ?? here('../bin/feedtape.mjs'));

/** A data directory of a run's own, with the config that records the flood at `port`. */
export class Recording {
  readonly #directory = mkdtempSync(join(tmpdir(), 'feedtape-bench-'));
  readonly data = join(this.#directory, 'data');
  readonly config = join(this.#directory, 'config.json');
  readonly #mode: Mode;

  constructor(mode: Mode, port: number, links = 1) {
    this.#mode = mode;
    this.#writeConfig(port, links);
  }

  #writeConfig(port: number, links: number): void {
    const exchanges = Array.from({ length: links }, (_, index) => ({
      name: `flood ${index + 1}`,
      exchange: 'binance',
      market: PARTS[this.#mode].some(({ market }) => market.venue.isFutures) ? 'usdm' : 'spot',
      uri: `ws://127.0.0.1:${port}`,
      rest: `http://127.0.0.1:${port}`,
      streams: PARTS[this.#mode].map(({ feed, market }) => ({
        channels: [CHANNELS[feed]],
        symbols: [market.symbol],
      })),
    }));
    writeFileSync(this.config, JSON.stringify({ data: this.data, exchanges }));
  }

  /** How many books it joins. */
  get books(): number {
    return PARTS[this.#mode].filter(({ feed }) => isDiff(feed)).length;
  }

  start(...options: readonly string[]): Child {
    return new Child([PROGRAM, 'record', this.config, ...options]);
  }

  /**
   * Lets the next start finish the store files that a stop by a signal had no time for. Nothing answers at the address
   * it is given, so nothing is added to what was recorded.
   */
  async finish(): Promise<void> {
    this.#writeConfig(9, 1);
    const { code, stderr } = await this.start('--for', '1ms').exit;
    if (code !== 0) throw new Error(`the start that finishes ended with ${code}:\n${stderr}`);
  }

  /** @throws Error where `verify` finds a fault. */
  async verify(): Promise<void> {
    const { code, stderr } = await new Child([PROGRAM, 'verify', '--data', this.data]).exit;
    if (code !== 0) throw new Error(`verify ended with ${code}:\n${stderr}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What a run of `record` cost, and what it left to the next start. */
export interface Recorded extends Figure {
  /** Journal files whose store files were not yet finished when the process was gone. */
  readonly unfinished: number;
}

/** The flood answers each link's one SUBSCRIBE: that is a received message too. */
const ACKS = 1;

/**
 * Records one whole flood. The clock runs from the first byte of the flood until the process is gone, with everything
 * sealed and all store files finished; the CPU is that of all its threads in this time. It must account for every
 * message, and exit with 0.
 */
export async function recordFlood(recording: Recording, flood: Child, messages: number): Promise<Recorded> {
  const record = recording.start('--frames', String(messages + ACKS));
  await flood.next('go');
  const started = performance.now();
  const cpuBefore = cpuSeconds(record.pid);
  const childrenBefore = endedChildrenCpuSeconds();
  await allSent(flood);
  const { code, stderr } = await record.exit;
  const seconds = (performance.now() - started) / 1000;
  const cpu = endedChildrenCpuSeconds() - childrenBefore - cpuBefore;
  await flood.next('gone');
  mustBalance(stderr, code, messages, recording.books);
  return {
    messagesPerSecond: messages / seconds,
    cpuMicrosPerMessage: (cpu / messages) * 1e6,
    unfinished: stderr.match(/store files will be made at the next start/g)?.length ?? 0,
  };
}

/**
 * @throws Error unless the closing balance accounts for each of `messages` messages with no difference. The first diff
 * of each book is counted as held, since its rows were written when the snapshot came.
 */
export function mustBalance(log: string, code: number | null, messages: number, books: number): void {
  const { rows, held } = balanceOf(log);
  const zero = log.includes('balance: zero difference');
  if (code === 0 && zero && rows + held === messages && held <= books) return;
  throw new Error(
    `record ended with ${code} and did not account for all ${messages} messages:\n${log.slice(-3000)}`,
  );
}

/** What the closing balance says of frames, all exchanges together. */
export function balanceOf(log: string): {
  readonly received: number;
  readonly rows: number;
  readonly held: number;
} {
  const sum = (pattern: RegExp): number =>
    [...log.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0);
  return {
    received: sum(/frames received (\d+) = journaled/g),
    rows: sum(/= with rows (\d+)/g),
    held: sum(/\+ held (\d+)/g),
  };
}
