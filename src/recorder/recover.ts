import type { Exchange } from '../exchanges/index.ts';
import type { Disk } from '../host/index.ts';
import {
  type JournalFile,
  readBlocks,
  readLines,
  recoverFile,
  removeTemporary,
  sealRecovered,
} from '../journal/index.ts';
import { isObject, type Json, parseJson, Rows } from '../record/index.ts';
import { FileStore, readFinished } from '../store/index.ts';
import { loadEndState } from './end-state.ts';
import type { RecorderWorld } from './exchange-recorder.ts';
import {
  decodeTape,
  decodeTapeInParts,
  journalDirectory,
  keyOf,
  listFiles,
  readState,
} from './journal-files.ts';
import type { RecoveredFile } from './messages.ts';
import { Session } from './session.ts';

/** What a start found of one exchange: the decoder's state behind the journal's last line, and what was mended. */
export interface RecoveredExchange {
  readonly state: Json | null;
  readonly files: readonly RecoveredFile[];
}

/**
 * Mends what the last run left: an unsealed file loses its incomplete tail and gets its seal; every sealed file that
 * has no finished store files is decoded again from its state and finished. Files that are finished are not read.
 */
export async function recoverExchange(
  exchange: Exchange,
  world: RecorderWorld,
  engine: string,
): Promise<RecoveredExchange> {
  const { disk, setup } = world;
  await removeTemporary(disk, journalDirectory(setup.data, exchange.name));
  const files = await listFiles(disk, setup.data, exchange.name);
  const finished = await readFinished(setup.data);
  const done = new Set(
    finished.filter(({ key }) => key.exchange === exchange.name).map(({ key }) => `${key.date}/${key.name}`),
  );
  const mended: RecoveredFile[] = [];
  let session: Session | null = null;
  for (const [index, file] of files.entries()) {
    const { date, name } = keyOf(file);
    if (done.has(`${date}/${name}`)) {
      session = null;
      continue;
    }
    const found = await sealFile(disk, file, files.slice(index + 1));
    session = await sessionAt(exchange, disk, file, session);
    const rows = await finish(exchange, world, file, session, engine);
    if (found !== null || rows > 0)
      mended.push({ ...(found ?? UNTOUCHED), file: `${exchange.name}/${date}/${name}`, rows });
  }
  return { state: await endState(exchange, world, files.at(-1), session), files: mended };
}

const UNTOUCHED = { blocks: 0, frames: 0, cutBytes: 0, cutFile: null, damages: [] };

/**
 * Cuts and seals a file that its run left open; null where it was sealed already. `following` are the files behind it:
 * where a disk fault made the run go on there, what both hold stays only there.
 */
async function sealFile(
  disk: Disk,
  file: JournalFile,
  following: readonly JournalFile[],
): Promise<Omit<RecoveredFile, 'file' | 'rows'> | null> {
  const recovered = await recoverFile(
    disk,
    file.path,
    following.map(({ path }) => path),
  );
  if (recovered.isSealed) return null;
  const { blocks, frames, lastTime, cutBytes, cutFile } = recovered;
  const { link, ordinal } = runLinkOf(await disk.read(file.path));
  await sealRecovered(disk, file.path, recovered, {
    time: lastTime || file.start,
    link,
    ordinal: ordinal + 1,
  });
  const damages = recovered.damages.map(({ detail }) => detail);
  return { blocks, frames, cutBytes, cutFile, damages };
}

/**
 * The run's own link in a file, and its last ordinal there. It wrote the `file` line; where that is damaged or the
 * file goes on from another, it is the lowest number: a run takes its own link's number before any other. Zeros in a
 * file without frames.
 */
function runLinkOf(bytes: Buffer): { link: number; ordinal: number } {
  const last = new Map<number, number>();
  let named = 0;
  for (const found of readBlocks(bytes)) {
    if (found.kind === 'damage') continue;
    readLines(found.text, (frame) => {
      last.set(frame.link, frame.ordinal);
      if (named === 0 && frame.kind === 'event' && isFileEvent(frame.text())) named = frame.link;
    });
  }
  const link = named > 0 ? named : last.size > 0 ? Math.min(...last.keys()) : 0;
  return { link, ordinal: last.get(link) ?? 0 };
}

function isFileEvent(text: string): boolean {
  const event = parseJson(text);
  return isObject(event) && event.event === 'file';
}

/** A session as it stood at a file's first line: from the state beside it, else going on from the file before. */
export async function sessionAt(
  exchange: Exchange,
  disk: Disk,
  file: JournalFile,
  before: Session | null,
): Promise<Session> {
  const state = await readState(disk, file);
  if (state === null && before !== null) return before;
  const session = new Session(exchange, new Rows(() => undefined));
  if (state !== null) session.restore(state);
  return session;
}

/** Decodes a sealed file and makes its store files. */
async function finish(
  exchange: Exchange,
  world: RecorderWorld,
  file: JournalFile,
  session: Session,
  engine: string,
): Promise<number> {
  const { disk, setup, instance } = world;
  const store = await FileStore.open(setup.data, keyOf(file), instance, session.rows.streams);
  session.rows.redirect((batch) => store.append(batch));
  for (const lines of decodeTapeInParts(await disk.read(file.path), session))
    if (lines > 0) await store.flushIfLarge();
  session.rows.flush();
  const { rows } = await store.finish(exchange.decoderVersion, engine);
  session.rows.redirect(() => undefined);
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}

/** The decoder's state behind the journal's last line. */
async function endState(
  exchange: Exchange,
  world: RecorderWorld,
  last: JournalFile | undefined,
  session: Session | null,
): Promise<Json | null> {
  if (last === undefined) return null;
  if (session !== null) return session.state();
  const { disk, setup } = world;
  const { date, name } = keyOf(last);
  const saved = await loadEndState(disk, setup.data, exchange, `${date}/${name}`);
  if (saved !== null) return saved;
  const again = await sessionAt(exchange, disk, last, null);
  decodeTape(await disk.read(last.path), again);
  return again.state();
}
