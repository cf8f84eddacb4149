import { createHash } from 'node:crypto';
import { isObject, type TapeEvent } from '../record/index.ts';
import { type PackedBlock, packBlock, placeBlock } from './block.ts';
import { LineBuffer } from './line.ts';
import type { TapeSummary } from './reader.ts';

export type SealedEvent = Extract<TapeEvent, { event: 'sealed' }>;

/** True of what the text of a seal block should be. */
export function isSealedEvent(value: unknown): value is SealedEvent {
  if (!isObject(value) || value.event !== 'sealed' || !isObject(value.frames)) return false;
  return typeof value.blocks === 'number' && typeof value.sha256 === 'string';
}

/** Where the seal's line stands: a line of the run's own link. */
export interface SealLine {
  readonly time: number;
  readonly link: number;
  readonly ordinal: number;
}

/**
 * What the blocks of one file have in common while it is written: the next ordinal, the header to name, and what
 * the seal will say. A file that goes on after a repair takes the chain up again (`resume`).
 */
export class BlockChain {
  /** Blocks so far. */
  blocks = 0;
  readonly frames = new Map<number, number>();
  readonly #dense: boolean;
  readonly #hash = createHash('sha256');
  #ordinal = 0;
  #headerCrc = 0;

  /** @param dense the blocks bear the mark of `densify`. */
  constructor(dense = false) {
    this.#dense = dense;
  }

  /** Gives a block the next place; its bytes are then as they stand in the file. */
  place(block: PackedBlock, byLink: ReadonlyMap<number, number>): void {
    this.#place(block, false);
    this.blocks++;
    for (const [link, count] of byLink) this.frames.set(link, (this.frames.get(link) ?? 0) + count);
    this.#hash.update(block.bytes);
  }

  #place(block: PackedBlock, seal: boolean): void {
    this.#ordinal++;
    const place = { ordinal: this.#ordinal, previousCrc: this.#headerCrc, seal, dense: this.#dense };
    this.#headerCrc = placeBlock(block, place);
  }

  /** Takes up the chain behind what a file holds already. */
  resume(
    bytes: Uint8Array,
    found: Pick<TapeSummary, 'blocks' | 'lastOrdinal' | 'lastHeaderCrc' | 'links'>,
  ): void {
    this.#hash.update(bytes);
    this.blocks = found.blocks;
    this.#ordinal = found.lastOrdinal;
    this.#headerCrc = found.lastHeaderCrc;
    for (const [link, tally] of found.links) this.frames.set(link, tally.frames);
  }

  /** The seal block of everything placed so far; nothing may be placed behind it. */
  seal(line: SealLine, repaired: boolean): { readonly block: PackedBlock; readonly event: SealedEvent } {
    const event: SealedEvent = {
      event: 'sealed',
      blocks: this.blocks,
      frames: Object.fromEntries(this.frames),
      sha256: this.#hash.digest('hex'),
      repaired,
    };
    const lines = new LineBuffer(1024);
    const payload = Buffer.from(JSON.stringify(event));
    lines.append(line.time, line.link, line.ordinal, 'event', payload, 0, payload.length);
    const block = packBlock(lines.text(), 1, line.time, line.time);
    this.#place(block, true);
    return { block, event };
  }
}
