import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Disk, freeMemory } from '../host/index.ts';
import { type Frame, parseJson } from '../record/index.ts';
import {
  ASIDE_BYTES_MIN,
  type BlockHeader,
  HEADER_BYTES,
  HEADER_START,
  readBlockHeader,
  unpackBlock,
  unpackBlockAside,
} from './block.ts';
import { isSealedEvent, type SealedEvent } from './chain.ts';
import { readLines } from './read-lines.ts';

/**
 * - `torn`: a header is there, its block is not there to the end
 * - `content`: the block is there, its bytes are not what its header says
 * - `garbage`: bytes without a readable header
 * - `missing`: whole blocks are not there, without a trace
 * - `order`: a whole block stands where a later one should
 * - `chain`: a whole block names another header before it: it belongs to another file
 * - `after-seal`: bytes behind the seal
 * - `lines`: the block is as it was written, but lines in it are no frames
 */
export type DamageReason =
  | 'torn'
  | 'content'
  | 'garbage'
  | 'missing'
  | 'order'
  | 'chain'
  | 'after-seal'
  | 'lines';

/** A stretch of a file that gives no frames. */
export interface Damage {
  readonly kind: 'damage';
  readonly offset: number;
  /** Bytes; 0 where blocks are missing without a trace. */
  readonly length: number;
  /** The first block that is damaged: the one expected at this place. */
  readonly ordinal: number;
  /** How many blocks are lost to it; null at the end of the file, where nobody can tell. */
  readonly blocks: number | null;
  readonly reason: DamageReason;
  /** For people. */
  readonly detail: string;
}

/** A whole block. */
export interface Block {
  readonly kind: 'block';
  readonly offset: number;
  readonly ordinal: number;
  readonly header: BlockHeader;
  /** Its lines; valid as long as nobody writes into it. */
  readonly text: Buffer;
}

/** True where the zstd frame behind a header is there and has the right CRC. */
export function wholeAt(bytes: Buffer, offset: number, header: BlockHeader): boolean {
  const start = offset + HEADER_BYTES;
  const end = start + header.compressedBytes;
  return end <= bytes.length && crc32(bytes.subarray(start, end)) === header.compressedCrc;
}

/**
 * The lines of a block whose bytes these are, header and zstd frame.
 * @throws Error where they are no whole block
 */
export function blockText(bytes: Buffer): Buffer {
  const { compressed, textBytes } = partsOf(bytes);
  return unpackBlock(compressed, textBytes);
}

/** The same, a large one unpacked on a thread of the system's pool; rejects where `blockText` throws. */
export async function blockTextAside(bytes: Buffer): Promise<Buffer> {
  const { compressed, textBytes } = partsOf(bytes);
  if (textBytes < ASIDE_BYTES_MIN) return unpackBlock(compressed, textBytes);
  return unpackBlockAside(compressed, textBytes);
}

function partsOf(bytes: Buffer): { readonly compressed: Buffer; readonly textBytes: number } {
  const header = readBlockHeader(bytes, 0);
  if (header === null || !wholeAt(bytes, 0, header)) throw new Error('no whole block stands here');
  const compressed = bytes.subarray(HEADER_BYTES, HEADER_BYTES + header.compressedBytes);
  return { compressed, textBytes: header.textBytes };
}

/** Offset of the next header with a right CRC in `[from, to)`, or -1. */
function findHeader(bytes: Buffer, from: number, to: number): number {
  const searched = bytes.subarray(0, to);
  for (let at = searched.indexOf(HEADER_START, from); at >= 0; at = searched.indexOf(HEADER_START, at + 1))
    if (readBlockHeader(bytes, at) !== null) return at;
  return -1;
}

/**
 * Walks a file: whole blocks and, between them, what is damaged. After damage it goes on at the next header with
 * a right CRC. Time is linear in the bytes plus the text, whatever the bytes are; one block's text is held at a time.
 */
export function* readBlocks(bytes: Buffer): Generator<Block | Damage, void, undefined> {
  let expected = 1;
  /** CRC of the header before; null where damage hides it. */
  let previousCrc: number | null = 0;
  let at = 0;
  while (at < bytes.length) {
    const header = readBlockHeader(bytes, at);
    if (header === null) {
      const next = findHeader(bytes, at + 1, bytes.length);
      const end = next < 0 ? bytes.length : next;
      const ordinal = next < 0 ? null : (readBlockHeader(bytes, next)?.ordinal ?? null);
      yield garbage(bytes, at, end, expected, ordinal);
      if (ordinal !== null && ordinal > expected) {
        expected = ordinal;
        previousCrc = null;
      }
      at = end;
      continue;
    }
    if (header.ordinal > expected) {
      const blocks = header.ordinal - expected;
      const detail = `block ${expected} should stand here, block ${header.ordinal} does`;
      yield damage(at, 0, expected, blocks, 'missing', detail);
      expected = header.ordinal;
      previousCrc = null;
    }
    const read = readBlockAt(bytes, at, header, expected, previousCrc);
    yield read;
    const end = read.kind === 'block' ? at + HEADER_BYTES + header.compressedBytes : at + read.length;
    if (header.ordinal === expected) {
      expected++;
      previousCrc = read.kind === 'block' || read.reason !== 'chain' ? header.crc : null;
      if (read.kind === 'block' && header.seal && end < bytes.length) {
        const detail = `${bytes.length - end} bytes stand behind the seal`;
        yield damage(end, bytes.length - end, expected, null, 'after-seal', detail);
        return;
      }
    }
    at = end;
  }
}

function garbage(bytes: Buffer, at: number, end: number, expected: number, next: number | null): Damage {
  const isPart = next === null && bytes.length - at < HEADER_BYTES;
  const blocks = next === null ? null : Math.max(0, next - expected);
  const detail = `${end - at} bytes without a readable header where block ${expected} should stand`;
  return damage(at, end - at, expected, blocks, isPart ? 'torn' : 'garbage', detail);
}

/** The block behind a header that is right in itself: compares it with its place, its sizes and its checksums. */
function readBlockAt(
  bytes: Buffer,
  offset: number,
  header: BlockHeader,
  expected: number,
  previousCrc: number | null,
): Block | Damage {
  const { ordinal } = header;
  const start = offset + HEADER_BYTES;
  const end = start + header.compressedBytes;
  // A header inside the stretch that this one claims bounds it: its own block was torn off there.
  const next = findHeader(bytes, start, Math.min(end, bytes.length));
  if (next >= 0 || end > bytes.length) {
    const found = (next >= 0 ? next : bytes.length) - start;
    const detail = `${found} of the ${header.compressedBytes} bytes of block ${ordinal} are there`;
    const blocks = next >= 0 ? 1 : null;
    return damage(offset, found + HEADER_BYTES, ordinal, blocks, 'torn', detail);
  }
  const length = end - offset;
  if (ordinal < expected) {
    const detail = `block ${ordinal} stands here again, where block ${expected} should`;
    return damage(offset, length, expected, 0, 'order', detail);
  }
  if (previousCrc !== null && header.previousCrc !== previousCrc) {
    const detail = `block ${ordinal} does not follow the block before it: it names another header`;
    return damage(offset, length, ordinal, 1, 'chain', detail);
  }
  if (!wholeAt(bytes, offset, header)) {
    const detail = `the compressed bytes of block ${ordinal} do not match their CRC`;
    return damage(offset, length, ordinal, 1, 'content', detail);
  }
  try {
    const text = unpackBlock(bytes.subarray(start, end), header.textBytes);
    const lines = countLines(text);
    if (lines === header.frames) return { kind: 'block', offset, ordinal, header, text };
    const detail = `block ${ordinal} has ${lines} lines, its header says ${header.frames}`;
    return damage(offset, length, ordinal, 1, 'content', detail);
  } catch (error) {
    const detail = `block ${ordinal} does not inflate: ${(error as Error).message}`;
    return damage(offset, length, ordinal, 1, 'content', detail);
  }
}

/** Lines that end with a line feed; -1 where the last one does not. */
function countLines(text: Buffer): number {
  if (text[text.length - 1] !== 10) return -1;
  let lines = 0;
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) lines++;
  return lines;
}

function damage(
  offset: number,
  length: number,
  ordinal: number,
  blocks: number | null,
  reason: DamageReason,
  detail: string,
): Damage {
  return { kind: 'damage', offset, length, ordinal, blocks, reason, detail };
}

/** One link's part of a file. */
export interface LinkTally {
  /** Frames before the seal. */
  frames: number;
  /** Ordinal of the last frame read, the seal's line included. */
  lastOrdinal: number;
}

/** What a full reading of a file found. */
export interface TapeSummary {
  /** Whole blocks before the seal. */
  blocks: number;
  /** Frames before the seal. */
  frames: number;
  readonly links: Map<number, LinkTally>;
  /** Receive times, µs; 0 where there is no frame. */
  firstTime: number;
  lastTime: number;
  readonly damages: Damage[];
  /** What the seal says; null where the file has no whole seal. */
  seal: SealedEvent | null;
  /** Where the seal does not agree with what was read: one sentence each. */
  readonly sealFaults: string[];
  /** Offset behind the last whole block, its ordinal, and the CRC of its header: where a repair goes on. */
  wholeBytes: number;
  lastOrdinal: number;
  lastHeaderCrc: number;
}

/**
 * Reads the frames of a whole file, in order, the seal's line included. Damage ends nothing: it is in the summary,
 * and reading goes on behind it. The frame is valid only during the call.
 */
export function scanTape(bytes: Buffer, onFrame: (frame: Frame) => void = () => undefined): TapeSummary {
  const summary: TapeSummary = {
    blocks: 0,
    frames: 0,
    links: new Map(),
    firstTime: 0,
    lastTime: 0,
    damages: [],
    seal: null,
    sealFaults: [],
    wholeBytes: 0,
    lastOrdinal: 0,
    lastHeaderCrc: 0,
  };
  for (const found of readBlocks(bytes)) {
    if (found.kind === 'damage') summary.damages.push(found);
    else {
      scanBlock(bytes, found, summary, onFrame);
      freeMemory(found.text);
    }
  }
  return summary;
}

function scanBlock(bytes: Buffer, block: Block, summary: TapeSummary, onFrame: (frame: Frame) => void): void {
  const { header, offset, ordinal } = block;
  const length = HEADER_BYTES + header.compressedBytes;
  summary.wholeBytes = offset + length;
  summary.lastOrdinal = ordinal;
  summary.lastHeaderCrc = header.crc;
  if (header.seal) summary.sealFaults.push(...checkSeal(bytes, block, summary));
  else {
    if (summary.blocks++ === 0) summary.firstTime = header.firstTime;
    summary.lastTime = Math.max(summary.lastTime, header.lastTime);
  }
  const counted = header.seal ? 0 : 1;
  let link = -1;
  let tally: LinkTally = { frames: 0, lastOrdinal: 0 };
  const unreadable = readLines(block.text, (frame) => {
    if (frame.link !== link) {
      link = frame.link;
      tally = tallyOf(summary.links, link);
    }
    tally.lastOrdinal = frame.ordinal;
    tally.frames += counted;
    summary.frames += counted;
    onFrame(frame);
  });
  if (unreadable > 0) {
    const detail = `${unreadable} of the ${header.frames} lines of block ${ordinal} are no frames`;
    summary.damages.push(damage(offset, length, ordinal, 0, 'lines', detail));
  }
}

function tallyOf(links: Map<number, LinkTally>, link: number): LinkTally {
  let tally = links.get(link);
  if (tally === undefined) {
    tally = { frames: 0, lastOrdinal: 0 };
    links.set(link, tally);
  }
  return tally;
}

/**
 * Compares a seal with the blocks read before it: their number, the frames of each link, the hash of all bytes.
 * Returns the differences, and sets `summary.seal`.
 */
function checkSeal(bytes: Buffer, block: Block, summary: TapeSummary): string[] {
  let event: unknown = null;
  readLines(block.text, (frame) => {
    if (frame.kind === 'event') event = parseJson(frame.text());
  });
  if (!isSealedEvent(event)) return ['the seal block holds no "sealed" event'];
  summary.seal = event;
  const faults: string[] = [];
  if (event.blocks !== summary.blocks)
    faults.push(`the seal counts ${event.blocks} blocks, ${summary.blocks} are whole`);
  const links = new Set([...Object.keys(event.frames).map(Number), ...summary.links.keys()]);
  for (const link of links) {
    const said = event.frames[link] ?? 0;
    const read = summary.links.get(link)?.frames ?? 0;
    if (said !== read) faults.push(`the seal counts ${said} frames of link ${link}, ${read} were read`);
  }
  if (createHash('sha256').update(bytes.subarray(0, block.offset)).digest('hex') !== event.sha256)
    faults.push('the bytes before the seal are not those that were sealed (SHA-256)');
  return faults;
}

/**
 * Reads a file from disk (whole into memory: a file is closed at `fileBytesMax`, 256 MiB) and walks its frames.
 * Rejects with the system's error where the file cannot be read.
 */
export async function readTape(
  disk: Disk,
  path: string,
  onFrame?: (frame: Frame) => void,
): Promise<TapeSummary> {
  return scanTape(await disk.read(path), onFrame);
}

/** The text of a file, block by block, for `cat`; `payloads` leaves out all but the payloads, one a line. */
export function* catLines(bytes: Buffer, payloads = false): Generator<Buffer | Damage, void, undefined> {
  for (const found of readBlocks(bytes)) {
    if (found.kind === 'damage') yield found;
    else yield payloads ? payloadsOf(found.text) : found.text;
  }
}

const LINE_FEED = Buffer.from('\n');

function payloadsOf(text: Buffer): Buffer {
  const parts: Buffer[] = [];
  readLines(text, (frame) => parts.push(frame.bytes.subarray(frame.start, frame.end), LINE_FEED));
  return Buffer.concat(parts);
}
