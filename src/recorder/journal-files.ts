import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { type Disk, freeMemory } from '../host/index.ts';
import { type JournalFile, listExchange, readBlocks, readLines, tapePath } from '../journal/index.ts';
import { type Frame, type Json, parseJson } from '../record/index.ts';
import type { JournalKey } from '../store/index.ts';
import { frameName, type SkippedFrames } from './deaths.ts';
import type { Session } from './session.ts';

/** Largest decoder state read back, bytes of text. */
const STATE_BYTES_MAX = 512 * 1024 * 1024;

/** The journal directory of an exchange. */
export function journalDirectory(data: string, exchange: string): string {
  return join(data, 'journal', exchange);
}

/** The journal file that rows are filed under. */
export function tapeOf(data: string, { exchange, name }: JournalKey): string {
  return tapePath(journalDirectory(data, exchange), Number(name.split('-')[1]));
}

/** What a journal file's rows are filed under. */
export function keyOf({ exchange, date, name }: JournalFile): JournalKey {
  return { exchange, date, name };
}

/** The journal files of an exchange, oldest first. */
export function listFiles(disk: Disk, data: string, exchange: string): Promise<JournalFile[]> {
  return listExchange(disk, journalDirectory(data, exchange), exchange);
}

/** The decoder's state at a file's first line; null where there is none, or it cannot be read. */
export async function readState(disk: Disk, file: JournalFile): Promise<Json | null> {
  return file.hasState ? (inflatedJson(await disk.read(file.statePath)) as Json | null) : null;
}

/** What a compressed JSON file says; null where it does not inflate or is no JSON. */
export function inflatedJson(bytes: Buffer): unknown {
  try {
    return parseJson(zstdDecompressSync(bytes, { maxOutputLength: STATE_BYTES_MAX }).toString());
  } catch {
    return null;
  }
}

const NONE: SkippedFrames = new Set();

/** How a journal file is read. */
export interface ReadOptions {
  /** Frames that are not decoded, since two starts died at them. */
  readonly skipped?: SkippedFrames;
  /** Told of each frame before it is read. */
  readonly before?: (frame: Frame) => void;
}

/**
 * Reads every line of a journal file into the session, block by block. Where the file is damaged, the session is told
 * at that place, and reading goes on behind it. Yields the number of lines after each block.
 */
export function* decodeTapeInParts(
  bytes: Buffer,
  session: Session,
  { skipped = NONE, before }: ReadOptions = {},
): Generator<number, void, undefined> {
  for (const found of readBlocks(bytes)) {
    let lines = 0;
    if (found.kind === 'damage') session.damaged(found.detail);
    else {
      readLines(found.text, (frame) => {
        lines++;
        before?.(frame);
        if (skipped.size > 0 && skipped.has(frameName(frame))) session.skip(frame);
        else session.line(frame);
      });
      freeMemory(found.text);
    }
    yield lines;
  }
}

/** The same in one go; returns the lines read. */
export function decodeTape(bytes: Buffer, session: Session, options: ReadOptions = {}): number {
  let lines = 0;
  for (const count of decodeTapeInParts(bytes, session, options)) lines += count;
  return lines;
}
