import { type FileHandle, open } from 'node:fs/promises';
import type { Table } from '../record/index.ts';
import type { EncodedGroup } from './encode-group.ts';
import { type FooterGroup, footer, MAGIC } from './footer.ts';

/** A row group in a file of ours. */
export interface StoredGroup extends FooterGroup {
  readonly path: string;
  readonly at: number;
  readonly bytes: number;
}

/** A Parquet file that is written row group by row group. */
export class ParquetFile {
  readonly path: string;
  readonly #table: Table;
  readonly #handle: FileHandle;
  readonly #groups: FooterGroup[] = [];
  #at = MAGIC.length;

  private constructor(path: string, table: Table, handle: FileHandle) {
    this.path = path;
    this.#table = table;
    this.#handle = handle;
  }

  /** Begins a file, in the place of one that is there. */
  static async create(path: string, table: Table): Promise<ParquetFile> {
    const handle = await open(path, 'w');
    const file = new ParquetFile(path, table, handle);
    try {
      await file.#write(MAGIC);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return file;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at)).bytesWritten;
  }

  /** Rows of all groups. */
  get rows(): number {
    return this.#groups.reduce((sum, { rows }) => sum + rows, 0);
  }

  async add({ rows, chunks, bytes }: EncodedGroup): Promise<StoredGroup> {
    await this.#write(bytes);
    const stored = { path: this.path, at: this.#at, bytes: bytes.length, rows, chunks };
    this.#at += bytes.length;
    this.#groups.push({ rows, chunks });
    return stored;
  }

  /** Writes the footer and closes the file, durable if asked for. */
  async end(isDurable: boolean): Promise<void> {
    await this.#write(footer(this.#table, this.#groups));
    if (isDurable) await this.#handle.sync();
    await this.#handle.close();
  }

  /** Closes a file that nobody will read. */
  async abandon(): Promise<void> {
    await this.#handle.close();
  }
}

/** Files that are open for reading at a time. */
const OPEN_MAX = 64;

/** Reads pieces of files, of which the ones used last stay open. */
export class OpenFiles {
  readonly #handles = new Map<string, FileHandle>();

  async #handle(path: string): Promise<FileHandle> {
    let handle = this.#handles.get(path);
    if (handle === undefined) {
      const [oldest] = this.#handles.keys();
      if (oldest !== undefined && this.#handles.size >= OPEN_MAX) {
        await this.#handles.get(oldest)?.close();
        this.#handles.delete(oldest);
      }
      handle = await open(path, 'r');
      this.#handles.set(path, handle);
    }
    return handle;
  }

  /** @throws Error where the file is shorter than it was. */
  async read(path: string, at: number, bytes: number): Promise<Buffer<ArrayBuffer>> {
    const memory = Buffer.from(new ArrayBuffer(bytes));
    const { bytesRead } = await (await this.#handle(path)).read(memory, 0, bytes, at);
    if (bytesRead !== bytes) throw new Error(`${path} is shorter than it was`);
    return memory;
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.values()) await handle.close();
    this.#handles.clear();
  }
}
