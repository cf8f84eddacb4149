import { constants } from 'node:zlib';
import type { Disk } from '../host/index.ts';
import {
  type BlockHeader,
  compressAside,
  HEADER_BYTES,
  packCompressed,
  readBlockHeader,
  type Search,
} from './block.ts';
import { BlockChain, type SealedEvent } from './chain.ts';
import { Pace, type PaceOptions } from './pace.ts';
import {
  addCounts,
  differenceOf,
  Left,
  type LeftReason,
  readSealed,
  type TapeContent,
} from './sealed-tape.ts';

/*
 * A sealed file, written again: the same text, byte for byte, in fewer and larger blocks for which zstd was given more
 * time. Nothing else changes, so the stock tool and every reader read it as before.
 *
 *     old file ──blocks──► text ──2 MiB──► zstd, aside ──► <path>.dense.tmp ──fsync, read again, equal──► <path>
 *
 * Larger blocks than that gain nothing (what helps is near, see `LIVE_SEARCH`), and would lose more to one damaged byte.
 */

/** Text at which a dense block closes. */
const DENSE_BLOCK_BYTES = 2 << 20;

/** Behind the tape's name while it is written; `removeTemporary` takes away what an interrupted try left. */
const TEMPORARY = '.dense.tmp';

const PATIENT = {
  [constants.ZSTD_c_compressionLevel]: 6,
  [constants.ZSTD_c_strategy]: constants.ZSTD_lazy2,
  [constants.ZSTD_c_windowLog]: 17,
  [constants.ZSTD_c_minMatch]: 6,
  [constants.ZSTD_c_searchLog]: 1,
};

/**
 * The first wins where messages are of one kind, the second where many kinds alternate. Measured in `densify.bench.ts`.
 */
export const DENSE_SEARCHES: readonly [Search, Search] = [
  { ...PATIENT, [constants.ZSTD_c_hashLog]: 10 },
  { ...PATIENT, [constants.ZSTD_c_hashLog]: 13, [constants.ZSTD_c_searchLog]: 4 },
];

/**
 * One block of so many is tried with all searches, the ones behind it with the search that gave the smallest; and any
 * that comes out so much larger than that one, byte for byte, is tried with all again.
 */
const TRIED_EVERY = 8;
const WORSE = 1.1;

export type Densified =
  | {
      readonly kind: 'densified';
      /** Sizes of the file, before and now. */
      readonly bytesBefore: number;
      readonly bytes: number;
      readonly frames: number;
      /** The new seal. */
      readonly seal: SealedEvent;
    }
  | { readonly kind: 'left'; readonly reason: LeftReason; readonly detail: string };

export interface DensifyOptions extends PaceOptions {
  readonly disk: Disk;
}

/** True where `densify` wrote the file: its first header says so. Reads that header only. */
export async function isDense(disk: Disk, path: string): Promise<boolean> {
  return readBlockHeader(await disk.readPart(path, 0, HEADER_BYTES), 0)?.dense === true;
}

/**
 * Writes a sealed, healthy file again, denser. The new file takes the old one's place only after it was made durable,
 * read again and found to hold the same text with the same frames; whenever the process ends, one of both stands there,
 * whole. Any other file is left alone, with the reason. Nobody else may write the file meanwhile; who reads it may go on.
 *
 * One thread of the pool works at a time. Memory: some MiB, whatever the file's size: it is read in parts.
 * Rejects with the system's error where the disk fails; the old file then stands.
 */
export async function densify(path: string, options: DensifyOptions): Promise<Densified> {
  const { disk } = options;
  const temporary = path + TEMPORARY;
  const pace = new Pace(options);
  try {
    if (await isDense(disk, path)) throw new Left('dense', 'it is dense already');
    const before = await rewrite(path, temporary, disk, pace);
    const { bytes, frames, seal } = await prove(temporary, before, disk, pace);
    pace.check();
    await disk.rename(temporary, path);
    return { kind: 'densified', bytesBefore: before.bytes, bytes, frames, seal };
  } catch (error) {
    await removeAfter(error, disk, temporary);
    if (error instanceof Left) return { kind: 'left', reason: error.reason, detail: error.message };
    if (options.signal?.aborted === true && error === options.signal.reason)
      return { kind: 'left', reason: 'aborted', detail: 'it was ended before its end' };
    throw error;
  }
}

/** Reads the new file again. Whatever is wrong with it is our error or the disk's, and no word on the old one. */
async function prove(temporary: string, before: TapeContent, disk: Disk, pace: Pace): Promise<TapeContent> {
  const now = await readSealed(disk, temporary, pace).catch((error: unknown) => {
    throw error instanceof Left ? new Error(`${temporary} came out wrong: ${error.message}`) : error;
  });
  const difference = differenceOf(before, now);
  if (difference !== null) throw new Error(`${temporary} came out wrong: ${difference}`);
  return now;
}

/** Takes away an unfinished file. An error here does not hide the first one. */
async function removeAfter(error: unknown, disk: Disk, temporary: string): Promise<void> {
  try {
    if (await disk.exists(temporary)) await disk.remove(temporary);
  } catch (second) {
    throw new AggregateError([error, second], `${temporary} could not be removed: ${String(second)}`);
  }
}

/** Writes the temporary file, durably, and returns what the old one holds. */
async function rewrite(path: string, temporary: string, disk: Disk, pace: Pace): Promise<TapeContent> {
  if (await disk.exists(temporary)) await disk.remove(temporary);
  const file = await disk.create(temporary);
  try {
    const chain = new BlockChain(true);
    const blocks = new DenseBlocks(chain, pace, (block) => file.append(block));
    const before = await readSealed(disk, path, pace, (header, text, byLink) =>
      blocks.add(header, text, byLink),
    );
    await blocks.close();
    await file.append(chain.seal(before.sealLine, false).block.bytes);
    await file.sync();
    return before;
  } finally {
    await file.close();
  }
}

/** Collects blocks until they are large enough for one. */
class DenseBlocks {
  readonly #chain: BlockChain;
  readonly #pace: Pace;
  readonly #append: (bytes: Uint8Array) => Promise<void>;
  #texts: Buffer[] = [];
  #textBytes = 0;
  #frames = 0;
  #firstTime = Number.POSITIVE_INFINITY;
  #lastTime = 0;
  readonly #byLink = new Map<number, number>();
  #blocks = 0;
  /** The search that won when all were tried last, and what it left of that block's text. */
  #winner: Search = DENSE_SEARCHES[0];
  #share = 0;

  constructor(chain: BlockChain, pace: Pace, append: (bytes: Uint8Array) => Promise<void>) {
    this.#chain = chain;
    this.#pace = pace;
    this.#append = append;
  }

  /** A block is never split: one that is larger than a dense block is one by itself. */
  async add(header: BlockHeader, text: Buffer, byLink: ReadonlyMap<number, number>): Promise<void> {
    if (this.#textBytes + text.length > DENSE_BLOCK_BYTES) await this.close();
    this.#texts.push(text);
    this.#textBytes += text.length;
    this.#frames += header.frames;
    this.#firstTime = Math.min(this.#firstTime, header.firstTime);
    this.#lastTime = Math.max(this.#lastTime, header.lastTime);
    addCounts(this.#byLink, byLink);
  }

  async close(): Promise<void> {
    if (this.#texts.length === 0) return;
    const text = Buffer.concat(this.#texts);
    const block = packCompressed(
      [await this.#compress(text)],
      text.length,
      this.#frames,
      this.#firstTime,
      this.#lastTime,
    );
    this.#chain.place(block, this.#byLink);
    await this.#append(block.bytes);
    this.#texts = [];
    this.#textBytes = 0;
    this.#frames = 0;
    this.#firstTime = Number.POSITIVE_INFINITY;
    this.#lastTime = 0;
    this.#byLink.clear();
  }

  async #compress(text: Buffer): Promise<Buffer> {
    const isDue = this.#blocks++ % TRIED_EVERY === 0;
    const tried = this.#winner;
    const pack = (search: Search): Promise<Buffer> => this.#pace.working(() => compressAside(text, search));
    let best = await pack(tried);
    if (!isDue && best.length <= text.length * this.#share * WORSE) return best;
    for (const search of DENSE_SEARCHES) {
      if (search === tried) continue;
      const other = await pack(search);
      if (other.length >= best.length) continue;
      best = other;
      this.#winner = search;
    }
    this.#share = best.length / text.length;
    return best;
  }
}
