import { join } from 'node:path';
import type { Exchange } from '../exchanges/index.ts';
import { type Disk, freeMemory } from '../host/index.ts';
import {
  type JournalFile,
  readBlocks,
  readLines,
  recoverFile,
  removeTemporary,
  sealRecovered,
} from '../journal/index.ts';
import { isObject, type Json, parseJson } from '../record/index.ts';
import { FileStore, finishedNames } from '../store/index.ts';
import { DeathWatch, readSkipped } from './deaths.ts';
import { loadEndState } from './end-state.ts';
import type { RecorderWorld } from './exchange-recorder.ts';
import { decodeTapeInParts, journalDirectory, keyOf, listFiles } from './journal-files.ts';
import type { RecoveredFile } from './messages.ts';
import { sessionAt } from './resume.ts';
import type { Session } from './session.ts';

/** What a start found of one exchange: the decoder's state behind the journal's last line, and what was mended. */
export interface RecoveredExchange {
  readonly state: Json | null;
  readonly files: readonly RecoveredFile[];
}

/**
 * Mends what the last run left: an unsealed file loses its incomplete tail and gets its seal; every sealed file that
 * has no finished store files is decoded again from its state and finished. Files that are finished are not read.
 * A file that cannot be mended (the disk refuses it, or the store does) stays for the next start and stops nobody.
 */
export async function recoverExchange(exchange: Exchange, world: RecorderWorld): Promise<RecoveredExchange> {
  const { disk, setup } = world;
  await removeTemporary(disk, journalDirectory(setup.data, exchange.name));
  const files = await listFiles(disk, setup.data, exchange.name);
  const done = await finishedNames(setup.data, exchange.name);
  const skipped = await readSkipped(disk, setup.data, exchange.name);
  const mended: RecoveredFile[] = [];
  let session: Session | null = null;
  for (const [index, file] of files.entries()) {
    const { date, name } = keyOf(file);
    if (done.has(`${date}/${name}`)) {
      session = null;
      continue;
    }
    try {
      const found = await sealFile(disk, file, files.slice(index + 1));
      session = await sessionAt(exchange, disk, files, index, session, skipped);
      const rows = await finish(exchange, world, file, session);
      if (found !== null || rows > 0)
        mended.push({ ...(found ?? UNTOUCHED), file: `${exchange.name}/${date}/${name}`, rows });
    } catch (error) {
      session = null;
      const message = 'a journal file cannot be mended now; it stays as it is until the next start';
      world.log('error', message, { file: file.path, error: (error as Error).message });
    }
  }
  // Parts of this exchange are of no use from here on: their files are finished, or are made again.
  await disk.remove(join(setup.data, 'recent', exchange.name));
  return { state: await endState(exchange, world, files, session), files: mended };
}

const UNTOUCHED = { blocks: 0, frames: 0, cutBytes: 0, cutFile: null, damages: [] };

/**
 * Cuts and seals a file that its run left open; null where it is sealed already and whole. `following` are the files behind it:
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
  const { blocks, frames, lastTime, cutBytes, cutFile } = recovered;
  const damages = recovered.damages.map(({ detail }) => detail);
  if (recovered.isSealed) return damages.length === 0 ? null : { blocks, frames, cutBytes, cutFile, damages };
  const { link, ordinal } = runLinkOf(await disk.read(file.path));
  await sealRecovered(disk, file.path, recovered, {
    time: lastTime || file.start,
    link,
    ordinal: ordinal + 1,
  });
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
    freeMemory(found.text);
  }
  const link = named > 0 ? named : last.size > 0 ? Math.min(...last.keys()) : 0;
  return { link, ordinal: last.get(link) ?? 0 };
}

function isFileEvent(text: string): boolean {
  const event = parseJson(text);
  return isObject(event) && event.event === 'file';
}

/** Decodes a sealed file and makes its store files; returns their rows. */
async function finish(
  exchange: Exchange,
  world: RecorderWorld,
  file: JournalFile,
  session: Session,
): Promise<number> {
  const { disk, setup, engine } = world;
  const bytes = await disk.read(file.path);
  const { date, name } = keyOf(file);
  const deaths = await DeathWatch.begin(disk, setup.data, exchange.name, `${date}/${name}`);
  if (deaths.found !== null) {
    const fields = { file: file.path, frame: deaths.found };
    world.log('error', 'two starts died at this frame: it is skipped, and stays in the journal', fields);
  }
  const { skipped } = deaths;
  let store: FileStore | null = null;
  try {
    const opened = await FileStore.open(setup.data, keyOf(file), engine, session.rows.streams);
    store = opened;
    session.rows.redirect((batch) => opened.append(batch));
    for (const lines of decodeTapeInParts(bytes, session, {
      skipped,
      before: (frame) => deaths.before(frame),
    }))
      if (lines > 0) await opened.relieve();
    session.rows.redirect(() => undefined);
    const { rows } = await opened.finish(exchange.decoderVersion);
    return Object.values(rows).reduce((sum, count) => sum + count, 0);
  } catch (error) {
    await store?.discard();
    throw error;
  } finally {
    await deaths.survived();
  }
}

/** The decoder's state behind the journal's last line; null where the journal is empty or cannot be read there. */
async function endState(
  exchange: Exchange,
  world: RecorderWorld,
  files: readonly JournalFile[],
  session: Session | null,
): Promise<Json | null> {
  const last = files.at(-1);
  if (last === undefined) return null;
  if (session !== null) return session.state();
  const { disk, setup } = world;
  const { date, name } = keyOf(last);
  try {
    const saved = await loadEndState(disk, setup.data, exchange, `${date}/${name}`);
    if (saved !== null) return saved;
    return (
      await sessionAt(
        exchange,
        disk,
        files,
        files.length,
        null,
        await readSkipped(disk, setup.data, exchange.name),
      )
    ).state();
  } catch (error) {
    const message = 'the journal’s end cannot be read; books wait for their next snapshot';
    world.log('error', message, { file: last.path, error: (error as Error).message });
    return null;
  }
}
