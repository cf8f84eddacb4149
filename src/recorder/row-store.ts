import { type AnyBatch, type RowSink, type Rows, TABLE_NAMES, type Table } from '../record/index.ts';
import { FileStore, type JournalKey, type StoreEngine } from '../store/index.ts';
import type { Finisher } from './finisher.ts';

/** What the rows of an exchange need on their way to disk. */
export interface RowStoreWorld {
  readonly setup: { readonly data: string };
  readonly engine: StoreEngine;
  readonly finisher: Finisher;
  log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void;
}

/**
 * Takes an exchange's rows from file to file, and counts them for the balance. Nothing here can stop the journal: a
 * store that fails is given up with its reason, and its rows are deferred: the next start makes them from the journal.
 */
export class RowStore {
  readonly #rows: Rows;
  readonly #world: RowStoreWorld;
  readonly #exchange: string;
  readonly #look: RowSink;
  #store: FileStore | null = null;
  #key: JournalKey | null = null;
  readonly #stored: Partial<Record<Table, number>> = {};
  readonly #deferred: Partial<Record<Table, number>> = {};
  readonly #deferredFiles = new Set<string>();
  readonly #finishing = new Set<FileStore>();

  /** `look` sees each batch on its way. */
  constructor(rows: Rows, world: RowStoreWorld, exchange: string, look: RowSink) {
    this.#rows = rows;
    this.#world = world;
    this.#exchange = exchange;
    this.#look = look;
  }

  /** Rows made from now on belong to this journal file. */
  async open(key: JournalKey): Promise<void> {
    // What is still in the batches is of the file before.
    this.#rows.flush();
    this.#key = key;
    try {
      this.#store = await FileStore.open(this.#world.setup.data, key, this.#world.engine, this.#rows.streams);
    } catch (error) {
      this.#fault(error as Error);
    }
    this.#rows.redirect((batch, streams) => {
      this.#look(batch, streams);
      this.#append(batch);
    });
  }

  #append(batch: AnyBatch): void {
    try {
      this.#store?.append(batch);
    } catch (error) {
      this.#fault(error as Error);
    }
    if (this.#store === null && this.#key !== null) this.#defer(batch.table, batch.count, this.#key);
  }

  #defer(table: Table, rows: number, key: JournalKey): void {
    if (rows === 0) return;
    this.#deferred[table] = (this.#deferred[table] ?? 0) + rows;
    this.#deferredFiles.add(nameOf(key));
  }

  #deferAll(store: FileStore): void {
    for (const table of TABLE_NAMES) this.#defer(table, store.rows[table], store.key);
  }

  #fault(error: Error): void {
    const message = 'the store failed; the journal goes on, and these rows will be made at the next start';
    this.#world.log('error', message, { exchange: this.#exchange, error: error.message });
    this.#drop();
  }

  /** Gives the present file's rows up: the next start makes them. */
  drop(): void {
    // What is still in the batches is given up as well: it must not come into the next file.
    this.#rows.flush();
    this.#drop();
  }

  #drop(): void {
    const store = this.#store;
    this.#store = null;
    if (store === null) return;
    this.#deferAll(store);
    store.discard().catch((error: Error) => {
      this.#world.log('error', 'discarding the store failed', { error: error.message });
    });
  }

  /** True where so much waits for a file that the store has to be waited for. */
  get isFull(): boolean {
    return this.#store?.isFull ?? false;
  }

  /** Waits until it is not full. */
  async relieve(): Promise<void> {
    await this.#attempt((store) => store.relieve());
  }

  /** Makes the rows so far readable in `recent/`. */
  async flush(): Promise<void> {
    this.#rows.flush();
    await this.#attempt((store) => store.flush());
  }

  async #attempt(act: (store: FileStore) => Promise<void>): Promise<void> {
    const store = this.#store;
    if (store === null) return;
    try {
      await act(store);
    } catch (error) {
      if (store === this.#store) this.#fault(error as Error);
    }
  }

  /** The journal file is sealed: its store files are made beside the recording, its rows readable until then. */
  async seal(): Promise<void> {
    await this.flush();
    const store = this.#store;
    this.#store = null;
    if (store === null) return;
    this.#finishing.add(store);
    const stored = (rows: Readonly<Record<string, number>>): void => {
      this.#finishing.delete(store);
      for (const table of TABLE_NAMES) this.#stored[table] = (this.#stored[table] ?? 0) + (rows[table] ?? 0);
    };
    this.#world.finisher.add(store, stored, () => {
      this.#finishing.delete(store);
      this.#deferAll(store);
    });
  }

  #late(): FileStore[] {
    return [...this.#finishing].filter((store) => this.#world.finisher.late.includes(store));
  }

  /** Rows made and stored, per table; what the next start will make counts as stored, and `unfinished` names it. */
  counts(): { table: Table; made: number; stored: number }[] {
    const { made } = this.#rows;
    const late = this.#late();
    return TABLE_NAMES.map((table) => ({
      table,
      made: made[table],
      stored:
        (this.#stored[table] ?? 0) +
        (this.#deferred[table] ?? 0) +
        late.reduce((sum, store) => sum + store.rows[table], 0),
    }));
  }

  /** The journal files whose store files the next start will make. */
  unfinished(): string[] {
    return [...new Set([...this.#deferredFiles, ...this.#late().map(({ key }) => nameOf(key))])];
  }
}

function nameOf({ exchange, date, name }: JournalKey): string {
  return `${exchange}/${date}/${name}`;
}
