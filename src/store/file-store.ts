import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nodeDisk } from '../host/index.ts';
import { type AnyBatch, type StreamDictionary, TABLE_NAMES, type Table } from '../record/index.ts';
import type { StoreEngine } from './engine.ts';
import { type Finished, finishedFile, type JournalKey, recentDirectory, storeFile } from './layout.ts';
import { temporaryName } from './sorted-file.ts';
import { ROW_LIMITS, type RowLimits } from './table-rows.ts';
import { TableStore } from './table-store.ts';

/** What finished files are made with, for their markers: other versions may give the same rows in other bytes. */
const FORMAT = `pages 5, zstd ${process.versions.zstd}`;

/**
 * The rows of one journal file on their way to Parquet.
 *
 *     batches -> rows by name (memory) -> row groups -> store/…/<name>.parquet.tmp -> <name>.parquet + marker
 *                                             \-------> recent/…/<table>-<n>.parquet, for readers meanwhile
 *
 * `append` is synchronous. `flush` writes parts that `sql` can read; `finish` makes the finished files and renames the
 * marker that makes them valid together. One flush or finish runs at a time. After one that failed, only `discard` is
 * left.
 */
export class FileStore {
  readonly key: JournalKey;
  /** Rows appended so far, per table. */
  readonly rows = Object.fromEntries(TABLE_NAMES.map((table) => [table, 0])) as Record<Table, number>;
  readonly #data: string;
  /** Where the parts are. */
  readonly #recent: string;
  readonly #tables = new Map<Table, TableStore>();
  readonly #streams: StreamDictionary;
  readonly #engine: StoreEngine;
  readonly #limits: RowLimits;
  /** Parts that others have replaced: a reader may still have the list that names them. */
  #replaced: string[] = [];
  #nextPart = 0;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(
    data: string,
    key: JournalKey,
    engine: StoreEngine,
    streams: StreamDictionary,
    limits: RowLimits,
  ) {
    this.#limits = limits;
    this.#data = data;
    this.#recent = recentDirectory(data, key);
    this.key = key;
    this.#engine = engine;
    this.#streams = streams;
  }

  /** Opens the store of a journal file; what an earlier attempt left in `recent/` is thrown away. */
  static async open(
    data: string,
    key: JournalKey,
    engine: StoreEngine,
    streams: StreamDictionary,
    limits: RowLimits = ROW_LIMITS,
  ): Promise<FileStore> {
    const store = new FileStore(resolve(data), key, engine, streams, limits);
    await rm(store.#recent, { recursive: true, force: true });
    await mkdir(store.#recent, { recursive: true });
    return store;
  }

  /** Bytes of memory of rows that wait to be in a file. What is open besides has a bound of its own. */
  get pendingBytes(): number {
    let bytes = 0;
    for (const table of this.#tables.values()) bytes += table.pendingBytes;
    return bytes;
  }

  /** True where so much waits that nothing more should be appended before `relieve`. */
  get isFull(): boolean {
    return this.pendingBytes > this.#limits.waitingBytes;
  }

  /**
   * Takes a batch's rows.
   * @throws RangeError for a stream that nobody named.
   */
  append(batch: AnyBatch): void {
    if (this.#isClosed) throw new Error(`the store of ${this.key.name} is closed`);
    let table = this.#tables.get(batch.table);
    if (table === undefined) {
      table = new TableStore(batch.table, {
        exchange: this.key.exchange,
        recent: this.#recent,
        target: storeFile(this.#data, batch.table, this.key),
        streams: this.#streams,
        engine: this.#engine,
        limits: this.#limits,
        next: () => this.#nextPart++,
      });
      this.#tables.set(batch.table, table);
    }
    table.append(batch);
    this.rows[batch.table] += batch.count;
  }

  /** Makes what was appended readable for others, as parts in `recent/`. */
  flush(): Promise<void> {
    return this.#then(() => this.#flush());
  }

  /**
   * Waits while it is full, and no longer: a row group takes some milliseconds. Nothing else bounds what waits, since row
   * groups are made on another thread.
   */
  async relieve(): Promise<void> {
    while (this.isFull) {
      const waiting = [...this.#tables.values()].flatMap(({ written }) => written ?? []);
      // Their groups are made in one order: whichever is through first.
      if (waiting.length > 0) await Promise.race(waiting);
      else await this.#then(() => this.#writeClosed());
    }
  }

  async #writeClosed(): Promise<void> {
    for (const table of this.#tables.values()) await table.writeClosed();
  }

  #then(act: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(act);
    return this.#work;
  }

  async #flush(): Promise<void> {
    const replaced: string[] = [];
    for (const table of this.#tables.values()) replaced.push(...(await table.flush()));
    await this.#writeList();
    for (const part of this.#replaced) await rm(join(this.#recent, part), { force: true });
    this.#replaced = replaced;
  }

  /** Lists the parts; the list is renamed into place, so a reader sees old or new. */
  async #writeList(): Promise<void> {
    const list = join(this.#recent, 'parts.json');
    const parts = Object.fromEntries([...this.#tables].map(([name, table]) => [name, table.parts]));
    const temporary = temporaryName(list);
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(JSON.stringify({ parts }));
    } finally {
      await handle.close();
    }
    await rename(temporary, list);
  }

  /**
   * Makes the finished files of a sealed journal file, then the marker, then removes the parts. Nothing may be
   * appended after it. Running it again after a crash gives the same bytes under the same names. Where it fails, the
   * parts that are listed stay readable, and the memory is given back.
   */
  async finish(decoderVersion: number): Promise<Finished> {
    this.#isClosed = true;
    let finished: Finished = { decoderVersion, engine: FORMAT, rows: {} };
    const work = this.#then(async () => {
      finished = { ...finished, rows: await this.#writeFinished() };
      await nodeDisk.replace(
        finishedFile(this.#data, this.key),
        Buffer.from(`${JSON.stringify(finished)}\n`),
      );
      await rm(this.#recent, { recursive: true, force: true });
    });
    try {
      await work;
    } finally {
      await this.#abandon();
    }
    return finished;
  }

  async #writeFinished(): Promise<Partial<Record<Table, number>>> {
    const rows: Partial<Record<Table, number>> = {};
    for (const name of TABLE_NAMES) {
      const target = storeFile(this.#data, name, this.key);
      const table = this.#tables.get(name);
      const written = (await table?.finish()) ?? 0;
      const made = this.rows[name];
      if (written !== made)
        throw new Error(`${name}: ${made} rows were made, ${written} were written to ${target}`);
      if (written > 0) rows[name] = written;
      // An attempt with other decoders, ended before its marker, may have left one where now there are no rows.
      else for (const path of [target, temporaryName(target)]) await rm(path, { force: true });
    }
    return rows;
  }

  /** Ends a finish that runs, with an error for whoever waits for it: the process is about to end. */
  interrupt(): void {
    for (const table of this.#tables.values()) table.interrupt();
  }

  async #abandon(): Promise<void> {
    const tables = [...this.#tables.values()];
    this.#tables.clear();
    for (const table of tables) await table.abandon();
  }

  /** Gives up: the parts go, the journal has everything. */
  async discard(): Promise<void> {
    this.#isClosed = true;
    this.interrupt();
    await this.#work.catch(() => undefined);
    await this.#abandon();
    await rm(this.#recent, { recursive: true, force: true });
  }
}
