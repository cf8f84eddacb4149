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
    try {
      await this.#write(footer(this.#table, this.#groups));
      if (isDurable) await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes a file that nobody will read. */
  async abandon(): Promise<void> {
    await this.#handle.close();
  }
}

/** Files that are open for reading at a time. */
const OPEN_MAX = 256;
/** Bytes read at once where less is asked for: what stands behind is asked for next. */
const WINDOW_BYTES = 64 * 1024;

/** A file that is read, with the bytes around the piece read last. */
interface OpenFile {
  readonly handle: FileHandle;
  at: number;
  window: Buffer<ArrayBuffer>;
}

/** Reads pieces of files, most of them one behind the other in each. */
export class OpenFiles {
  readonly #files = new Map<string, OpenFile>();

  async #open(path: string): Promise<OpenFile> {
    let file = this.#files.get(path);
    if (file === undefined) {
      const [oldest] = this.#files.keys();
      if (oldest !== undefined && this.#files.size >= OPEN_MAX) {
        await this.#files.get(oldest)?.handle.close();
        this.#files.delete(oldest);
      }
      file = { handle: await open(path, 'r'), at: 0, window: Buffer.from(new ArrayBuffer(0)) };
      this.#files.set(path, file);
    }
    return file;
  }

  /**
   * Bytes of a file; valid until the next are read from it.
   * @throws Error where the file is shorter than it was.
   */
  async read(path: string, at: number, bytes: number): Promise<Buffer<ArrayBuffer>> {
    const file = await this.#open(path);
    const from = at - file.at;
    if (from < 0 || from + bytes > file.window.length) {
      const window = Buffer.from(new ArrayBuffer(Math.max(bytes, WINDOW_BYTES)));
      const { bytesRead } = await file.handle.read(window, 0, window.length, at);
      if (bytesRead < bytes) throw new Error(`${path} is shorter than it was`);
      file.at = at;
      file.window = window.subarray(0, bytesRead);
    }
    return file.window.subarray(at - file.at, at - file.at + bytes);
  }

  async close(): Promise<void> {
    for (const { handle } of this.#files.values()) await handle.close();
    this.#files.clear();
  }
}
