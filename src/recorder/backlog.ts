import type { Disk } from '../host/index.ts';
import { blockTextAside, type DurableBlock } from '../journal/index.ts';

/**
 * Blocks read before they are asked for. Each takes some steps of the disk and of the system's pool, and what runs between two
 * of them may be the decoding of a whole block.
 */
const AHEAD_MAX = 4;
/** Bytes on disk above which a block is read alone. */
const AHEAD_BYTES_MAX = 1024 * 1024;

/**
 * The blocks that were journaled and not decoded yet, in order: where they are on disk, not what they hold, but for a few,
 * which are read and unpacked beside the decoding of those before. Its bound is in bytes of journal
 * (`BACKLOG_BYTES_MAX`): when full, the recorder takes no chunk until some of it is decoded.
 */
export class Backlog {
  readonly #disk: Disk;
  readonly #blocks: DurableBlock[] = [];
  #first = 0;
  /** The oldest blocks, where they are being read already. */
  readonly #ahead: { readonly block: DurableBlock; readonly text: Promise<Buffer> }[] = [];
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
   * Reads the oldest block's lines; the block is forgotten once they are there, and the next ones are begun.
   * @throws where it cannot be read as it was written; it may be tried again, or dropped
   */
  async take(): Promise<Buffer> {
    const block = this.#blocks[this.#first];
    if (block === undefined) throw new RangeError('the backlog is empty');
    const ahead = this.#ahead[0]?.block === block ? this.#ahead.shift() : undefined;
    const text = await (ahead?.text ?? this.#read(block));
    this.drop();
    this.#readAhead();
    return text;
  }

  async #read({ path, offset, length }: DurableBlock): Promise<Buffer> {
    return blockTextAside(await this.#disk.readPart(path, offset, length));
  }

  #readAhead(): void {
    for (let n = this.#ahead.length; n < AHEAD_MAX; n++) {
      const block = this.#blocks[this.#first + n];
      if (block === undefined || (block.length > AHEAD_BYTES_MAX && n > 0)) return;
      const text = this.#read(block);
      // Whoever takes it is told; nobody may.
      text.catch(() => undefined);
      this.#ahead.push({ block, text });
    }
  }

  /** Forgets the oldest block. */
  drop(): void {
    const block = this.#blocks[this.#first];
    if (block === undefined) return;
    if (this.#ahead[0]?.block === block) this.#ahead.shift();
    this.#first++;
    this.bytes -= block.length;
    if (this.isEmpty || this.#first > 1024) {
      this.#blocks.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
