import type { FileStore } from '../store/index.ts';

/** How often finishes that were told to end are told again, ms. */
const INTERRUPT_MS = 20;

export interface FinisherOptions {
  readonly decoderVersions: (exchange: string) => number;
  readonly onFinished: (store: FileStore) => void;
  readonly onError: (store: FileStore, error: Error) => void;
}

/**
 * Makes store files of sealed journal files one after the other, beside the recording. A file that cannot be finished
 * is given up with its reason: its rows come again from the journal at the next start.
 */
export class Finisher {
  readonly #decoderVersions: (exchange: string) => number;
  readonly #onFinished: (store: FileStore) => void;
  readonly #onError: (store: FileStore, error: Error) => void;
  readonly #waiting = new Set<FileStore>();
  #work: Promise<void> = Promise.resolve();
  #late: readonly FileStore[] = [];

  constructor(options: FinisherOptions) {
    this.#decoderVersions = options.decoderVersions;
    this.#onFinished = options.onFinished;
    this.#onError = options.onError;
  }

  /** Queues a store whose journal file is sealed; `stored` is told the rows when its files are valid, else `failed`. */
  add(
    store: FileStore,
    stored: (rows: Readonly<Record<string, number>>) => void,
    failed: () => void = () => undefined,
  ): void {
    this.#waiting.add(store);
    this.#work = this.#work.then(async () => {
      if (this.#late.includes(store)) return;
      try {
        const finished = await store.finish(this.#decoderVersions(store.key.exchange));
        stored(finished.rows as Record<string, number>);
        this.#waiting.delete(store);
        // It may have been through before it could be told to end.
        this.#late = this.#late.filter((late) => late !== store);
        this.#onFinished(store);
      } catch (error) {
        this.#waiting.delete(store);
        if (this.#late.includes(store)) return;
        failed();
        this.#onError(store, error as Error);
      }
    });
  }

  /** What `settle` did not wait for: these are finished at the next start. */
  get late(): readonly FileStore[] {
    return this.#late;
  }

  /**
   * Resolves when everything queued so far is finished or given up. What is not done after `ms` is ended, and the end
   * waited for: the engine must be at rest before its thread goes.
   */
  async settle(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#work, late]);
    clearTimeout(timer);
    this.#late = [...this.#waiting];
    const interrupting = setInterval(() => this.#interrupt(), INTERRUPT_MS);
    this.#interrupt();
    await this.#work;
    clearInterval(interrupting);
  }

  /** One may be between two statements just now: it is told again until all have ended. */
  #interrupt(): void {
    for (const store of this.#late) store.interrupt();
  }
}
