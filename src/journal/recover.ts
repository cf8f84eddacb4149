import type { Disk } from '../host/index.ts';
import { BlockChain, type SealedEvent, type SealLine } from './chain.ts';
import { readLines } from './read-lines.ts';
import { type Damage, readBlocks, scanTape, type TapeSummary } from './reader.ts';

/** What a repair found, kept and cut. */
export interface RecoveredFile {
  /** It was sealed already: nothing was done. */
  readonly isSealed: boolean;
  /** Whole blocks and frames that the file holds now. */
  readonly blocks: number;
  readonly frames: number;
  /** Receive time of the last frame, µs; 0 where there is none. */
  readonly lastTime: number;
  readonly lastOrdinalByLink: ReadonlyMap<number, number>;
  /** Damage that stays in the file: it stands before a whole block. */
  readonly damages: readonly Damage[];
  /** Bytes cut off the end; they are in `cutFile`. */
  readonly cutBytes: number;
  readonly cutFile: string | null;
  /** Whole blocks among them: after a disk fault, those that a following file holds again. */
  readonly cutBlocks: number;
  /** Size of the file now, and what a full reading found: where `sealRecovered` goes on. */
  readonly bytes: number;
  readonly summary: TapeSummary;
}

/**
 * Repairs the tail of a file that was not sealed: cuts what stands behind its last whole block, after copying it
 * to `<path>.cut` (`.cut.2`, ... where an earlier repair left another one). A sealed file stays as it is. It can be
 * run again at any time, also after it was interrupted.
 *
 * `following`: the files behind it in the same exchange's directory, in order. Where there are any, this file failed
 * while it was written, and its last blocks, which were not durable, were written again behind it. Some of them may
 * be here too. So the file is also cut before its first block with a frame that is not before the first one of the
 * same link in the following files (no more of them are read than up to the first sealed one with frames).
 *
 * Reads whole files into memory. Rejects with the system's error.
 */
export async function recoverFile(
  disk: Disk,
  path: string,
  following: readonly string[] = [],
): Promise<RecoveredFile> {
  const bytes = await disk.read(path);
  const found = scanTape(bytes);
  if (found.seal !== null) return recovered(found, bytes.length, { isSealed: true });
  const end = Math.min(found.wholeBytes, offsetOfAgain(bytes, await leastOrdinals(disk, following)));
  // Damage before the first block that goes is then at the end, and goes too.
  const size = end === found.wholeBytes ? end : scanTape(bytes.subarray(0, end)).wholeBytes;
  if (size === bytes.length) return recovered(found, size);
  const kept = scanTape(bytes.subarray(0, size));
  const cutFile = await keepCut(disk, path, bytes.subarray(size));
  await disk.truncate(path, size);
  const cutBytes = bytes.length - size;
  return recovered(kept, size, { cutBytes, cutFile, cutBlocks: found.blocks - kept.blocks });
}

function recovered(
  summary: TapeSummary,
  bytes: number,
  cut: Partial<Pick<RecoveredFile, 'isSealed' | 'cutBytes' | 'cutFile' | 'cutBlocks'>> = {},
): RecoveredFile {
  const { blocks, frames, lastTime, links, damages } = summary;
  const lastOrdinalByLink = new Map([...links].map(([link, { lastOrdinal }]) => [link, lastOrdinal]));
  const none = { isSealed: false, cutBytes: 0, cutFile: null, cutBlocks: 0 };
  return { ...none, ...cut, blocks, frames, lastTime, lastOrdinalByLink, damages, bytes, summary };
}

/** By link, the least ordinal in these files. */
async function leastOrdinals(disk: Disk, paths: readonly string[]): Promise<Map<number, number>> {
  const least = new Map<number, number>();
  for (const path of paths) {
    const { seal, frames } = scanTape(await disk.read(path), ({ link, ordinal }) => {
      least.set(link, Math.min(ordinal, least.get(link) ?? ordinal));
    });
    if (seal !== null && frames > 0) break;
  }
  return least;
}

/** Offset of the first whole block with a frame that is there again in a following file, or comes behind one that is. */
function offsetOfAgain(bytes: Buffer, again: ReadonlyMap<number, number>): number {
  if (again.size === 0) return bytes.length;
  for (const found of readBlocks(bytes)) {
    if (found.kind === 'damage') continue;
    let isAgain = false;
    readLines(found.text, ({ link, ordinal }) => {
      isAgain ||= ordinal >= (again.get(link) ?? Number.POSITIVE_INFINITY);
    });
    if (isAgain) return found.offset;
  }
  return bytes.length;
}

/** Copies the cut bytes beside the file; a repair that was interrupted before the cut finds its own copy again. */
async function keepCut(disk: Disk, path: string, cut: Buffer): Promise<string> {
  for (let count = 1; ; count++) {
    const cutFile = count === 1 ? `${path}.cut` : `${path}.cut.${count}`;
    if (!(await disk.exists(cutFile))) {
      await disk.replace(cutFile, cut);
      return cutFile;
    }
    if ((await disk.read(cutFile)).equals(cut)) return cutFile;
  }
}

/**
 * Seals a file that `recoverFile` repaired, durably. The seal says `repaired`. Rejects with the system's error; a
 * seal that was written in part is cut by the next `recoverFile`.
 */
export async function sealRecovered(
  disk: Disk,
  path: string,
  recovered: RecoveredFile,
  line: SealLine,
): Promise<SealedEvent> {
  if (recovered.isSealed) throw new Error(`${path} is sealed already`);
  const bytes = await disk.read(path);
  if (bytes.length !== recovered.bytes)
    throw new Error(`${path} has ${bytes.length} bytes, and had ${recovered.bytes} when it was repaired`);
  const chain = new BlockChain();
  chain.resume(bytes, recovered.summary);
  const { block, event } = chain.seal(line, true);
  const file = await disk.openToAppend(path);
  try {
    await file.append(block.bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return event;
}
