import { join } from 'node:path';
import type { Disk } from '../host/index.ts';

/** Numbers reserved at once: one durable write pays for this many dials. */
const RESERVED_AT_ONCE = 64;

/**
 * Link numbers, unique in a data directory for ever: reserved on disk before they are used, so that a crash can only
 * skip some, never give one twice.
 */
export class LinkNumbers {
  readonly #disk: Disk;
  readonly #path: string;
  #next: number;
  #reserved: number;
  #reserving: Promise<void> | null = null;

  private constructor(disk: Disk, path: string, next: number) {
    this.#disk = disk;
    this.#path = path;
    this.#next = next;
    this.#reserved = next;
  }

  /**
   * Opens the numbers of a data directory.
   * @throws Error when the file is there but is no number: giving one out twice would mix two links for ever.
   */
  static async open(disk: Disk, data: string): Promise<LinkNumbers> {
    const path = join(data, 'state', 'next-link');
    if (!(await disk.exists(path))) return new LinkNumbers(disk, path, 1);
    const text = (await disk.read(path)).toString().trim();
    const next = Number(text);
    if (!Number.isSafeInteger(next) || next < 1)
      throw new Error(
        `${path} should hold the next free link number, but holds ${JSON.stringify(text.slice(0, 40))}: write a number above every link in the journal there`,
      );
    return new LinkNumbers(disk, path, next);
  }

  /** The next number. Resolves when it is reserved on disk. */
  async take(): Promise<number> {
    while (this.#next >= this.#reserved) await this.#reserve();
    return this.#next++;
  }

  #reserve(): Promise<void> {
    this.#reserving ??= this.#write().finally(() => {
      this.#reserving = null;
    });
    return this.#reserving;
  }

  async #write(): Promise<void> {
    const reserved = this.#next + RESERVED_AT_ONCE;
    await this.#disk.replace(this.#path, Buffer.from(`${reserved}\n`));
    this.#reserved = reserved;
  }
}
