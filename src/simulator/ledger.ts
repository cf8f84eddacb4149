import { type FileHandle, open } from 'node:fs/promises';

/** Text gathered before it is written, characters. */
const CHUNK_LENGTH = 256 * 1024;

/** When more than this waits for the disk, whoever makes frames must wait (`full`). Characters. */
const BACKLOG_MAX = 32 * 1024 * 1024;

/** A line of the ledger; `ts` is in seconds since the epoch, as in the corpus form. */
export type LedgerLine =
  | {
      readonly t: 'open';
      readonly conn: number;
      readonly exchange: string;
      readonly market: string;
      readonly url: string;
    }
  | {
      readonly t: 'recv';
      readonly conn: number;
      /** The text, before gzip where the exchange uses it. */
      readonly data?: string;
      /** A binary frame that is no text. */
      readonly b64?: string;
      /** Made by the simulator itself, not replayed. */
      readonly own: boolean;
      readonly fault?: string;
    }
  | {
      readonly t: 'http';
      readonly url: string;
      readonly status: number;
      readonly data: string;
      readonly own: boolean;
    }
  | {
      readonly t: 'close';
      readonly conn: number;
      readonly code: number;
      readonly reason: string;
      readonly by: 'client' | 'simulator' | 'network';
      /** Frames handed to the socket; at an abrupt end the last of them may not have arrived. */
      readonly frames: number;
    };

/** Where the lines go. */
export interface Ledger {
  write(line: LedgerLine): void;
  /** Nothing more should be made until the disk has caught up. */
  readonly full: boolean;
  /** Resolves when everything is on disk. Rejects where it could not be written. */
  close(): Promise<void>;
}

export const noLedger: Ledger = {
  write: () => undefined,
  full: false,
  close: () => Promise.resolve(),
};

/**
 * Writes the ledger: NDJSON, one line for each connection opened or closed and each frame handed to a socket, in the
 * order in which that happened.
 */
export class FileLedger implements Ledger {
  readonly #file: FileHandle;
  readonly #now: () => number;
  readonly #failed: (error: Error) => void;
  #text = '';
  #writing: Promise<void> | null = null;
  #writingLength = 0;
  #error: Error | null = null;

  private constructor(file: FileHandle, now: () => number, failed: (error: Error) => void) {
    this.#file = file;
    this.#now = now;
    this.#failed = failed;
  }

  /** Creates (or empties) the file. `failed` is called once, with the first error of writing. */
  static async create(path: string, now: () => number, failed: (error: Error) => void): Promise<FileLedger> {
    return new FileLedger(await open(path, 'w'), now, failed);
  }

  get full(): boolean {
    return this.#text.length + this.#writingLength > BACKLOG_MAX;
  }

  write(line: LedgerLine): void {
    if (this.#error !== null) return;
    const { t, ...rest } = line;
    // Spread by hand: `t` and `ts` first, as in the corpus form.
    this.#text += `{"t":"${t}","ts":${(this.#now() / 1e6).toFixed(6)},${JSON.stringify(rest).slice(1)}\n`;
    if (this.#text.length >= CHUNK_LENGTH && this.#writing === null) this.#start();
  }

  #start(): void {
    const text = this.#text;
    this.#text = '';
    this.#writingLength = text.length;
    this.#writing = this.#file
      .writeFile(text)
      .catch((error: Error) => {
        this.#error = error;
        this.#text = '';
        this.#failed(error);
      })
      .then(() => {
        this.#writingLength = 0;
        this.#writing = null;
        if (this.#text.length >= CHUNK_LENGTH) this.#start();
      });
  }

  async close(): Promise<void> {
    while (this.#writing !== null || this.#text !== '') {
      if (this.#writing === null) this.#start();
      await this.#writing;
    }
    if (this.#error === null) await this.#file.sync();
    await this.#file.close();
    if (this.#error !== null) throw this.#error;
  }
}
