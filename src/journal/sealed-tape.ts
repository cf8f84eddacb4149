import { createHash } from 'node:crypto';
import { parseJson } from '../record/index.ts';
import { HEADER_BYTES } from './block.ts';
import { isSealedEvent, type SealedEvent, type SealLine } from './chain.ts';
import { readLines } from './line.ts';
import type { Pace } from './pace.ts';
import { type Block, readBlocks } from './reader.ts';

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

/** Reads a file block by block, pausing between them. Anything that is not as it should be makes it be left alone. */
export async function readSealed(
  bytes: Buffer,
  pace: Pace,
  onBlock: (block: Block, byLink: ReadonlyMap<number, number>) => Promise<void> = async () => undefined,
): Promise<TapeContent> {
  const textHash = createHash('sha256');
  const fileHash = createHash('sha256');
  const byLink = new Map<number, number>();
  let frames = 0;
  let sealBlock: Block | null = null;
  const blocks = readBlocks(bytes);
  for (;;) {
    const { value: block } = await pace.working(() => blocks.next());
    if (block === undefined) break;
    if (block.kind === 'damage') throw new Left('damaged', block.detail);
    sealBlock = block.header.seal ? block : null;
    if (sealBlock !== null) continue;
    const counts = await pace.working(() => {
      const end = block.offset + HEADER_BYTES + block.header.compressedBytes;
      fileHash.update(bytes.subarray(block.offset, end));
      textHash.update(block.text);
      return countByLink(block);
    });
    addCounts(byLink, counts);
    frames += block.header.frames;
    await onBlock(block, counts);
  }
  if (sealBlock === null) throw new Left('unsealed', 'it has no seal');
  const { seal, sealLine } = readSeal(sealBlock);
  if (seal.repaired) throw new Left('repaired', 'it was sealed by a repair');
  if (seal.sha256 !== fileHash.digest('hex'))
    throw new Left('damaged', 'its bytes are not those that were sealed (SHA-256)');
  if (seal.blocks !== sealBlock.ordinal - 1)
    throw new Left('damaged', `its seal counts ${seal.blocks} blocks, ${sealBlock.ordinal - 1} are there`);
  for (const link of new Set([...byLink.keys(), ...Object.keys(seal.frames).map(Number)]))
    if ((seal.frames[link] ?? 0) !== (byLink.get(link) ?? 0))
      throw new Left('damaged', `its seal counts ${seal.frames[link] ?? 0} frames of link ${link}`);
  return { textHash: textHash.digest('hex'), byLink, frames, seal, sealLine, bytes: bytes.length };
}

function countByLink({ ordinal, text }: Block): Map<number, number> {
  const counts = new Map<number, number>();
  let [link, count] = [-1, 0];
  const unreadable = readLines(text, (frame) => {
    if (frame.link !== link) {
      if (count > 0) counts.set(link, count);
      link = frame.link;
      count = counts.get(link) ?? 0;
    }
    count++;
  });
  if (count > 0) counts.set(link, count);
  if (unreadable > 0) throw new Left('damaged', `${unreadable} lines of block ${ordinal} are no frames`);
  return counts;
}

export function addCounts(to: Map<number, number>, more: ReadonlyMap<number, number>): void {
  for (const [link, count] of more) to.set(link, (to.get(link) ?? 0) + count);
}

function readSeal({ text }: Block): { seal: SealedEvent; sealLine: SealLine } {
  let found: { seal: SealedEvent; sealLine: SealLine } | null = null;
  readLines(text, (frame) => {
    const event = frame.kind === 'event' ? parseJson(frame.text()) : null;
    const { time, link, ordinal } = frame;
    if (isSealedEvent(event)) found = { seal: event, sealLine: { time, link, ordinal } };
  });
  if (found === null) throw new Left('damaged', 'its seal block holds no "sealed" event');
  return found;
}
