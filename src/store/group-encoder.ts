import { Worker } from 'node:worker_threads';
import { type EncodedGroup, encodeGroup, type GroupRows } from './encode-group.ts';
import { RowBuffer, type RowMessage } from './row-buffer.ts';

/** Rows up to which the way to another thread is not worth it: some milliseconds at most. */
const INLINE_ROWS = 8192;

/** Large buffers kept for the next rows, so that their memory is not asked for anew each time. */
const SPARE_MAX = 4;
const SPARE_ROWS = 32_768;

/** What the thread is sent: the rows of `GroupRows` as plain memory. */
export interface GroupMessage extends Omit<GroupRows, 'rows'> {
  readonly id: number;
  readonly rows: RowMessage;
}

/** What it answers; the memory of the rows comes back. */
export interface GroupAnswer {
  readonly id: number;
  readonly group: EncodedGroup | null;
  /** Why there is no group. */
  readonly error: string;
  readonly rows: RowMessage;
}

interface Pending {
  readonly resolve: (group: EncodedGroup) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes row groups, on a thread of its own where they are large. The thread begins with the first of them and holds the
 * process only while it has work.
 */
export class GroupEncoder {
  #worker: Worker | null = null;
  #isClosed = false;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  readonly #spare: RowBuffer[] = [];

  /**
   * Makes a row group of rows that belong to the encoder from now on.
   * @throws Error where the thread fails: the rows are lost, the journal has them.
   */
  encode(job: GroupRows): Promise<EncodedGroup> {
    if (this.#isClosed) return Promise.reject(new Error('the encoder is closed'));
    if (job.rows.rows <= INLINE_ROWS) return Promise.resolve(job).then(encodeGroup);
    return new Promise((resolve, reject) => {
      const worker = this.#started();
      const id = this.#nextId++;
      const { message, transfer } = job.rows.leave();
      this.#pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...job, id, rows: message } satisfies GroupMessage, transfer);
    });
  }

  /** An empty buffer for many rows of this table that was used before; null where there is none. */
  spare(table: RowBuffer['table']): RowBuffer | null {
    const at = this.#spare.findIndex((buffer) => buffer.table === table);
    return at < 0 ? null : (this.#spare.splice(at, 1)[0] ?? null);
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const file = `./encode-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;
    const worker = new Worker(new URL(file, import.meta.url));
    worker.on('message', (answer: GroupAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#failed(worker, error));
    worker.on('exit', (code) =>
      this.#failed(worker, new Error(`the encoder's thread ended by itself (${code})`)),
    );
    this.#worker = worker;
    return worker;
  }

  #answered({ id, group, error, rows }: GroupAnswer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker?.unref();
    const buffer = RowBuffer.arrived(rows);
    if (this.#spare.length < SPARE_MAX && buffer.capacity >= SPARE_ROWS) {
      buffer.clear();
      this.#spare.push(buffer);
    }
    if (group !== null) pending?.resolve(group);
    else pending?.reject(new Error(`a row group could not be made: ${error}`));
  }

  /** The next job begins a new thread. */
  #failed(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Ends the thread; what it was still making is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }
}
