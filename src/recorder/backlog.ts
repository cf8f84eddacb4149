import type { Disk } from '../host/index.ts';
import { blockText, type DurableBlock } from '../journal/index.ts';

/**
 * The blocks that were journaled and not decoded yet, in order: where they are on disk, not what they hold. Its bound is
 * in bytes of journal (`BACKLOG_BYTES_MAX`): when full, the recorder takes no chunk until some of it is decoded.
 */
export class Backlog {
  readonly #disk: Disk;
  readonly #blocks: DurableBlock[] = [];
  #first = 0;
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
   * Reads the oldest block's lines; the block is forgotten once they are there.
   * @throws where it cannot be read as it was written; it may be tried again, or dropped
   */
  async take(): Promise<Buffer> {
    const block = this.#blocks[this.#first];
    if (block === undefined) throw new RangeError('the backlog is empty');
    const text = blockText(await this.#disk.readPart(block.path, block.offset, block.length));
    this.drop();
    return text;
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
