import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { nodeDisk } from '../host/index.ts';
import { type AnyBatch, type StreamDictionary, TABLE_NAMES, type Table } from '../record/index.ts';
import { BatchAppender, createStaging, publicSelect } from './columns.ts';
import { quotedList } from './engine.ts';
import { type Finished, finishedFile, type JournalKey, recentDirectory, storeFile } from './layout.ts';
import { copyTo, temporaryOf, writeSorted } from './sorted-file.ts';

/** Small parts of one table are merged into a larger one when there are this many. */
const MERGE_PARTS = 32;

/** Rows in memory at most while a whole file is decoded. */
const STAGED_ROWS_LARGE = 500_000;

let nextSchema = 0;

interface Staging {
  readonly name: string;
  readonly appender: BatchAppender;
  rows: number;
}

/**
 * The rows of one journal file on their way to Parquet.
 *
 *     batches -> staging tables (memory) -> recent/…/<table>-<n>.parquet -> store/…/<name>.parquet + marker
 *
 * `append` is synchronous. `flush` turns what is staged into parts that `sql` can read; `finish` sorts all parts into
 * the finished files and renames the marker that makes them valid together. One flush or finish runs at a time. After
 * a flush that failed, only `discard` is left. The tables in memory are in a schema of the store's own, which goes as
 * a whole.
 */
export class FileStore {
  readonly key: JournalKey;
  /** Rows appended so far, per table. */
  readonly rows = Object.fromEntries(TABLE_NAMES.map((table) => [table, 0])) as Record<Table, number>;
  readonly #data: string;
  /** Where the parts are. */
  readonly #recent: string;
  /** Runs the copies. */
  readonly #connection: DuckDBConnection;
  /** Holds the appenders: an append never waits for a copy. */
  readonly #appending: DuckDBConnection;
  readonly #streams: StreamDictionary;
  readonly #schema = `store_${nextSchema++}`;
  #streamsWritten = 0;
  #nextStaging = 0;
  #staging = new Map<Table, Staging>();
  #parts: Partial<Record<Table, string[]>> = {};
  /** Parts that merged ones have replaced: a reader may still have the list that names them. */
  #replaced: string[] = [];
  #nextPart = 0;
  #work: Promise<void> = Promise.resolve();
  #isReleased = false;

  private constructor(
    data: string,
    key: JournalKey,
    connection: DuckDBConnection,
    appending: DuckDBConnection,
    streams: StreamDictionary,
  ) {
    this.#data = data;
    this.#recent = recentDirectory(data, key);
    this.key = key;
    this.#connection = connection;
    this.#appending = appending;
    this.#streams = streams;
  }

  /** Opens the store of a journal file; what an earlier attempt left in `recent/` is thrown away. */
  static async open(
    data: string,
    key: JournalKey,
    instance: DuckDBInstance,
    streams: StreamDictionary,
  ): Promise<FileStore> {
    const [connection, appending] = [await instance.connect(), await instance.connect()];
    const store = new FileStore(resolve(data), key, connection, appending, streams);
    try {
      await rm(store.#recent, { recursive: true, force: true });
      await mkdir(store.#recent, { recursive: true });
      await connection.run(`CREATE SCHEMA ${store.#schema}`);
      await connection.run(
        `CREATE TABLE ${store.#schema}.streams (code UINTEGER, market VARCHAR, channel VARCHAR, feed VARCHAR, symbol VARCHAR)`,
      );
      store.#staging = await store.#makeStaging();
    } catch (error) {
      await store.#release();
      throw error;
    }
    return store;
  }

  async #makeStaging(): Promise<Map<Table, Staging>> {
    const made = new Map<Table, Staging>();
    for (const table of TABLE_NAMES) {
      const staging = `staging_${this.#nextStaging++}`;
      const name = `${this.#schema}.${staging}`;
      await this.#connection.run(createStaging(name, table));
      const appender = new BatchAppender(await this.#appending.createAppender(staging, this.#schema), table);
      made.set(table, { name, appender, rows: 0 });
    }
    return made;
  }

  /** Rows staged in memory and not yet in a part. */
  get stagedRows(): number {
    let rows = 0;
    for (const staging of this.#staging.values()) rows += staging.rows;
    return rows;
  }

  /** Takes a batch's rows. */
  append(batch: AnyBatch): void {
    const staging = this.#staging.get(batch.table);
    if (staging === undefined) throw new Error(`the store of ${this.key.name} is closed`);
    staging.appender.append(batch);
    staging.rows += batch.count;
    this.rows[batch.table] += batch.count;
  }

  /** Makes what was appended readable for others, as parts in `recent/`. */
  flush(): Promise<void> {
    this.#work = this.#work.then(() => this.#flush());
    return this.#work;
  }

  /** Flushes where so much is staged that memory would suffer: for decoding a whole journal file at once. */
  async flushIfLarge(): Promise<void> {
    if (this.stagedRows > STAGED_ROWS_LARGE) await this.flush();
  }

  async #flush(): Promise<void> {
    if (this.stagedRows === 0) return;
    const next = await this.#makeStaging();
    const staged = this.#staging;
    this.#staging = next;
    await this.#drain(staged);
    const old = this.#replaced;
    this.#replaced = await this.#mergeParts();
    await this.#writeList();
    for (const part of old) await rm(join(this.#recent, part), { force: true });
  }

  async #drain(staged: Map<Table, Staging>): Promise<void> {
    for (const { appender } of staged.values()) appender.close();
    await this.#writeStreams();
    for (const [table, { name, rows }] of staged) {
      if (rows > 0)
        await this.#writePart(
          table,
          `${table}-${this.#nextPart++}.parquet`,
          publicSelect(name, table, this.key.exchange, `${this.#schema}.streams`),
        );
      await this.#connection.run(`DROP TABLE ${name}`);
    }
  }

  async #writePart(table: Table, part: string, select: string): Promise<void> {
    await this.#connection.run(copyTo(select, join(this.#recent, part)));
    this.#parts[table] = [...(this.#parts[table] ?? []), part];
  }

  /** Appended, not written into a statement: a symbol is what an exchange sent. */
  async #writeStreams(): Promise<void> {
    const fresh = this.#streams.entries.slice(this.#streamsWritten);
    if (fresh.length === 0) return;
    const appender = await this.#connection.createAppender('streams', this.#schema);
    for (const { market, channel, feed, symbol } of fresh) {
      appender.appendUInteger(this.#streamsWritten++);
      for (const text of [market, channel, feed, symbol])
        if (text === null) appender.appendNull();
        else appender.appendVarchar(text);
      appender.endRow();
    }
    appender.closeSync();
  }

  /** Merges small parts where there are many; returns those that are replaced. */
  async #mergeParts(): Promise<string[]> {
    const replaced: string[] = [];
    for (const table of TABLE_NAMES) {
      const parts = this.#parts[table] ?? [];
      const small = parts.filter((part) => !part.startsWith('merged-'));
      if (small.length < MERGE_PARTS) continue;
      this.#parts[table] = parts.filter((part) => part.startsWith('merged-'));
      await this.#writePart(
        table,
        `merged-${table}-${this.#nextPart++}.parquet`,
        `SELECT * FROM read_parquet(${quotedList(this.#paths(small))})`,
      );
      replaced.push(...small);
    }
    return replaced;
  }

  #paths(parts: readonly string[]): string[] {
    return parts.map((part) => join(this.#recent, part));
  }

  /** Lists the parts; the list is renamed into place, so a reader sees old or new. */
  async #writeList(): Promise<void> {
    const list = join(this.#recent, 'parts.json');
    const temporary = temporaryOf(list);
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(JSON.stringify({ parts: this.#parts }));
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
  async finish(decoderVersion: number, engine: string): Promise<Finished> {
    const staged = this.#staging;
    this.#staging = new Map();
    this.#work = this.#work.then(() => this.#drain(staged)).then(() => this.#writeList());
    try {
      await this.#work;
      const finished: Finished = { decoderVersion, engine, rows: await this.#writeFinished() };
      await nodeDisk.replace(
        finishedFile(this.#data, this.key),
        Buffer.from(`${JSON.stringify(finished)}\n`),
      );
      await rm(this.#recent, { recursive: true, force: true });
      return finished;
    } finally {
      await this.#release();
    }
  }

  async #writeFinished(): Promise<Partial<Record<Table, number>>> {
    const rows: Partial<Record<Table, number>> = {};
    for (const table of TABLE_NAMES) {
      const target = storeFile(this.#data, table, this.key);
      const parts = this.#parts[table] ?? [];
      const written =
        parts.length > 0 ? await writeSorted(this.#connection, table, this.#paths(parts), target) : 0;
      if (written !== this.rows[table])
        throw new Error(`${table}: ${this.rows[table]} rows were made, ${written} were written to ${target}`);
      if (written > 0) rows[table] = written;
      // An attempt with other decoders, ended before its marker, may have left one where now there are no rows.
      else for (const path of [target, temporaryOf(target)]) await rm(path, { force: true });
    }
    return rows;
  }

  /** Ends a copy that runs, with an error for whoever waits for it: the process is about to end. */
  interrupt(): void {
    if (!this.#isReleased) this.#connection.interrupt();
  }

  /** Gives up: the parts go, the journal has everything. */
  async discard(): Promise<void> {
    const staged = this.#staging;
    this.#staging = new Map();
    await this.#work.catch(() => undefined);
    for (const { appender } of staged.values()) appender.close();
    await this.#release();
    await rm(this.#recent, { recursive: true, force: true });
  }

  async #release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      await this.#connection.run(`DROP SCHEMA IF EXISTS ${this.#schema} CASCADE`);
    } finally {
      this.#appending.closeSync();
      this.#connection.closeSync();
    }
  }
}
