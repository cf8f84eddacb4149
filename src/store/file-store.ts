import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { nodeDisk, syncDirectory } from '../host/index.ts';
import { type AnyBatch, type StreamDictionary, TABLE_NAMES, type Table } from '../record/index.ts';
import { BatchAppender, createStaging, orderBy, publicSelect } from './columns.ts';
import { quoted, quotedList } from './engine.ts';
import { type Finished, finishedFile, type JournalKey, recentDirectory, storeFile } from './layout.ts';

/** Small parts of one table are merged into a larger one when there are this many. */
const MERGE_PARTS = 32;

/** Rows in memory at most while a whole file is decoded. */
const STAGED_ROWS_LARGE = 500_000;

let nextStaging = 0;

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
 * the finished files and renames the marker that makes them valid together. One flush or finish runs at a time.
 */
export class FileStore {
  readonly key: JournalKey;
  /** Rows appended so far, per table. */
  readonly rows = Object.fromEntries(TABLE_NAMES.map((table) => [table, 0])) as Record<Table, number>;
  readonly #data: string;
  /** Runs the copies. */
  readonly #connection: DuckDBConnection;
  /** Holds the appenders: an append never waits for a copy. */
  readonly #appending: DuckDBConnection;
  readonly #streams: StreamDictionary;
  readonly #streamsTable: string;
  #streamsWritten = 0;
  #staging = new Map<Table, Staging>();
  #parts: Partial<Record<Table, string[]>> = {};
  #nextPart = 0;
  #work: Promise<void> = Promise.resolve();

  private constructor(
    data: string,
    key: JournalKey,
    connection: DuckDBConnection,
    appending: DuckDBConnection,
    streams: StreamDictionary,
  ) {
    this.#data = data;
    this.key = key;
    this.#connection = connection;
    this.#appending = appending;
    this.#streams = streams;
    this.#streamsTable = `streams_${nextStaging++}`;
  }

  /** Opens the store of a journal file; what an earlier attempt left in `recent/` is thrown away. */
  static async open(
    data: string,
    key: JournalKey,
    instance: DuckDBInstance,
    streams: StreamDictionary,
  ): Promise<FileStore> {
    const connection = await instance.connect();
    const store = new FileStore(data, key, connection, await instance.connect(), streams);
    await rm(recentDirectory(data, key), { recursive: true, force: true });
    await mkdir(recentDirectory(data, key), { recursive: true });
    await connection.run(
      `CREATE TABLE ${store.#streamsTable} (code UINTEGER, market VARCHAR, channel VARCHAR, feed VARCHAR, symbol VARCHAR)`,
    );
    store.#staging = await store.#makeStaging();
    return store;
  }

  async #makeStaging(): Promise<Map<Table, Staging>> {
    const made = new Map<Table, Staging>();
    for (const table of TABLE_NAMES) {
      const name = `staging_${nextStaging++}`;
      await this.#connection.run(createStaging(name, table));
      const appender = new BatchAppender(await this.#appending.createAppender(name), table);
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
    await this.#writeList();
  }

  async #drain(staged: Map<Table, Staging>): Promise<void> {
    await this.#writeStreams();
    for (const [table, staging] of staged) {
      staging.appender.close();
      if (staging.rows > 0)
        await this.#writePart(
          table,
          publicSelect(staging.name, table, this.key.exchange, this.#streamsTable),
        );
      await this.#connection.run(`DROP TABLE ${staging.name}`);
    }
  }

  async #writePart(table: Table, select: string): Promise<void> {
    const part = `${table}-${this.#nextPart++}.parquet`;
    await this.#copy(select, join(recentDirectory(this.#data, this.key), part));
    const parts = this.#parts[table] ?? [];
    this.#parts[table] = [...parts, part];
  }

  async #copy(select: string, path: string): Promise<void> {
    await this.#connection.run(`COPY (${select}) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd)`);
  }

  async #writeStreams(): Promise<void> {
    const fresh = this.#streams.entries.slice(this.#streamsWritten);
    if (fresh.length === 0) return;
    const text = (value: string | null): string => (value === null ? 'NULL' : quoted(value));
    const rows = fresh.map(
      ({ market, channel, feed, symbol }, i) =>
        `(${this.#streamsWritten + i}, ${text(market)}, ${text(channel)}, ${text(feed)}, ${text(symbol)})`,
    );
    await this.#connection.run(`INSERT INTO ${this.#streamsTable} VALUES ${rows.join(', ')}`);
    this.#streamsWritten += fresh.length;
  }

  /** Merges small parts, then lists what is there; the list is renamed into place, so a reader sees old or new. */
  async #writeList(): Promise<void> {
    const directory = recentDirectory(this.#data, this.key);
    const merged: string[] = [];
    for (const table of TABLE_NAMES) {
      const parts = this.#parts[table] ?? [];
      const small = parts.filter((part) => !part.startsWith('merged-'));
      if (small.length < MERGE_PARTS) continue;
      const name = `merged-${table}-${this.#nextPart++}.parquet`;
      await this.#copy(
        `SELECT * FROM read_parquet(${quotedList(small.map((part) => join(directory, part)))})`,
        join(directory, name),
      );
      this.#parts[table] = [...parts.filter((part) => part.startsWith('merged-')), name];
      merged.push(...small);
    }
    const list = join(directory, 'parts.json');
    const handle = await open(`${list}.tmp`, 'w');
    await handle.writeFile(JSON.stringify({ parts: this.#parts }));
    await handle.close();
    await rename(`${list}.tmp`, list);
    for (const part of merged) await rm(join(directory, part), { force: true });
  }

  /**
   * Makes the finished files of a sealed journal file, then the marker, then removes the parts. Nothing may be
   * appended after it. Running it again after a crash gives the same bytes under the same names.
   */
  async finish(decoderVersion: number, engine: string): Promise<Finished> {
    const staged = this.#staging;
    this.#staging = new Map();
    this.#work = this.#work.then(() => this.#drain(staged)).then(() => this.#writeList());
    await this.#work;
    const directory = recentDirectory(this.#data, this.key);
    const rows: Partial<Record<Table, number>> = {};
    for (const table of TABLE_NAMES) {
      const parts = (this.#parts[table] ?? []).map((part) => join(directory, part));
      if (parts.length === 0) continue;
      const target = storeFile(this.#data, table, this.key);
      rows[table] = await writeSorted(this.#connection, table, parts, target);
    }
    const finished: Finished = { decoderVersion, engine, rows };
    await nodeDisk.replace(finishedFile(this.#data, this.key), Buffer.from(`${JSON.stringify(finished)}\n`));
    await this.#forget();
    return finished;
  }

  /** Ends a copy that runs, with an error for whoever waits for it: the process is about to end. */
  interrupt(): void {
    this.#connection.interrupt();
  }

  /** Gives up: the parts go, the journal has everything. */
  async discard(): Promise<void> {
    const staged = this.#staging;
    this.#staging = new Map();
    await this.#work.catch(() => undefined);
    for (const staging of staged.values()) {
      staging.appender.close();
      await this.#connection.run(`DROP TABLE IF EXISTS ${staging.name}`);
    }
    await this.#forget();
  }

  async #forget(): Promise<void> {
    await this.#connection.run(`DROP TABLE IF EXISTS ${this.#streamsTable}`);
    this.#appending.closeSync();
    this.#connection.closeSync();
    await rm(recentDirectory(this.#data, this.key), { recursive: true, force: true });
  }
}

/**
 * Sorts parts into one Parquet file: temporary name, fsync, rename, fsync of the directory.
 * @returns the number of rows written.
 */
export async function writeSorted(
  connection: DuckDBConnection,
  table: Table,
  parts: readonly string[],
  target: string,
): Promise<number> {
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.tmp`;
  const result = await connection.run(
    `COPY (SELECT * FROM read_parquet(${quotedList(parts)}) ORDER BY ${orderBy(table)})
     TO ${quoted(temporary)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  const handle = await open(temporary, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, target);
  await syncDirectory(dirname(target));
  return result.rowsChanged;
}
