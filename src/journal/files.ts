import { basename, dirname, join } from 'node:path';
import type { Disk } from '../host/index.ts';
import { HEADER_BYTES, HEADER_START, readBlockHeader } from './block.ts';
import { wholeAt } from './reader.ts';

/*
 *     <directory>/<exchange>/<YYYY-MM-DD>/<HH>-<start µs>.tape.zst     the lines
 *                                         <HH>-<start µs>.state.zst    decoder state at the first line; optional
 *                                         <HH>-<start µs>.tape.zst.cut what a repair cut off; then .cut.2, ...
 *                                         <HH>-<start µs>.tape.zst.dense.tmp  what `densify` is writing
 */

const TAPE = '.tape.zst';
const STATE = '.state.zst';
const TAPE_NAME = /^\d\d-\d{1,16}\.tape\.zst$/;
const DATE_NAME = /^\d{4}-\d\d-\d\d$/;
const EXCHANGE_NAME = /^[a-z0-9][a-z0-9_-]*$/;
/** Ends of names that only an interrupted write leaves behind. */
const TEMPORARY = '.tmp';
const HOUR_US = 3_600_000_000;

/** One file of the journal, as its name tells. */
export interface JournalFile {
  readonly exchange: string;
  /** UTC, of the start. */
  readonly date: string;
  readonly hour: number;
  /** µs since the epoch. */
  readonly start: number;
  /** `<HH>-<start µs>`. */
  readonly name: string;
  readonly path: string;
  /** Where the decoder state of its start is; a file that continues another has none. */
  readonly statePath: string;
  readonly hasState: boolean;
}

/** Whole hours since the epoch (UTC): files change with it. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR_US);
}

/** Path of the tape that starts at `start` (µs), in one exchange's directory. */
export function tapePath(directory: string, start: number): string {
  if (!(start >= 0 && Number.isSafeInteger(start)))
    throw new RangeError(`no journal file can start at ${start} µs since the epoch`);
  const iso = new Date(start / 1000).toISOString();
  return join(directory, iso.slice(0, 10), `${iso.slice(11, 13)}-${start}${TAPE}`);
}

/** Path of the decoder state beside a tape. */
export function statePathOf(path: string): string {
  if (!path.endsWith(TAPE)) throw new RangeError(`${path} is no tape`);
  return path.slice(0, -TAPE.length) + STATE;
}

/** What the path of a tape tells. */
export function journalFile(exchange: string, path: string, hasState = false): JournalFile {
  const name = basename(path).slice(0, -TAPE.length);
  const [hour, start] = name.split('-').map(Number);
  const statePath = statePathOf(path);
  const date = basename(dirname(path));
  return { exchange, date, hour: hour ?? 0, start: start ?? 0, name, path, statePath, hasState };
}

/** All files of a journal (`<data>/journal`), by exchange and start. Names that are not ours are passed over. */
export async function listJournal(disk: Disk, directory: string): Promise<JournalFile[]> {
  const files: JournalFile[] = [];
  for (const exchange of await disk.list(directory))
    if (EXCHANGE_NAME.test(exchange))
      files.push(...(await listExchange(disk, join(directory, exchange), exchange)));
  return files;
}

/** The files of one exchange's directory, by start. */
export async function listExchange(disk: Disk, directory: string, exchange: string): Promise<JournalFile[]> {
  const files: JournalFile[] = [];
  for (const date of await listDirectory(disk, directory)) {
    if (!DATE_NAME.test(date)) continue;
    const names = await listDirectory(disk, join(directory, date));
    const known = new Set(names);
    for (const name of names) {
      if (!TAPE_NAME.test(name)) continue;
      const hasState = known.has(name.slice(0, -TAPE.length) + STATE);
      files.push(journalFile(exchange, join(directory, date, name), hasState));
    }
  }
  return files.sort((a, b) => a.start - b.start);
}

/** A stray file among the directories is nobody's journal. */
async function listDirectory(disk: Disk, path: string): Promise<string[]> {
  try {
    return await disk.list(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Removes what interrupted writes left in one exchange's directory: it was never part of the journal. Returns the paths. */
export async function removeTemporary(disk: Disk, directory: string): Promise<string[]> {
  const removed: string[] = [];
  for (const date of await listDirectory(disk, directory)) {
    if (!DATE_NAME.test(date)) continue;
    for (const name of await listDirectory(disk, join(directory, date)))
      if (name.endsWith(TEMPORARY)) removed.push(join(directory, date, name));
  }
  for (const path of removed) await disk.remove(path);
  return removed;
}

/**
 * True where the bytes of a file end with a whole seal block. Looks at the last block only; `checkSeal` of a full
 * reading compares what the seal says.
 */
export function endsWithSeal(bytes: Buffer): boolean {
  const offset = bytes.lastIndexOf(HEADER_START);
  const header = readBlockHeader(bytes, offset);
  return (
    header?.seal === true &&
    offset + HEADER_BYTES + header.compressedBytes === bytes.length &&
    wholeAt(bytes, offset, header)
  );
}

/** Reads a file and looks at its last block. */
export async function isSealed(disk: Disk, path: string): Promise<boolean> {
  return endsWithSeal(await disk.read(path));
}
