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
  /** Up to where the disk was told to write, and when it has; rejects where it could not. */
  #syncedTo = 0;
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
      throw error;
    }
    return file;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at)).bytesWritten;
  }

  /** Lets the disk begin with what there is, one call at a time: at the end it has little left to do. */
  async #syncSome(): Promise<void> {
    if (!this.#isDurable || this.#at - this.#syncedTo < SYNCED_BYTES) return;
    // The one before has had the time in which so many bytes were written.
    await this.#synced;
    this.#syncedTo = this.#at;
    this.#synced = this.#handle.datasync();
    // Whoever waits for it is told.
    this.#synced.catch(() => undefined);
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
    await this.#syncSome();
    return stored;
  }

  /** Adds groups of other files; `mayGoOn` throws where it shall end. */
  async copy(groups: readonly StoredGroup[], files: OpenFiles, mayGoOn: () => void): Promise<void> {
    for (const [first, ...more] of stretchesOf(groups)) {
      mayGoOn();
      const bytes = more.reduce((sum, group) => sum + group.bytes, first.bytes);
      await this.#write(await files.read(first.path, first.at, bytes));
      this.#at += bytes;
      for (const { rows, chunks } of [first, ...more]) this.#groups.push({ rows, chunks });
      await this.#syncSome();
    }
  }

  /** Writes the footer and closes the file. */
  async end(): Promise<void> {
    try {
      await this.#write(footer(this.#table, this.#groups));
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

/** Bytes that are copied at once, or a single group. */
const COPIED_BYTES_MAX = 4 * 1024 * 1024;

/** Cuts groups into such as stand one behind the other. */
function* stretchesOf(groups: readonly StoredGroup[]): Generator<[StoredGroup, ...StoredGroup[]]> {
  let stretch: [StoredGroup, ...StoredGroup[]] | null = null;
  let [end, bytes] = [0, 0];
  for (const group of groups) {
    const { path, at } = group;
    if (stretch?.[0].path === path && at === end && bytes + group.bytes <= COPIED_BYTES_MAX)
      stretch.push(group);
    else {
      if (stretch !== null) yield stretch;
      stretch = [group];
      bytes = 0;
    }
    end = at + group.bytes;
    bytes += group.bytes;
  }
  if (stretch !== null) yield stretch;
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
  /** Memory for all that is larger than a window. */
  #large = Buffer.from(new ArrayBuffer(0));

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
   * Bytes of a file; valid until others are read.
   * @throws Error where the file is shorter than it was.
   */
  async read(path: string, at: number, bytes: number): Promise<Buffer<ArrayBuffer>> {
    const file = await this.#open(path);
    if (bytes > WINDOW_BYTES) {
      if (bytes > this.#large.length) this.#large = Buffer.from(new ArrayBuffer(bytes));
      return readInto(this.#large.subarray(0, bytes), file.handle, path, at, bytes);
    }
    const from = at - file.at;
    if (from < 0 || from + bytes > file.window.length) {
      const window = Buffer.from(new ArrayBuffer(WINDOW_BYTES));
      file.window = await readInto(window, file.handle, path, at, bytes);
      file.at = at;
    }
    return file.window.subarray(at - file.at, at - file.at + bytes);
  }

  async close(): Promise<void> {
    for (const { handle } of this.#files.values()) await handle.close();
    this.#files.clear();
  }
}

/** Fills memory from `at` on; at the file's end not all of it, but so many bytes at least. */
async function readInto(
  memory: Buffer<ArrayBuffer>,
  handle: FileHandle,
  path: string,
  at: number,
  least: number,
): Promise<Buffer<ArrayBuffer>> {
  let filled = 0;
  while (filled < least) {
    const { bytesRead } = await handle.read(memory, filled, memory.length - filled, at + filled);
    if (bytesRead === 0) throw new Error(`${path} is shorter than it was`);
    filled += bytesRead;
  }
  return memory.subarray(0, filled);
}
