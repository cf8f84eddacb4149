import { type FileHandle, open } from 'node:fs/promises';

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
