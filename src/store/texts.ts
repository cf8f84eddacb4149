import type { IdColumn } from '../record/index.ts';
import { ByteSink } from './byte-sink.ts';
import { writeDeltas } from './deltas.ts';
import { reserve, scratch, writeLevels } from './levels.ts';
import { ENCODING, type PageBody } from './page.ts';

const suffixes = new ByteSink();

/** Ids and texts, which are held as plain scratch.values; empty is null. */
export function writeTexts(to: ByteSink, texts: IdColumn, rows: number, isDense: boolean): PageBody {
  const filled = markTexts(texts, rows);
  writeLevels(to, rows, filled < rows);
  const rest = { nulls: rows - filled, least: null, most: null, dictionary: null };
  if (isDense && filled > 0) {
    writeSuffixes(to, texts, rows, filled);
    return { ...rest, encoding: ENCODING.deltaByteArray };
  }
  if (filled === rows) to.bytes(texts.bytes.subarray(0, texts.ends[rows - 1]));
  else
    for (let i = 0; i < rows; i++)
      if (scratch.present[i] === 1) to.bytes(texts.bytes.subarray(texts.startOf(i), texts.ends[i]));
  return { ...rest, encoding: ENCODING.plain };
}

/** Notes which rows have a text; returns how many. */
function markTexts(texts: IdColumn, rows: number): number {
  reserve(rows);
  const marks = scratch.present;
  marks.fill(1, 0, rows);
  if (!texts.mayHaveNull) return rows;
  let filled = 0;
  for (let i = 0; i < rows; i++) {
    const is = (texts.ends[i] as number) - texts.startOf(i) > 4 ? 1 : 0;
    marks[i] = is;
    filled += is;
  }
  return filled;
}

/**
 * Parquet's DELTA_BYTE_ARRAY: how much of each text is as in the one before it, and the rest. Ids that count on come
 * down to their last digits.
 */
function writeSuffixes(to: ByteSink, texts: IdColumn, rows: number, filled: number): void {
  const { bytes, ends } = texts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [marks, shared, lengths] = [scratch.present, scratch.values, scratch.runValues];
  suffixes.length = 0;
  suffixes.reserve(ends[rows - 1] as number);
  const rest = suffixes.buffer;
  let at = 0;
  let n = 0;
  let before = 0;
  let beforeEnd = 0;
  let start = 0;
  for (let i = 0; i < rows; i++) {
    const end = ends[i] as number;
    if (marks[i] === 1) {
      const first = start + 4;
      const most = Math.min(end - first, beforeEnd - before);
      let same = 0;
      // Four at a time, then one by one.
      while (same + 4 <= most && view.getInt32(first + same) === view.getInt32(before + same)) same += 4;
      while (same < most && bytes[first + same] === bytes[before + same]) same++;
      shared[n] = same;
      lengths[n++] = end - first - same;
      for (let from = first + same; from < end; from++) rest[at++] = bytes[from] as number;
      before = first;
      beforeEnd = end;
    }
    start = end;
  }
  writeDeltas(to, shared, filled);
  writeDeltas(to, lengths, filled);
  to.bytes(rest.subarray(0, at));
}
