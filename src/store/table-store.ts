import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { freeMemory } from '../host/index.ts';
import type { AnyBatch, StreamDictionary, Table } from '../record/index.ts';
import { sortedSelect } from './columns.ts';
import type { EncodedGroup, GroupRows } from './encode-group.ts';
import type { StoreEngine } from './engine.ts';
import type { FooterGroup } from './footer.ts';
import { GroupJoiner } from './group-joiner.ts';
import { OpenFiles } from './open-files.ts';
import { ParquetFile } from './parquet-file.ts';
import { RowBuffer } from './row-buffer.ts';
import { publish, temporaryOf, writeSorted } from './sorted-file.ts';
import { readAside, writeAside } from './spill.ts';
import type { StreamRows } from './stream-rows.ts';
import { type Closed, type RowLimits, TableRows, type TableSink } from './table-rows.ts';

/** Where a table's rows go, and what they are made with. */
export interface TableWorld {
  readonly exchange: string;
  /** The directory of the parts. */
  readonly recent: string;
  /** The path of the finished file. */
  readonly target: string;
  readonly streams: StreamDictionary;
  readonly engine: StoreEngine;
  readonly limits: RowLimits;
  /** A number for the next part's name. */
  next(): number;
}

/**
 * The rows of one table of a journal file on their way to its finished file. Every row is, at any time, in exactly one of
 *
 *     memory (open) -> row groups -----------------------> the finished file, which has no name of its own yet;
 *            \-------> put aside as plain rows ---------->  at its end, joined into groups
 *
 * and, for readers, in one of the parts listed by `parts`: the last is what was open when it was written, again. The
 * finished file's footer, its last bytes, lists its groups in the order of names. Where rows came out of order, the engine
 * makes it from the parts.
 */
export class TableStore implements TableSink {
  readonly rows: TableRows;
  readonly #world: TableWorld;
  readonly #table: Table;
  /** Row groups go into their files in their order, each as soon as it is made. Rejects when one could not. */
  #writing: Promise<void> = Promise.resolve();
  /** The groups that are in no file yet, the oldest first: each resolves when it is. */
  readonly #waiting: Promise<void>[] = [];
  /** The part that groups go into, until a flush ends it. */
  #part: { readonly name: string; readonly file: ParquetFile } | null = null;
  /** The finished file as far as it is: begun with the first row group. */
  #whole: ParquetFile | null = null;
  /** Why there can be no finished file; the parts go on. */
  #fault: Error | null = null;
  #aside: { readonly closed: readonly Closed[]; readonly bytes: number }[] = [];
  /** The row groups of each name in the finished file. */
  readonly #groups = new Map<StreamRows, FooterGroup[]>();
  readonly #parts: string[] = [];
  /** The part of what was open, and how many rows the table had by then. */
  #tail: { readonly name: string | null; readonly rows: number } = { name: null, rows: 0 };
  /** Bytes of memory of rows that have left `rows` and are in no file yet. */
  pendingBytes = 0;
  #isInterrupted = false;
  #sorting: DuckDBConnection | null = null;

  constructor(table: Table, world: TableWorld) {
    this.#table = table;
    this.#world = world;
    this.rows = new TableRows(table, world.streams, this, world.limits);
  }

  append(batch: AnyBatch): void {
    this.rows.append(batch);
  }

  group({ stream, rows }: Closed): void {
    const bytes = rows.memory;
    const { exchange, engine } = this.#world;
    const spans = [{ names: stream.names, rows: rows.rows }];
    const group = engine.encoder.encode({ exchange, rows, spans, isDense: true });
    this.pendingBytes += bytes;
    const written = this.#then(async () => {
      const encoded = await group;
      await (await this.#openPart()).add(encoded);
      await this.#addToWhole(stream, encoded);
      freeMemory(encoded.bytes);
      this.pendingBytes -= bytes;
      this.#waiting.shift();
    });
    this.#waiting.push(written);
    // Whoever waits is told by `#writing`; where an earlier group could not be written, nobody looks at this one.
    group.catch(() => undefined);
  }

  #then(act: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(act);
    // Whoever waits next is told; that may be later.
    this.#writing.catch(() => undefined);
    return this.#writing;
  }

  async #openPart(): Promise<ParquetFile> {
    if (this.#part === null) {
      const name = this.#nextName();
      this.#part = { name, file: await ParquetFile.create(this.#path(name), this.#table) };
    }
    return this.#part.file;
  }

  async #addToWhole(stream: StreamRows, group: EncodedGroup): Promise<void> {
    // Where rows came out of order, the engine makes the finished file, from the parts.
    if (!this.rows.isInOrder || this.#fault !== null) return;
    try {
      const groups = this.#groups.get(stream) ?? [];
      groups.push(await (await this.#openWhole()).add(group));
      this.#groups.set(stream, groups);
    } catch (error) {
      this.#fault = error as Error;
      await this.#abandonWhole();
    }
  }

  async #openWhole(): Promise<ParquetFile> {
    this.#whole ??= await ParquetFile.create(await temporaryOf(this.#world.target), this.#table, true);
    return this.#whole;
  }

  /** The part so far is a file that can be read; the next group begins another. */
  async #endPart(): Promise<void> {
    const part = this.#part;
    if (part === null) return;
    this.#part = null;
    await part.file.end();
    this.#parts.push(part.name);
  }

  /** Resolves when the oldest of the row groups that wait is in a file; null where none waits. */
  get written(): Promise<void> | null {
    return this.#waiting[0] ?? null;
  }

  aside(closed: readonly Closed[]): void {
    const bytes = closed.reduce((sum, { rows }) => sum + rows.memory, 0);
    this.#aside.push({ closed, bytes });
    this.pendingBytes += bytes;
  }

  spare(): RowBuffer | null {
    return this.#world.engine.encoder.spare(this.#table);
  }

  /** The parts that hold all rows written so far, each row once. */
  get parts(): readonly string[] {
    return this.#tail.name === null ? this.#parts : [...this.#parts, this.#tail.name];
  }

  /**
   * Writes everything so far into parts.
   * @returns the part that is replaced: it may go when no reader can have the list that names it.
   */
  async flush(): Promise<string[]> {
    const old = this.#tail;
    // The rows that are open now, before anything is waited for: those that close meanwhile come with the next flush.
    const open = old.rows === this.rows.rows ? null : [...this.#openGroups()];
    const { rows } = this.rows;
    await this.writeClosed();
    if (open === null) return [];
    const name = open.length === 0 ? null : this.#nextName();
    if (name !== null) await this.#writePart(name, open);
    this.#tail = { name, rows };
    return old.name === null ? [] : [old.name];
  }

  *#openGroups(): Generator<GroupRows> {
    const streams = this.rows.sorted();
    const joiner = this.#joiner(
      false,
      streams.reduce((sum, { rows }) => sum + rows, 0),
    );
    for (const stream of streams) if (stream.rows > 0) yield* joiner.add(stream, stream.open);
    yield* joiner.end();
  }

  /** Joins so many rows: its buffers begin as large as they will be. */
  #joiner(isDense: boolean, rows: number): GroupJoiner {
    const { exchange, limits } = this.#world;
    let left = rows;
    return new GroupJoiner(exchange, isDense, limits, () => {
      const capacity = Math.max(1, Math.min(left, limits.groupRows));
      left -= capacity;
      const spare = capacity === limits.groupRows ? this.spare() : null;
      return spare ?? new RowBuffer(this.#table, capacity);
    });
  }

  #nextName(): string {
    return `${this.#table}-${this.#world.next()}.parquet`;
  }

  #path(name: string): string {
    return join(this.#world.recent, name);
  }

  /** Writes a part of these rows, made group by group. */
  async #writePart(name: string, groups: Iterable<GroupRows>): Promise<void> {
    const file = await ParquetFile.create(this.#path(name), this.#table);
    try {
      for (const group of groups) await file.add(await this.#world.engine.encoder.encode(group));
    } catch (error) {
      await file.abandon();
      throw error;
    }
    await file.end();
  }

  /** Writes what has left `rows` into parts, and ends them. */
  async writeClosed(): Promise<void> {
    const aside = this.#aside;
    this.#aside = [];
    await this.#then(() => this.#endPart());
    for (const { closed, bytes } of aside) {
      await this.#writeAside(closed);
      this.pendingBytes -= bytes;
    }
  }

  async #writeAside(closed: readonly Closed[]): Promise<void> {
    const name = this.#nextName();
    const path = this.#path(name.replace(/\.parquet$/, '.rows'));
    const segments = await writeAside(
      path,
      closed.map(({ rows }) => rows),
    );
    const joiner = this.#joiner(
      false,
      closed.reduce((sum, { rows }) => sum + rows.rows, 0),
    );
    await this.#writePart(name, joined(joiner, closed));
    for (const [i, { stream }] of closed.entries()) {
      const segment = segments[i];
      if (segment !== undefined) stream.aside.push(segment);
    }
    this.#parts.push(name);
  }

  /**
   * Ends the finished file, fsyncs it and gives it its name. When it returns, the file is there whatever happens;
   * without rows there is none. An error while it was written, maybe long ago, is thrown here.
   * @returns the number of rows written.
   */
  async finish(): Promise<number> {
    const { target } = this.#world;
    await this.writeClosed();
    if (this.rows.rows === 0) return 0;
    if (!this.rows.isInOrder) return this.#finishSorted();
    if (this.#fault !== null) throw this.#fault;
    const file = await this.#openWhole();
    const files = new OpenFiles();
    let groups: FooterGroup[];
    try {
      groups = await this.#addRest(file, files);
    } finally {
      await files.close();
    }
    await file.end(groups);
    await publish(file.path, target);
    this.#whole = null;
    return groups.reduce((sum, { rows }) => sum + rows, 0);
  }

  /**
   * Adds what is in no row group of the finished file yet: what is left of names side by side, joined.
   * @returns all its groups, in the order of names.
   */
  async #addRest(file: ParquetFile, files: OpenFiles): Promise<FooterGroup[]> {
    const streams = this.rows.sorted();
    const rest = streams.reduce(
      (sum, { rows, aside }) => aside.reduce((more, each) => more + each.rows, sum + rows),
      0,
    );
    const joiner = this.#joiner(true, rest);
    const all: FooterGroup[] = [];
    const make = async (groups: Iterable<GroupRows>): Promise<void> => {
      for (const group of groups) {
        this.#mustGoOn();
        all.push(await file.add(await this.#world.engine.encoder.encode(group)));
      }
    };
    for (const stream of streams) {
      this.#mustGoOn();
      const groups = this.#groups.get(stream) ?? [];
      if (groups.length > 0) await make(joiner.end());
      all.push(...groups);
      for (const segment of stream.aside)
        await make(joiner.add(stream, await readAside(files, this.#table, segment)));
      if (stream.rows > 0) await make(joiner.add(stream, stream.open));
    }
    await make(joiner.end());
    return all;
  }

  /** Rows that came out of order: the engine sorts the parts. */
  async #finishSorted(): Promise<number> {
    await this.flush();
    await this.#abandonWhole();
    const connection = await this.#world.engine.connect();
    this.#sorting = connection;
    try {
      this.#mustGoOn();
      const parts = this.parts.map((name) => this.#path(name));
      return await writeSorted(connection, sortedSelect(this.#table, parts), this.#world.target);
    } finally {
      this.#sorting = null;
      connection.closeSync();
    }
  }

  #mustGoOn(): void {
    if (this.#isInterrupted) throw new Error('the finish was ended before it was through');
  }

  /** Closes what is being written, which nobody will read; for a store that is given up. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined);
    const part = this.#part;
    this.#part = null;
    await part?.file.abandon();
    await this.#abandonWhole();
  }

  async #abandonWhole(): Promise<void> {
    const file = this.#whole;
    this.#whole = null;
    if (file === null) return;
    await file.abandon();
    await rm(file.path, { force: true });
  }

  /** Ends a finish that runs, with an error for whoever waits for it. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#sorting?.interrupt();
  }
}

function* joined(joiner: GroupJoiner, closed: readonly Closed[]): Generator<GroupRows> {
  for (const { stream, rows } of closed) yield* joiner.add(stream, rows);
  yield* joiner.end();
}
