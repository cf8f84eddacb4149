import { NO_CODE } from '../record/index.ts';
import type { ByteSink } from './byte-sink.ts';
import { reserve, scratch, writeBits, writeLevels, writeSameBits } from './levels.ts';
import { ENCODING, type PageBody } from './page.ts';
import { isRuns, runsKept, writeBitPlaces, writeBytePlaces, writePlaces, writeRuns } from './places.ts';

/** Zeros and ones; 255 is null. */
export function writeFlags(to: ByteSink, array: Uint8Array, rows: number): PageBody {
  if (areOne(array, rows) && array[0] !== NO_CODE) return writeSameFlag(to, array[0] as number, rows);
  const filled = markPresent(array, rows);
  writeLevels(to, rows, filled < rows);
  if (filled === rows) writeBits(to, array, rows);
  else {
    const flags = array.subarray(0, rows).filter((flag) => flag !== NO_CODE);
    writeBits(to, flags, flags.length);
  }
  return flagsBody(rows - filled);
}

/** The same flag in all rows. */
export function writeSameFlag(to: ByteSink, flag: number, rows: number): PageBody {
  writeLevels(to, rows, false);
  writeSameBits(to, flag, rows);
  return flagsBody(0);
}

function flagsBody(nulls: number): PageBody {
  return { encoding: ENCODING.plain, nulls, least: null, most: null, dictionary: null };
}

/** Whether all are the same, as the flags of a book mostly are. */
export function areOne(array: Uint8Array, count: number): boolean {
  for (let i = 1; i < count; i++) if (array[i] !== array[0]) return false;
  return true;
}

/** Notes which rows have a code or flag; returns how many. */
function markPresent(array: Uint8Array, rows: number): number {
  reserve(rows);
  const marks = scratch.present;
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const is = array[i] === NO_CODE ? 0 : 1;
    marks[i] = is;
    filled += is;
  }
  return filled;
}

/** Codes, as scratch.places in a dictionary of the texts they stand for; 255 is null. */
export function writeCodes(
  to: ByteSink,
  array: Uint8Array,
  rows: number,
  texts: readonly string[],
  isDense: boolean,
): PageBody {
  reserve(rows);
  const most = greatest(array, rows);
  if (most < texts.length) {
    const runs = findCodeRuns(array, rows);
    if (isDense && isRuns(runs, rows)) return writeCodeRuns(to, runs, rows, texts);
    writeLevels(to, rows, false);
    if (most <= 1) writeBitPlaces(to, array, rows);
    else writeBytePlaces(to, array, rows);
    return codesBody(0, texts);
  }
  const [marks, codes, starts, known] = [scratch.present, scratch.places, scratch.runRows, texts.length];
  let filled = 0;
  let changes = 0;
  let last = -1;
  for (let i = 0; i < rows; i++) {
    const code = array[i] as number;
    const is = code < known ? 1 : 0;
    marks[i] = is;
    codes[filled] = code;
    if (code !== last && is === 1) {
      starts[changes++] = filled;
      last = code;
    }
    filled += is;
  }
  writeLevels(to, rows, filled < rows);
  if (isDense && isRuns(changes, filled)) {
    for (let run = 0; run < changes; run++) scratch.runValues[run] = codes[starts[run] as number] as number;
    writeRuns(to, changes, filled, known - 1, scratch.runValues);
  } else writePlaces(to, filled, texts.length - 1);
  return codesBody(rows - filled, texts);
}

/** The same code in all rows, densely. */
export function writeSameCode(to: ByteSink, code: number, rows: number, texts: readonly string[]): PageBody {
  reserve(rows);
  scratch.runRows[0] = 0;
  scratch.runValues[0] = code;
  return writeCodeRuns(to, 1, rows, texts);
}

function writeCodeRuns(to: ByteSink, runs: number, rows: number, texts: readonly string[]): PageBody {
  writeLevels(to, rows, false);
  writeRuns(to, runs, rows, texts.length - 1, scratch.runValues);
  return codesBody(0, texts);
}

function greatest(array: Uint8Array, rows: number): number {
  let most = 0;
  for (let i = 0; i < rows; i++) if ((array[i] as number) > most) most = array[i] as number;
  return most;
}

/** Finds the runs of equal codes, in the scratch where they may be written as such; returns how many there are. */
function findCodeRuns(array: Uint8Array, rows: number): number {
  // Counted first, without a branch: where sides of trades alternate, one can hardly be predicted.
  let runs = Math.min(rows, 1);
  for (let i = 1; i < rows; i++) runs += Number(array[i] !== array[i - 1]);
  if (runs > runsKept(rows)) return runs;
  const { runRows, runValues } = scratch;
  let last = -1;
  for (let i = 0, run = 0; i < rows; i++) {
    const code = array[i] as number;
    if (code === last) continue;
    last = code;
    runRows[run] = i;
    runValues[run++] = code;
  }
  return runs;
}

function codesBody(nulls: number, texts: readonly string[]): PageBody {
  return {
    encoding: ENCODING.rleDictionary,
    nulls,
    least: null,
    most: null,
    dictionary: { entries: texts.length, plain: plainTexts(texts) },
  };
}

/** Texts that hold for runs of rows, as scratch.places in a dictionary; a null text is null. */
export function writeNames(
  to: ByteSink,
  names: readonly (string | null)[],
  lengths: readonly number[],
  rows: number,
): PageBody {
  reserve(rows);
  const entries = [...new Set(names.filter((name) => name !== null))].sort(compareTexts);
  const byName = new Map(entries.map((name, place) => [name, place]));
  let row = 0;
  let filled = 0;
  let runs = 0;
  for (const [i, name] of names.entries()) {
    const length = lengths[i] as number;
    scratch.present.fill(name === null ? 0 : 1, row, row + length);
    row += length;
    if (name === null || length === 0) continue;
    scratch.runRows[runs] = filled;
    scratch.runValues[runs++] = byName.get(name) ?? 0;
    filled += length;
  }
  writeLevels(to, rows, filled < rows);
  writeRuns(to, runs, filled, entries.length - 1, scratch.runValues);
  const bound = (name: string | undefined) => (name === undefined ? null : new TextEncoder().encode(name));
  return {
    encoding: ENCODING.rleDictionary,
    nulls: rows - filled,
    least: bound(entries[0]),
    most: bound(entries.at(-1)),
    dictionary: { entries: entries.length, plain: plainTexts(entries) },
  };
}

/** The order of texts in files: that of their UTF-8 bytes. */
export function compareTexts(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function plainTexts(texts: readonly string[]): Uint8Array {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}
