import { createHash } from 'node:crypto';
import type { Disk } from '../host/index.ts';
import { parseJson } from '../record/index.ts';
import { type BlockHeader, HEADER_BYTES, readBlockHeader } from './block.ts';
import { isSealedEvent, type SealedEvent, type SealLine } from './chain.ts';
import type { Pace } from './pace.ts';
import { readLines } from './read-lines.ts';
import { blockText } from './reader.ts';

/**
 * Why a file was left as it is:
 *
 * - `dense`: it was densified before
 * - `unsealed`: it is being written, or waits for its repair
 * - `repaired`: it was sealed by a repair; its bytes are evidence
 * - `damaged`: something in it does not agree; `detail` says what
 * - `aborted`: the signal came
 */
export type LeftReason = 'dense' | 'unsealed' | 'repaired' | 'damaged' | 'aborted';

/** Thrown inside to leave a file alone. */
export class Left extends Error {
  readonly reason: LeftReason;

  constructor(reason: LeftReason, detail: string) {
    super(detail);
    this.name = 'Left';
    this.reason = reason;
  }
}

/** What a sealed, healthy file holds, whatever its blocks are. */
export interface TapeContent {
  /** SHA-256 of the lines before the seal. */
  readonly textHash: string;
  readonly byLink: ReadonlyMap<number, number>;
  readonly frames: number;
  readonly seal: SealedEvent;
  readonly sealLine: SealLine;
  /** Size of the file. */
  readonly bytes: number;
}

/** The first thing in which two files differ; null where they hold the same. */
export function differenceOf(before: TapeContent, now: TapeContent): string | null {
  if (before.textHash !== now.textHash) return 'the text differs (SHA-256)';
  if (before.frames !== now.frames) return `${before.frames} frames were there, now ${now.frames}`;
  for (const [link, count] of before.byLink)
    if (now.byLink.get(link) !== count) return `link ${link} had ${count} frames`;
  const [a, b] = [before.sealLine, now.sealLine];
  return a.time === b.time && a.link === b.link && a.ordinal === b.ordinal
    ? null
    : 'the seal has another line';
}

/** Bytes read at a time; a larger block is read by itself. */
const WINDOW_BYTES = 1 << 20;

/** A block, and its bytes as they stand in the file. */
interface WholeBlock {
  readonly header: BlockHeader;
  readonly bytes: Buffer;
  readonly text: Buffer;
}

/** Reads a file's blocks in order, some of its bytes at a time; the first thing that is not as it should be ends it. */
class WholeBlocks {
  readonly #disk: Disk;
  readonly #path: string;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  #ordinal = 0;
  #previousCrc = 0;
  /** Where the next block begins: the bytes read so far. */
  at = 0;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** The next block; null at the end of the file. */
  async next(): Promise<WholeBlock | null> {
    const head = await this.#bytes(HEADER_BYTES);
    if (head.length === 0) return null;
    const header = readBlockHeader(head, 0);
    const expected = this.#ordinal + 1;
    if (header === null) throw new Left('damaged', `no header stands where block ${expected} should`);
    if (header.ordinal !== expected || header.previousCrc !== this.#previousCrc)
      throw new Left('damaged', `block ${header.ordinal} stands where block ${expected} should`);
    const bytes = await this.#bytes(HEADER_BYTES + header.compressedBytes);
    const text = textOf(bytes, expected);
    this.at += bytes.length;
    this.#ordinal = expected;
    this.#previousCrc = header.crc;
    return { header, bytes, text };
  }

  /** Whether the file ends here. */
  async isAtEnd(): Promise<boolean> {
    return (await this.#bytes(1)).length === 0;
  }

  /** So many bytes from `at` on; fewer at the end of the file. */
  async #bytes(length: number): Promise<Buffer> {
    let start = this.at - this.#windowAt;
    if (start < 0 || start + length > this.#window.length) {
      this.#window = await this.#disk.readPart(this.#path, this.at, Math.max(length, WINDOW_BYTES));
      this.#windowAt = this.at;
      start = 0;
    }
    return this.#window.subarray(start, start + length);
  }
}

function textOf(bytes: Buffer, ordinal: number): Buffer {
  try {
    return blockText(bytes);
  } catch (error) {
    throw new Left('damaged', `block ${ordinal} cannot be read: ${(error as Error).message}`);
  }
}

/** Reads a file block by block, pausing between them. Anything that is not as it should be makes it be left alone. */
export async function readSealed(
  disk: Disk,
  path: string,
  pace: Pace,
  onBlock: (
    header: BlockHeader,
    text: Buffer,
    byLink: ReadonlyMap<number, number>,
  ) => Promise<void> = async () => undefined,
): Promise<TapeContent> {
  const textHash = createHash('sha256');
  const fileHash = createHash('sha256');
  const byLink = new Map<number, number>();
  let frames = 0;
  let sealBlock: WholeBlock | null = null;
  const blocks = new WholeBlocks(disk, path);
  for (;;) {
    const block = await pace.working(() => blocks.next());
    if (block === null) break;
    if (block.header.seal) {
      sealBlock = block;
      if (await blocks.isAtEnd()) break;
      throw new Left('unsealed', 'it does not end with its seal');
    }
    const counts = await pace.working(() => {
      fileHash.update(block.bytes);
      textHash.update(block.text);
      return countByLink(block);
    });
    addCounts(byLink, counts);
    frames += block.header.frames;
    await onBlock(block.header, block.text, counts);
  }
  if (sealBlock === null) throw new Left('unsealed', 'it has no seal');
  const { seal, sealLine } = readSeal(sealBlock);
  if (seal.repaired) throw new Left('repaired', 'it was sealed by a repair');
  if (seal.sha256 !== fileHash.digest('hex'))
    throw new Left('damaged', 'its bytes are not those that were sealed (SHA-256)');
  const { ordinal } = sealBlock.header;
  if (seal.blocks !== ordinal - 1)
    throw new Left('damaged', `its seal counts ${seal.blocks} blocks, ${ordinal - 1} are there`);
  for (const link of new Set([...byLink.keys(), ...Object.keys(seal.frames).map(Number)]))
    if ((seal.frames[link] ?? 0) !== (byLink.get(link) ?? 0))
      throw new Left('damaged', `its seal counts ${seal.frames[link] ?? 0} frames of link ${link}`);
  return { textHash: textHash.digest('hex'), byLink, frames, seal, sealLine, bytes: blocks.at };
}

function countByLink({ header, text }: WholeBlock): Map<number, number> {
  const counts = new Map<number, number>();
  let [link, count, lines] = [-1, 0, 0];
  const unreadable = readLines(text, (frame) => {
    if (frame.link !== link) {
      if (count > 0) counts.set(link, count);
      link = frame.link;
      count = counts.get(link) ?? 0;
    }
    count++;
    lines++;
  });
  if (count > 0) counts.set(link, count);
  const { ordinal, frames } = header;
  if (unreadable > 0) throw new Left('damaged', `${unreadable} lines of block ${ordinal} are no frames`);
  if (lines !== frames)
    throw new Left('damaged', `block ${ordinal} has ${lines} lines, its header says ${frames}`);
  return counts;
}

export function addCounts(to: Map<number, number>, more: ReadonlyMap<number, number>): void {
  for (const [link, count] of more) to.set(link, (to.get(link) ?? 0) + count);
}

function readSeal({ text }: WholeBlock): { seal: SealedEvent; sealLine: SealLine } {
  let found: { seal: SealedEvent; sealLine: SealLine } | null = null;
  readLines(text, (frame) => {
    const event = frame.kind === 'event' ? parseJson(frame.text()) : null;
    const { time, link, ordinal } = frame;
    if (isSealedEvent(event)) found = { seal: event, sealLine: { time, link, ordinal } };
  });
  if (found === null) throw new Left('damaged', 'its seal block holds no "sealed" event');
  return found;
}
