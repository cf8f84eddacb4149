import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { nodeDisk } from '../host/index.ts';
import { type AnyBatch, type StreamDictionary, TABLE_NAMES, type Table } from '../record/index.ts';
import { Arrival } from './arrival.ts';
import { createStreamNames, finishedSelect } from './columns.ts';
import { quoted, quotedList } from './engine.ts';
import { type Finished, finishedFile, type JournalKey, recentDirectory, storeFile } from './layout.ts';
import { Part } from './part.ts';
import { temporaryOf, writeSorted } from './sorted-file.ts';

/** Small parts of one table are merged into a larger one when there are this many. */
const MERGE_PARTS = 32;

/** Parts from this size on stay as they are. */
const SMALL_PART_BYTES = 4 * 1024 * 1024;

/** Bytes in memory at most while a whole file is decoded. */
const STAGED_BYTES_LARGE = 32 * 1024 * 1024;

let nextSchema = 0;

/**
 * The rows of one journal file on their way to Parquet.
 *
 *     batches -> pages (memory) -> recent/…/<table>-<n>.parquet -> store/…/<name>.parquet + marker
 *
 * `append` is synchronous. `flush` writes what is staged as parts that `sql` can read; `finish` sorts all parts into
 * the finished files and renames the marker that makes them valid together. One flush or finish runs at a time. After
 * a flush that failed, only `discard` is left. The engine's tables are in a schema of the store's own, which goes as
 * a whole.
 */
export class FileStore {
  readonly key: JournalKey;
  /** Rows appended so far, per table. */
  readonly rows = Object.fromEntries(TABLE_NAMES.map((table) => [table, 0])) as Record<Table, number>;
  readonly #data: string;
  /** Where the parts are. */
  readonly #recent: string;
  readonly #connection: DuckDBConnection;
  readonly #streams: StreamDictionary;
  readonly #schema = `store_${nextSchema++}`;
  #staged = new Map<Table, Part>();
  #writingBytes = 0;
  readonly #arrivals = Object.fromEntries(TABLE_NAMES.map((table) => [table, new Arrival(table)])) as Record<
    Table,
    Arrival
  >;
  /** The codes of the streams that have rows, per table. */
  readonly #used = new Map<Table, Set<number>>();
  #parts: Partial<Record<Table, string[]>> = {};
  /** Those that may still be merged. */
  readonly #small = new Set<string>();
  /** Parts that merged ones have replaced: a reader may still have the list that names them. */
  #replaced: string[] = [];
  #nextPart = 0;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;
  #isReleased = false;

  private constructor(
    data: string,
    key: JournalKey,
    connection: DuckDBConnection,
    streams: StreamDictionary,
  ) {
    this.#data = data;
    this.#recent = recentDirectory(data, key);
    this.key = key;
    this.#connection = connection;
    this.#streams = streams;
  }

  /** Opens the store of a journal file; what an earlier attempt left in `recent/` is thrown away. */
  static async open(
    data: string,
    key: JournalKey,
    instance: DuckDBInstance,
    streams: StreamDictionary,
  ): Promise<FileStore> {
    const connection = await instance.connect();
    const store = new FileStore(resolve(data), key, connection, streams);
    try {
      await rm(store.#recent, { recursive: true, force: true });
      await mkdir(store.#recent, { recursive: true });
      await connection.run(`CREATE SCHEMA ${store.#schema}`);
    } catch (error) {
      await store.#release();
      throw error;
    }
    return store;
  }

  /** Bytes of pages in memory, not yet in a file. */
  get stagedBytes(): number {
    let bytes = this.#writingBytes;
    for (const part of this.#staged.values()) bytes += part.bytes;
    return bytes;
  }

  /** Takes a batch's rows. */
  append(batch: AnyBatch): void {
    if (this.#isClosed) throw new Error(`the store of ${this.key.name} is closed`);
    const arrival = this.#arrivals[batch.table];
    let part = this.#staged.get(batch.table);
    if (part === undefined) {
      part = new Part(batch, this.key.exchange, this.#streams, arrival.count);
      this.#staged.set(batch.table, part);
    }
    part.append(batch);
    arrival.add(batch);
    this.rows[batch.table] += batch.count;
  }

  /** Makes what was appended readable for others, as parts in `recent/`. */
  flush(): Promise<void> {
    this.#work = this.#work.then(() => this.#flush());
    return this.#work;
  }

  /** Flushes where so much is staged that memory would suffer: for decoding a whole journal file at once. */
  async flushIfLarge(): Promise<void> {
    if (this.stagedBytes > STAGED_BYTES_LARGE) await this.flush();
  }

  async #flush(): Promise<void> {
    if (this.#staged.size === 0) return;
    await this.#writeParts();
    const old = this.#replaced;
    this.#replaced = await this.#mergeParts();
    await this.#writeList();
    for (const part of old) await rm(join(this.#recent, part), { force: true });
  }

  async #writeParts(): Promise<void> {
    const staged = this.#staged;
    this.#writingBytes = this.stagedBytes;
    this.#staged = new Map();
    for (const [table, part] of staged) {
      const { bytes } = part;
      const name = `${table}-${this.#nextPart++}.parquet`;
      await part.write(join(this.#recent, name));
      this.#parts[table] = [...(this.#parts[table] ?? []), name];
      if ((await stat(join(this.#recent, name))).size < SMALL_PART_BYTES) this.#small.add(name);
      const used = this.#used.get(table) ?? new Set();
      for (const code of part.used) used.add(code);
      this.#used.set(table, used);
      this.#writingBytes -= bytes;
    }
  }

  /** Merges small parts where there are many; returns those that are replaced. */
  async #mergeParts(): Promise<string[]> {
    const replaced: string[] = [];
    for (const table of TABLE_NAMES) {
      const parts = this.#parts[table] ?? [];
      const small = parts.filter((part) => this.#small.has(part));
      if (small.length < MERGE_PARTS) continue;
      const merged = `merged-${table}-${this.#nextPart++}.parquet`;
      await this.#connection.run(
        `COPY (SELECT * FROM read_parquet(${quotedList(this.#paths(small))}))
         TO ${quoted(join(this.#recent, merged))} (FORMAT parquet, COMPRESSION lz4_raw, USE_TMP_FILE false)`,
      );
      this.#parts[table] = [...parts.filter((part) => !this.#small.has(part)), merged];
      for (const part of small) this.#small.delete(part);
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
    this.#isClosed = true;
    this.#work = this.#work.then(() => this.#writeParts()).then(() => this.#writeList());
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
    await this.#writeStreams();
    for (const table of TABLE_NAMES) {
      const target = storeFile(this.#data, table, this.key);
      const parts = this.#parts[table] ?? [];
      const written = parts.length > 0 ? await this.#writeTable(table, parts, target) : 0;
      if (written !== this.rows[table])
        throw new Error(`${table}: ${this.rows[table]} rows were made, ${written} were written to ${target}`);
      if (written > 0) rows[table] = written;
      // An attempt with other decoders, ended before its marker, may have left one where now there are no rows.
      else for (const path of [target, temporaryOf(target)]) await rm(path, { force: true });
    }
    return rows;
  }

  async #writeTable(table: Table, parts: readonly string[], target: string): Promise<number> {
    const names = `${this.#schema}.${table}`;
    const used = this.#used.get(table) ?? new Set();
    for (const statement of createStreamNames(names, table, `${this.#schema}.streams`, used))
      await this.#connection.run(statement);
    const isInOrder = this.#arrivals[table].isOrder(this.#streams);
    const select = finishedSelect(table, this.key.exchange, this.#paths(parts), names, isInOrder);
    return writeSorted(this.#connection, select, target);
  }

  /** Appended, not written into a statement: a symbol is what an exchange sent. */
  async #writeStreams(): Promise<void> {
    await this.#connection.run(
      `CREATE TABLE ${this.#schema}.streams (code UINTEGER, market VARCHAR, channel VARCHAR, feed VARCHAR, symbol VARCHAR)`,
    );
    const appender = await this.#connection.createAppender('streams', this.#schema);
    for (const [code, { market, channel, feed, symbol }] of this.#streams.entries.entries()) {
      appender.appendUInteger(code);
      for (const text of [market, channel, feed, symbol])
        if (text === null) appender.appendNull();
        else appender.appendVarchar(text);
      appender.endRow();
    }
    appender.closeSync();
  }

  /** Ends a copy that runs, with an error for whoever waits for it: the process is about to end. */
  interrupt(): void {
    if (!this.#isReleased) this.#connection.interrupt();
  }

  /** Gives up: the parts go, the journal has everything. */
  async discard(): Promise<void> {
    this.#isClosed = true;
    this.#staged.clear();
    await this.#work.catch(() => undefined);
    await this.#release();
    await rm(this.#recent, { recursive: true, force: true });
  }

  async #release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      await this.#connection.run(`DROP SCHEMA IF EXISTS ${this.#schema} CASCADE`);
    } finally {
      this.#connection.closeSync();
    }
  }
}
