import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXCHANGES, type Exchange } from '../exchanges/index.ts';
import { type Disk, nodeDisk } from '../host/index.ts';
import { endsWithSeal, type JournalFile, scanTape, type TapeSummary } from '../journal/index.ts';
import { TABLE_NAMES } from '../record/index.ts';
import {
  FileStore,
  type Finished,
  openEngine,
  readFinished,
  storeDifferences,
  storeFile,
} from '../store/index.ts';
import { decodeTapeInParts, keyOf, listFiles, readState } from './journal-files.ts';
import { sessionAt } from './recover.ts';
import type { OutcomeCounts, Session } from './session.ts';

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
  /** Each fault in one sentence that names file and block; empty when everything is proven. */
  readonly faults: readonly string[];
  /** What is no fault but worth knowing. */
  readonly notes: readonly string[];
}

interface Findings {
  files: number;
  sealed: number;
  blocks: number;
  frames: number;
  readonly rows: Record<string, number>;
  readonly outcomes: Record<string, OutcomeCounts>;
  readonly checksums: { matched: number; failed: number };
  gaps: number;
  readonly faults: string[];
  readonly notes: string[];
}

/**
 * Proves a data directory: every block's checksums, the order of lines, each seal; then decodes every journal file
 * again from its state and compares what comes out with the store, row for row.
 */
export async function verifyData(data: string, disk: Disk = nodeDisk): Promise<VerifyReport> {
  const findings: Findings = {
    files: 0,
    sealed: 0,
    blocks: 0,
    frames: 0,
    rows: {},
    outcomes: {},
    checksums: { matched: 0, failed: 0 },
    gaps: 0,
    faults: [],
    notes: [],
  };
  const finished = new Map<string, Finished>();
  for (const { key, finished: marker } of await readFinished(data))
    finished.set(`${key.exchange}/${key.date}/${key.name}`, marker);
  for (const exchange of EXCHANGES) await verifyExchange(data, disk, exchange, finished, findings);
  for (const name of finished.keys())
    findings.faults.push(`${name}: the store has this file, the journal does not`);
  if (findings.files === 0) findings.notes.push(`there is no journal in ${data}`);
  return findings;
}

async function verifyExchange(
  data: string,
  disk: Disk,
  exchange: Exchange,
  finished: Map<string, Finished>,
  findings: Findings,
): Promise<void> {
  let before: Session | null = null;
  const counts: OutcomeCounts = { rows: 0, control: 0, repeat: 0, held: 0, undecoded: 0 };
  for (const file of await listFiles(disk, data, exchange.name)) {
    const { date, name } = keyOf(file);
    const title = `${exchange.name}/${date}/${name}`;
    findings.files++;
    const bytes = await disk.read(file.path);
    const sound = verifyBytes(title, bytes, findings);
    if (file.hasState && (await readState(disk, file)) === null)
      findings.faults.push(`${title}: the decoder state beside it (${file.statePath}) cannot be read`);
    const session = await sessionAt(exchange, disk, file, before);
    const marker = finished.get(title);
    finished.delete(title);
    const earlier = { ...session.counts };
    await verifyRows(data, file, bytes, session, marker, sound, findings);
    for (const key of Object.keys(counts) as (keyof OutcomeCounts)[])
      counts[key] += session.counts[key] - earlier[key];
    if (session.decoderErrors > 0)
      findings.notes.push(
        `${title}: ${session.decoderErrors} frames ended in a decoder error: ${session.lastError?.message}`,
      );
    before = session;
  }
  if (Object.values(counts).some((count) => count > 0)) findings.outcomes[exchange.name] = counts;
}

/** Checks a file's blocks, order and seal. True where it is whole. */
function verifyBytes(title: string, bytes: Buffer, findings: Findings): boolean {
  const before = findings.faults.length;
  const ordinals = new Map<number, number>();
  let lastTime = 0;
  const summary: TapeSummary = scanTape(bytes, (frame) => {
    const expected = (ordinals.get(frame.link) ?? frame.ordinal - 1) + 1;
    if (frame.ordinal !== expected)
      findings.faults.push(
        `${title}: link ${frame.link} goes from frame ${expected - 1} to ${frame.ordinal}`,
      );
    ordinals.set(frame.link, frame.ordinal);
    if (frame.time < lastTime)
      findings.faults.push(`${title}: time goes back at link ${frame.link} frame ${frame.ordinal}`);
    lastTime = frame.time;
  });
  findings.blocks += summary.blocks;
  findings.frames += summary.frames;
  for (const { ordinal, reason, detail, offset } of summary.damages)
    findings.faults.push(`${title}: block ${ordinal} is damaged (${reason}, at byte ${offset}): ${detail}`);
  for (const fault of summary.sealFaults) findings.faults.push(`${title}: ${fault}`);
  if (endsWithSeal(bytes)) findings.sealed++;
  else if (summary.damages.length === 0)
    findings.notes.push(`${title}: not sealed: it is being recorded, or the next start will seal it`);
  return findings.faults.length === before;
}

/** Decodes the file again and compares with its store files, row for row. */
async function verifyRows(
  data: string,
  file: JournalFile,
  bytes: Buffer,
  session: Session,
  marker: Finished | undefined,
  sound: boolean,
  findings: Findings,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'feedtape-verify-'));
  const key = keyOf(file);
  const title = `${key.exchange}/${key.date}/${key.name}`;
  const { instance, connection } = await openEngine({
    memory: '1GB',
    threads: 2,
    temporaryDirectory: join(scratch, 'spill'),
  });
  try {
    const again = await FileStore.open(scratch, key, instance, session.rows.streams);
    const matchedBefore = { ...session.checksums };
    session.rows.redirect((batch) => again.append(batch));
    for (const _ of decodeTapeInParts(bytes, session)) await again.flushIfLarge();
    session.rows.flush();
    findings.checksums.matched += session.checksums.matched - matchedBefore.matched;
    findings.checksums.failed += session.checksums.failed - matchedBefore.failed;
    const made = await again.finish(session.exchange.decoderVersion, '');
    session.rows.redirect(() => undefined);
    findings.gaps += made.rows.gap_events ?? 0;
    if (marker === undefined) {
      if (endsWithSeal(bytes))
        findings.notes.push(`${title}: sealed, its store files will be made at the next start`);
      return;
    }
    if (!sound) {
      findings.notes.push(
        `${title}: not compared with the store, since the journal file is damaged; the store has the rows`,
      );
      return;
    }
    for (const table of TABLE_NAMES) {
      const faults = await storeDifferences(
        connection,
        storeFile(scratch, table, key),
        storeFile(data, table, key),
      );
      if ((made.rows[table] ?? 0) !== (marker.rows[table] ?? 0))
        faults.push(
          `the marker says ${marker.rows[table] ?? 0} rows, the journal gives ${made.rows[table] ?? 0}`,
        );
      for (const fault of faults) findings.faults.push(`${title}: ${table}: ${fault}`);
      findings.rows[table] = (findings.rows[table] ?? 0) + (marker.rows[table] ?? 0);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(scratch, { recursive: true, force: true });
  }
}
