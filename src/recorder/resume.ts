import type { Exchange } from '../exchanges/index.ts';
import type { Disk } from '../host/index.ts';
import type { JournalFile } from '../journal/index.ts';
import { type Json, Rows } from '../record/index.ts';
import type { SkippedFrames } from './deaths.ts';
import { decodeTape, readState } from './journal-files.ts';
import { Session } from './session.ts';

/**
 * A session that goes on from a saved state; a state of another decoder version gives an empty one. Null where the
 * state is none at all.
 */
export function restored(exchange: Exchange, state: Json): Session | null {
  const session = new Session(exchange, new Rows(() => undefined));
  try {
    session.restore(state);
    return session;
  } catch {
    return null;
  }
}

/**
 * A session as it stood at the first line of `files[index]`: from the state beside the file. A file that took over
 * after a disk fault has none, and one that is damaged is none: then the file before is read to its end. `before` is
 * a session that has done so already, if there is one; `skipped` the frames that are not decoded, by file.
 */
export async function sessionAt(
  exchange: Exchange,
  disk: Disk,
  files: readonly JournalFile[],
  index: number,
  before: Session | null,
  skipped: ReadonlyMap<string, SkippedFrames> = new Map(),
): Promise<Session> {
  const file = files[index];
  const state = file === undefined ? null : await readState(disk, file);
  const own = state === null ? null : restored(exchange, state);
  if (own !== null) return own;
  if (before !== null) return before;
  const previous = files[index - 1];
  if (previous === undefined) return new Session(exchange, new Rows(() => undefined));
  const session = await sessionAt(exchange, disk, files, index - 1, null, skipped);
  const frames = skipped.get(`${previous.date}/${previous.name}`);
  decodeTape(await disk.read(previous.path), session, frames === undefined ? {} : { skipped: frames });
  return session;
}
