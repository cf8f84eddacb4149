/**
 * The normalized rows on disk: Parquet files that pandas, polars and DuckDB open directly, one file per table and
 * sealed journal file, made exactly once by construction (DESIGN section 6).
 *
 * A finished file is made from exactly one sealed journal file and bears its name; a marker in `state/finished`,
 * renamed into place, makes all its tables valid together. Rows of unsealed files are in `recent/`, which may be
 * deleted at any time: the journal gives them again.
 */

export { storeDifferences } from './compare.ts';
export { type EngineLimits, openEngine, StoreEngine } from './engine.ts';
export { FileStore } from './file-store.ts';
export {
  type Finished,
  finishedFile,
  type JournalKey,
  recentDirectory,
  scratchDirectory,
  storeFile,
} from './layout.ts';
export { finishedNames, type Marker, readMarkers } from './markers.ts';
export { createViews } from './views.ts';
