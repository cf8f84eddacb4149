import type { Disk, Timers } from '../host/index.ts';
import { densify, isDense } from '../journal/index.ts';
import { finishedNames } from '../store/index.ts';
import { listFiles } from './journal-files.ts';
import type { LogLevel } from './messages.ts';

/** Files that wait at most; those beyond are found again by the next start. */
const WAITING_MAX = 10_000;

export interface DensifierOptions {
  readonly disk: Disk;
  readonly timers: Timers;
  /** Greatest share of one core that the work may take, 0 to 1; 0: nothing is done. */
  readonly share: number;
  readonly log: (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Writes sealed journal files again, denser, one after the other, beside the recording and at a fraction of a core: it
 * is the last thing that anybody waits for. Files come once their store files are finished, since until then a start
 * may have to mend them.
 */
export class Densifier {
  readonly #options: DensifierOptions;
  readonly #abort = new AbortController();
  readonly #waiting: string[] = [];
  #work: Promise<void> | null = null;

  constructor(options: DensifierOptions) {
    this.#options = options;
  }

  /** Queues a sealed file; one that is dense already is left as it is. */
  add(path: string): void {
    if (this.#options.share <= 0 || this.#abort.signal.aborted) return;
    if (this.#waiting.length >= WAITING_MAX) return;
    this.#waiting.push(path);
    this.#work ??= this.#run();
  }

  async #run(): Promise<void> {
    for (let path = this.#waiting.shift(); path !== undefined; path = this.#waiting.shift()) {
      await this.#one(path);
      if (this.#abort.signal.aborted) break;
    }
    this.#work = null;
  }

  async #one(path: string): Promise<void> {
    const { disk, timers, share, log } = this.#options;
    try {
      const result = await densify(path, { disk, timers, share, signal: this.#abort.signal });
      if (result.kind === 'densified') {
        const { bytesBefore, bytes, frames } = result;
        log('info', 'a sealed journal file is denser now', { path, bytesBefore, bytes, frames });
      } else if (result.reason === 'damaged')
        log('warn', 'a sealed journal file is damaged: it stays as it is', { path, detail: result.detail });
    } catch (error) {
      const fields = { path, error: (error as Error).message };
      log('warn', 'a sealed journal file could not be written again; it stays as it is', fields);
    }
  }

  /** Ends the work at its next step, and resolves when it has ended. What is left waits for the next start. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#work;
  }
}

/**
 * The journal files whose store files are finished and that are not dense yet, oldest first. One that cannot be looked
 * at is told to `failed` and left as it is: nothing of the recording depends on it.
 */
export async function sparseFiles(
  disk: Disk,
  data: string,
  exchanges: readonly string[],
  failed: (path: string, error: Error) => void,
): Promise<string[]> {
  const paths: string[] = [];
  for (const exchange of exchanges) {
    const finished = await finishedNames(data, exchange);
    for (const { date, name, path } of await listFiles(disk, data, exchange))
      try {
        if (finished.has(`${date}/${name}`) && !(await isDense(disk, path))) paths.push(path);
      } catch (error) {
        failed(path, error as Error);
      }
  }
  return paths;
}
