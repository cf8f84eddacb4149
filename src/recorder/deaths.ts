import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk } from '../host/index.ts';
import { type Frame, isObject, parseJson } from '../record/index.ts';

/** Width of the note of the frame being read; it is written over and over at the same place. */
const NOTE_BYTES = 40;

/** The frames of one journal file that are never read again, as `<link>-<ordinal>`. */
export type SkippedFrames = ReadonlySet<string>;

const NONE: SkippedFrames = new Set();

/** How a frame is named among the skipped ones. */
export function frameName(frame: Frame): string {
  return `${frame.link}-${frame.ordinal}`;
}

function skippedPath(data: string, exchange: string): string {
  return join(data, 'state', 'skipped', `${exchange}.json`);
}

/** The skipped frames of an exchange, by journal file (`<date>/<name>`). A list that cannot be read skips nothing. */
export async function readSkipped(
  disk: Disk,
  data: string,
  exchange: string,
): Promise<Map<string, SkippedFrames>> {
  const path = skippedPath(data, exchange);
  const found = new Map<string, SkippedFrames>();
  if (!(await disk.exists(path))) return found;
  const listed = parseJson((await disk.read(path)).toString());
  if (!isObject(listed)) return found;
  for (const [file, frames] of Object.entries(listed))
    if (Array.isArray(frames)) found.set(file, new Set(frames.map(String)));
  return found;
}

/**
 * Watches the reading of one journal file at a start, for a frame that kills the whole process (an engine's crash, not
 * an exception: those end their frame alone).
 *
 *     a start died           the next one notes each frame before it reads it
 *     it died noting F       the next one notes too
 *     that one died at F too F is skipped from now on, and said so
 *
 * Two deaths must name the same frame: a start that a person killed, even twice, makes no frame guilty.
 */
export class DeathWatch {
  /** Frames of this file to be skipped. */
  readonly skipped: SkippedFrames;
  /** The frame found guilty by this start; null where there is none. */
  readonly found: string | null;
  readonly #disk: Disk;
  readonly #marker: string;
  readonly #note: number | null;
  readonly #bytes = Buffer.alloc(NOTE_BYTES, ' ');

  private constructor(
    disk: Disk,
    marker: string,
    skipped: SkippedFrames,
    found: string | null,
    note: number | null,
  ) {
    this.#disk = disk;
    this.#marker = marker;
    this.skipped = skipped;
    this.found = found;
    this.#note = note;
  }

  /** Marks that a file (`<date>/<name>`) is being read from now on. */
  static async begin(disk: Disk, data: string, exchange: string, file: string): Promise<DeathWatch> {
    const marker = join(data, 'state', 'reading', `${exchange}.json`);
    const notePath = join(data, 'state', 'reading', `${exchange}.frame`);
    const earlier = (await disk.exists(marker)) ? parseJson((await disk.read(marker)).toString()) : null;
    const died = isObject(earlier) && earlier.file === file;
    const noted = died ? readNote(notePath) : null;
    const found = died && noted !== null && noted === earlier.frame ? noted : null;
    const all = await readSkipped(disk, data, exchange);
    if (found !== null) {
      all.set(file, new Set([...(all.get(file) ?? []), found]));
      const listed = Object.fromEntries([...all].map(([name, frames]) => [name, [...frames]]));
      await disk.replace(skippedPath(data, exchange), Buffer.from(`${JSON.stringify(listed)}\n`));
    }
    const mark = { file, frame: found === null ? noted : null };
    await disk.replace(marker, Buffer.from(`${JSON.stringify(mark)}\n`));
    if (!died) await disk.remove(notePath);
    // Only a start after a death pays for the notes.
    const note = died ? openSync(notePath, 'w') : null;
    return new DeathWatch(disk, marker, all.get(file) ?? NONE, found, note);
  }

  /** Notes the frame that is read next, where an earlier start died. It survives this process, not the machine. */
  before(frame: Frame): void {
    if (this.#note === null) return;
    this.#bytes.fill(' ');
    this.#bytes.write(frameName(frame));
    writeSync(this.#note, this.#bytes, 0, NOTE_BYTES, 0);
  }

  /** The file was read to its end, or given up in an orderly way. */
  async survived(): Promise<void> {
    if (this.#note !== null) closeSync(this.#note);
    await this.#disk.remove(this.#marker);
  }
}

function readNote(path: string): string | null {
  try {
    const name = readFileSync(path, 'utf8').trim();
    return /^\d+-\d+$/.test(name) ? name : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
