import { join } from 'node:path';
import type { Table } from '../record/index.ts';

/** A journal file by its place: what names everything made from it. */
export interface JournalKey {
  readonly exchange: string;
  /** `2026-11-22` */
  readonly date: string;
  /** `<hour>-<start µs>`, the journal file's name without its ending. */
  readonly name: string;
}

/** Where a finished table of a journal file lies: one file per sealed journal file (DESIGN section 6). */
export function storeFile(data: string, table: Table, key: JournalKey): string {
  return join(data, 'store', table, `exchange=${key.exchange}`, `date=${key.date}`, `${key.name}.parquet`);
}

/** Rows of a journal file that is not sealed yet: parts and their list. A disposable cache. */
export function recentDirectory(data: string, key: JournalKey): string {
  return join(data, 'recent', key.exchange, key.date, key.name);
}

/** Where the markers are, by exchange and date. */
export function markerDirectory(data: string): string {
  return join(data, 'state', 'finished');
}

/** The marker whose rename makes all tables of a journal file valid together. */
export function finishedFile(data: string, key: JournalKey): string {
  return join(markerDirectory(data), key.exchange, key.date, `${key.name}.json`);
}

/** Scratch space of the engine, below the data directory like everything else. */
export function scratchDirectory(data: string, name: string): string {
  return join(data, 'state', 'scratch', name);
}

/** What a marker says. */
export interface Finished {
  readonly decoderVersion: number;
  readonly engine: string;
  /** Rows per table; a table without rows has no file. */
  readonly rows: Readonly<Partial<Record<Table, number>>>;
}

/** What `parts.json` says of a journal file in the making. Paths are relative to its directory. */
export interface RecentParts {
  readonly parts: Readonly<Partial<Record<Table, readonly string[]>>>;
}
