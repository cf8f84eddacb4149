import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '../host.ts';

/** Makes what a directory says durable: new names, renames, removals. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length)
      written += (await this.#handle.write(bytes, written, bytes.length - written)).bytesWritten;
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The real disk. */
export const nodeDisk: Disk = {
  async create(path) {
    const made = await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'ax');
    if (made !== undefined) await syncDirectory(dirname(made));
    await syncDirectory(dirname(path));
    return new NodeFile(handle);
  },
  async openToAppend(path) {
    return new NodeFile(await open(path, constants.O_WRONLY | constants.O_APPEND));
  },
  read: (path) => readFile(path),
  async readPart(path, start, length) {
    const handle = await open(path, constants.O_RDONLY);
    try {
      const bytes = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await handle.close();
    }
  },
  async replace(path, bytes) {
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.tmp`;
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  },
  async rename(from, to) {
    await rename(from, to);
    await syncDirectory(dirname(to));
  },
  async truncate(path, size) {
    const handle = await open(path, 'r+');
    try {
      await handle.truncate(size);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async list(path) {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  async remove(path) {
    await rm(path, { force: true, recursive: true });
    if (await this.exists(dirname(path))) await syncDirectory(dirname(path));
  },
  async exists(path) {
    try {
      await access(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  },
};

/** Every file below a directory, as paths relative to it, sorted; empty where there is none. */
export async function listTree(directory: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (relative: string): Promise<void> => {
    let entries: import('node:fs').Dirent[];
    try {
      entries = await readdir(join(directory, relative), { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    for (const entry of entries) {
      const path = join(relative, entry.name);
      if (entry.isDirectory()) await walk(path);
      else found.push(path);
    }
  };
  await walk('');
  return found.sort();
}
