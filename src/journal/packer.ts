import { ASIDE_BYTES_MIN, BLOCK_TEXT_MAX, type PackedBlock, packBlock, packCompressed } from './block.ts';
import { Compressor } from './compressor.ts';
import type { LineBuffer } from './line.ts';
import type { BlockItem, PackingItem } from './queue-item.ts';

/** Packs the lines of a block, at once (as `packBlock` does) or later; `text` does not change until it is done. */
export type Packer = (
  text: Buffer,
  frames: number,
  firstTime: number,
  lastTime: number,
) => PackedBlock | Promise<PackedBlock>;

/**
 * A packer that packs on a thread of the system's pool what is worth the way there. It holds a compressor for as many blocks
 * as were ever packed at a time; a block's text is that of `packBlock`, its compressed bytes may differ by a few.
 */
export function asidePacker(newCompressor = () => new Compressor()): Packer {
  const idle: Compressor[] = [];
  const pack = async (text: Buffer): Promise<Buffer[]> => {
    const compressor = idle.pop() ?? newCompressor();
    try {
      const parts = await compressor.compress(text);
      idle.push(compressor);
      return parts;
    } catch (error) {
      compressor.close();
      throw error;
    }
  };
  return (text, frames, firstTime, lastTime) => {
    if (text.length < ASIDE_BYTES_MIN || text.length > BLOCK_TEXT_MAX)
      return packBlock(text, frames, firstTime, lastTime);
    return pack(text).then((parts) => packCompressed(parts, text.length, frames, firstTime, lastTime));
  };
}

/**
 * Blocks of one writer that are packed aside at a time: so many are under way on a machine with few cores while the caller
 * goes on. The pool's few threads do the fsyncs too.
 */
const ASIDE_MAX = 3;

/**
 * Cuts blocks off a LineBuffer. A block that is packed later takes the buffer's memory along and gives it back when it
 * is done. While `ASIDE_MAX` do, a block is packed at once, so that a pool that lags behind slows the caller down and
 * takes no more memory.
 */
export class BlockCutter {
  readonly #lines: LineBuffer;
  readonly #packer: Packer;
  #aside = 0;

  constructor(lines: LineBuffer, packer: Packer) {
    this.#lines = lines;
    this.#packer = packer;
  }

  /** Makes a block of all lines; the buffer is empty afterwards. */
  cut(): BlockItem | PackingItem {
    const lines = this.#lines;
    const text = lines.text();
    const { frames, firstTime, lastTime, byLink } = lines.counts();
    const pack = this.#aside < ASIDE_MAX ? this.#packer : packBlock;
    const packing = pack(text, frames, firstTime, lastTime);
    if (!(packing instanceof Promise)) {
      lines.clear();
      return { kind: 'block', memory: packing.bytes.length, block: packing, firstTime, byLink };
    }
    const left = lines.leave();
    this.#aside++;
    const packed = packing
      // Memory ran out, say. The text is still there; if this fails as well, the process ends.
      .catch(() => packBlock(text, frames, firstTime, lastTime))
      .finally(() => {
        this.#aside--;
        lines.takeBack(left);
      });
    return { kind: 'packing', memory: text.length, packed, firstTime, byLink };
  }
}
