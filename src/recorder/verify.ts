import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exchange, findExchange } from '../exchanges/index.ts';
import { type Disk, nodeDisk } from '../host/index.ts';
import { type JournalFile, listJournal } from '../journal/index.ts';
import { TABLE_NAMES } from '../record/index.ts';
import {
  FileStore,
  type Finished,
  type Marker,
  readMarkers,
  StoreEngine,
  storeDifferences,
  storeFile,
} from '../store/index.ts';
import { readSkipped, type SkippedFrames } from './deaths.ts';
import { decodeTapeInParts, keyOf, readState } from './journal-files.ts';
import { restored, sessionAt } from './resume.ts';
import type { Session } from './session.ts';
import type { OutcomeCounts } from './session-parts.ts';
import { type TapeCheck, TapeVerifier } from './verify-tape.ts';

/** What `verify` found. */
export interface VerifyReport {
  readonly files: number;
  readonly sealed: number;
  readonly blocks: number;
  readonly frames: number;
  /** Rows compared with the journal, per table. */
  readonly rows: Readonly<Record<string, number>>;
  /** How received frames are accounted for, per exchange. */
  readonly outcomes: Readonly<Record<string, OutcomeCounts>>;
  readonly checksums: { readonly matched: number; readonly failed: number };
  readonly gaps: number;
  /** Fields that no shape declares, by exchange, message and path: how many messages have them. No fault, but news. */
  readonly drift: Readonly<Record<string, number>>;
  /** Each fault in one sentence that names file and block; empty when everything is proven. */
  readonly faults: readonly string[];
  /** What is no fault but worth knowing. */
  readonly notes: readonly string[];
}

/**
 * Proves a data directory: every block's checksums, the order of lines, each seal; then decodes every journal file
 * again from its state and compares what comes out with the store, row for row. It takes no lock and writes nothing
 * there, so it may run beside a recorder: what is still in the making is noted.
 */
export async function verifyData(data: string, disk: Disk = nodeDisk): Promise<VerifyReport> {
  // The markers first: a file that is finished meanwhile is merely noted, none seems to lack its journal.
  const markers = new Map<string, Marker>();
  for (const marker of await readMarkers(data)) markers.set(titleOf(marker.key), marker);
  const scratch = await mkdtemp(join(tmpdir(), 'feedtape-verify-'));
  const engine = new StoreEngine({
    memory: '1GB',
    threads: 2,
    temporaryDirectory: join(scratch, 'spill'),
  });
  try {
    const verification = new Verification({ data, disk, scratch, engine, markers });
    return await verification.run();
  } finally {
    await engine.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

interface VerifyWorld {
  readonly data: string;
  readonly disk: Disk;
  /** What the journal gives is written here, to be compared. */
  readonly scratch: string;
  readonly engine: StoreEngine;
  /** By title; those of the journal files that were met are taken out. */
  readonly markers: Map<string, Marker>;
}

function titleOf({ exchange, date, name }: { exchange: string; date: string; name: string }): string {
  return `${exchange}/${date}/${name}`;
}

class Verification {
  readonly #world: VerifyWorld;
  readonly #rows: Record<string, number> = {};
  readonly #outcomes: Record<string, OutcomeCounts> = {};
  readonly #checksums = { matched: 0, failed: 0 };
  readonly #drift: Record<string, number> = {};
  readonly #faults: string[] = [];
  readonly #notes: string[] = [];
  readonly #totals = { files: 0, sealed: 0, blocks: 0, frames: 0, gaps: 0 };

  constructor(world: VerifyWorld) {
    this.#world = world;
  }

  async run(): Promise<VerifyReport> {
    const { data, disk, markers } = this.#world;
    const byExchange = Map.groupBy(
      await listJournal(disk, join(data, 'journal')),
      ({ exchange }) => exchange,
    );
    for (const [name, files] of byExchange) {
      const exchange = findExchange(name);
      if (exchange === undefined)
        this.#notes.push(`no exchange ${name} is known here: only the bytes of its journal are checked`);
      await this.#exchange(files, exchange ?? null);
    }
    for (const name of markers.keys())
      this.#faults.push(`${name}: the store has this file, the journal does not`);
    if (this.#totals.files === 0) this.#notes.push(`there is no journal in ${data}`);
    return {
      ...this.#totals,
      rows: this.#rows,
      outcomes: Object.fromEntries(
        Object.entries(this.#outcomes).filter(([, counts]) =>
          Object.values(counts).some((count) => count > 0),
        ),
      ),
      checksums: this.#checksums,
      drift: this.#drift,
      faults: this.#faults,
      notes: this.#notes,
    };
  }

  async #exchange(files: readonly JournalFile[], exchange: Exchange | null): Promise<void> {
    const tapes = new TapeVerifier();
    const { disk, data } = this.#world;
    const skipped = await readSkipped(disk, data, files[0]?.exchange ?? '');
    let before: Session | null = null;
    let isBeforeSound = true;
    for (const [index, file] of files.entries()) {
      const title = titleOf(file);
      this.#totals.files++;
      try {
        const bytes = await this.#world.disk.read(file.path);
        const check = tapes.check(title, bytes, this.#world.markers.has(title));
        this.#count(check);
        if (exchange === null) this.#world.markers.delete(title);
        else {
          const session: Session = await sessionAt(exchange, this.#world.disk, files, index, before, skipped);
          const isSound: boolean = check.faults.length === 0 && (session !== before || isBeforeSound);
          await this.#checkState(exchange, file);
          await this.#checkRows(
            file,
            bytes,
            session,
            check.isSealed,
            isSound,
            skipped.get(`${file.date}/${file.name}`),
          );
          [before, isBeforeSound] = [session, isSound];
        }
      } catch (error) {
        this.#faults.push(`${title}: it cannot be read: ${(error as Error).message}`);
        this.#world.markers.delete(title);
        before = null;
      }
    }
  }

  #count({ isSealed, blocks, frames, faults, notes }: TapeCheck): void {
    if (isSealed) this.#totals.sealed++;
    this.#totals.blocks += blocks;
    this.#totals.frames += frames;
    this.#faults.push(...faults);
    this.#notes.push(...notes);
  }

  async #checkState(exchange: Exchange, file: JournalFile): Promise<void> {
    if (!file.hasState) return;
    const state = await readState(this.#world.disk, file);
    if (state === null || restored(exchange, state) === null)
      this.#faults.push(`${titleOf(file)}: the decoder state beside it (${file.statePath}) cannot be read`);
  }

  /** Decodes the file again and compares with its store files, row for row. */
  async #checkRows(
    file: JournalFile,
    bytes: Buffer,
    session: Session,
    isSealed: boolean,
    isSound: boolean,
    skipped: SkippedFrames | undefined,
  ): Promise<void> {
    const { scratch, markers } = this.#world;
    const title = titleOf(file);
    const marker = markers.get(title);
    markers.delete(title);
    const made = await this.#decode(file, bytes, session, skipped);
    this.#totals.gaps += made.rows.gap_events ?? 0;
    if (marker === undefined) {
      if (isSealed)
        this.#notes.push(`${title}: sealed, its store files are being made, or will be at the next start`);
    } else if (marker.finished === null)
      this.#faults.push(
        `${title}: its marker ${marker.path} cannot be read; without it the next start makes it again`,
      );
    else if (!isSound)
      this.#notes.push(
        `${title}: not compared with the store, since the journal is damaged; the store has the rows`,
      );
    else if (marker.finished.decoderVersion !== made.decoderVersion)
      this.#notes.push(
        `${title}: not compared with the store: that was made by decoder version ${marker.finished.decoderVersion}, this is ${made.decoderVersion}`,
      );
    else await this.#compare(file, made, marker.finished);
    await rm(join(scratch, 'store'), { recursive: true, force: true });
  }

  async #decode(
    file: JournalFile,
    bytes: Buffer,
    session: Session,
    skipped: SkippedFrames | undefined,
  ): Promise<Finished> {
    const { scratch, engine } = this.#world;
    const { exchange } = session;
    const [counts, checksums, errors] = [
      { ...session.counts },
      { ...session.checksums },
      session.decoderErrors,
    ];
    const drift = new Map(session.drift.counts);
    const store = await FileStore.open(scratch, keyOf(file), engine, session.rows.streams);
    try {
      session.rows.redirect((batch) => store.append(batch));
      for (const _ of decodeTapeInParts(bytes, session, skipped === undefined ? {} : { skipped }))
        await store.relieve();
      session.rows.redirect(() => undefined);
    } catch (error) {
      await store.discard();
      throw error;
    }
    this.#checksums.matched += session.checksums.matched - checksums.matched;
    this.#checksums.failed += session.checksums.failed - checksums.failed;
    for (const [path, count] of session.drift.counts) {
      const name = `${exchange.name}: ${path}`;
      const more = count - (drift.get(path) ?? 0);
      if (more > 0) this.#drift[name] = (this.#drift[name] ?? 0) + more;
    }
    const outcomes = this.#outcomesOf(exchange.name);
    for (const outcome of Object.keys(outcomes) as (keyof OutcomeCounts)[])
      outcomes[outcome] += session.counts[outcome] - counts[outcome];
    if (session.decoderErrors > errors)
      this.#notes.push(
        `${titleOf(file)}: ${session.decoderErrors - errors} frames ended in a decoder error: ${session.lastError?.message}`,
      );
    return store.finish(exchange.decoderVersion);
  }

  #outcomesOf(exchange: string): OutcomeCounts {
    let counts = this.#outcomes[exchange];
    if (counts === undefined) {
      counts = { rows: 0, control: 0, repeat: 0, held: 0, undecoded: 0 };
      this.#outcomes[exchange] = counts;
    }
    return counts;
  }

  async #compare(file: JournalFile, made: Finished, said: Finished): Promise<void> {
    const { data, scratch, engine } = this.#world;
    for (const table of TABLE_NAMES) {
      const [expected, stored] = [scratch, data].map((root) => storeFile(root, table, keyOf(file)));
      const faults = await storeDifferences(engine, expected ?? '', stored ?? '');
      const [count, saidCount] = [made.rows[table] ?? 0, said.rows[table] ?? 0];
      if (count !== saidCount) faults.push(`the marker says ${saidCount} rows, the journal gives ${count}`);
      for (const fault of faults) this.#faults.push(`${titleOf(file)}: ${table}: ${fault}`);
      this.#rows[table] = (this.#rows[table] ?? 0) + saidCount;
    }
  }
}
