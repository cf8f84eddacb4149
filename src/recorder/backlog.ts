import type { Disk } from '../host/index.ts';
import { blockTextAside, type DurableBlock } from '../journal/index.ts';

/**
 * The blocks that were journaled and not decoded yet, in order: where they are on disk, not what they hold, but for one,
 * which is read and unpacked beside the decoding of the one before. Its bound is in bytes of journal
 * (`BACKLOG_BYTES_MAX`): when full, the recorder takes no chunk until some of it is decoded.
 */
export class Backlog {
  readonly #disk: Disk;
  readonly #blocks: DurableBlock[] = [];
  #first = 0;
  /** The oldest block, where it is being read already. */
  #ahead: { readonly block: DurableBlock; readonly text: Promise<Buffer> } | null = null;
  bytes = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get isEmpty(): boolean {
    return this.#first === this.#blocks.length;
  }

  push(block: DurableBlock): void {
    this.#blocks.push(block);
    this.bytes += block.length;
  }

  /**
   * Reads the oldest block's lines; the block is forgotten once they are there, and the next one is begun.
   * @throws where it cannot be read as it was written; it may be tried again, or dropped
   */
  async take(): Promise<Buffer> {
    const block = this.#blocks[this.#first];
    if (block === undefined) throw new RangeError('the backlog is empty');
    const ahead = this.#ahead;
    this.#ahead = null;
    const text = await (ahead?.block === block ? ahead.text : this.#read(block));
    this.drop();
    this.#readAhead();
    return text;
  }

  async #read({ path, offset, length }: DurableBlock): Promise<Buffer> {
    return blockTextAside(await this.#disk.readPart(path, offset, length));
  }

  #readAhead(): void {
    const block = this.#blocks[this.#first];
    if (block === undefined) return;
    const text = this.#read(block);
    // Whoever takes it is told; nobody may.
    text.catch(() => undefined);
    this.#ahead = { block, text };
  }

  /** Forgets the oldest block. */
  drop(): void {
    const block = this.#blocks[this.#first];
    if (block === undefined) return;
    this.#first++;
    this.bytes -= block.length;
    if (this.isEmpty || this.#first > 1024) {
      this.#blocks.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
