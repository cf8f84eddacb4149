import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Table } from '../record/index.ts';
import type { EncodedGroup } from './encode-group.ts';
import { type FooterGroup, footer, MAGIC } from './footer.ts';

/** Bytes after which the disk begins to write them, beside what comes next. */
const SYNCED_BYTES = 16 * 1024 * 1024;

/** A Parquet file that is written row group by row group. */
export class ParquetFile {
  readonly path: string;
  readonly #table: Table;
  readonly #handle: FileHandle;
  readonly #isDurable: boolean;
  readonly #groups: FooterGroup[] = [];
  #at = MAGIC.length;
  /** Up to where the disk was told to write, whether it does, and when it has; rejects where it could not. */
  #syncedTo = 0;
  #isSyncing = false;
  #synced: Promise<void> | null = null;

  private constructor(path: string, table: Table, handle: FileHandle, isDurable: boolean) {
    this.path = path;
    this.#table = table;
    this.#handle = handle;
    this.#isDurable = isDurable;
  }

  /** Begins a file, in the place of one that is there; a durable one is on disk when it has ended. */
  static async create(path: string, table: Table, isDurable = false): Promise<ParquetFile> {
    const handle = await open(path, 'w');
    const file = new ParquetFile(path, table, handle, isDurable);
    try {
      await file.#write(MAGIC);
    } catch (error) {
      await handle.close();
      await rm(path, { force: true });
      throw error;
    }
    return file;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at)).bytesWritten;
  }

  /** Lets the disk begin with what there is, one call at a time: at the end it has little left to do. Nobody waits for it. */
  #syncSome(): void {
    if (!this.#isDurable || this.#isSyncing || this.#at - this.#syncedTo < SYNCED_BYTES) return;
    this.#isSyncing = true;
    this.#syncedTo = this.#at;
    // Where it could not, it is not asked again, and the end of the file is told.
    this.#synced = this.#handle.datasync().then(() => {
      this.#isSyncing = false;
    });
    this.#synced.catch(() => undefined);
  }

  async add({ rows, chunks, bytes }: EncodedGroup): Promise<FooterGroup> {
    await this.#write(bytes);
    const group = { at: this.#at, rows, chunks };
    this.#at += bytes.length;
    this.#groups.push(group);
    this.#syncSome();
    return group;
  }

  /** Writes the footer and closes the file. Readers meet the groups in this order: that in which they were added, or another. */
  async end(order: readonly FooterGroup[] = this.#groups): Promise<void> {
    try {
      await this.#write(footer(this.#table, order));
      await this.#synced;
      if (this.#isDurable) await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes a file that nobody will read. */
  async abandon(): Promise<void> {
    await this.#synced?.catch(() => undefined);
    await this.#handle.close();
  }
}
