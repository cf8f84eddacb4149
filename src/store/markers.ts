import { readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { listTree } from '../host/index.ts';
import { isObject, parseJson } from '../record/index.ts';
import { type Finished, type JournalKey, markerDirectory } from './layout.ts';

const ENDING = '.json';

/** What is finished of a journal file. */
export interface Marker {
  readonly key: JournalKey;
  /** Where the marker itself is. */
  readonly path: string;
  /** What it says; null where it cannot be read. */
  readonly finished: Finished | null;
}

/** The journal files of one exchange that are finished, as `<date>/<name>`: a list of names, no marker is read. */
export async function finishedNames(data: string, exchange: string): Promise<Set<string>> {
  const paths = await listTree(join(markerDirectory(data), exchange));
  return new Set(
    paths
      .filter((path) => path.endsWith(ENDING))
      .map((path) => path.slice(0, -ENDING.length).split(sep).join('/')),
  );
}

/** The journal files whose store files are valid, with what their markers say. */
export async function readMarkers(data: string): Promise<Marker[]> {
  const directory = markerDirectory(data);
  const found: Marker[] = [];
  for (const relative of await listTree(directory)) {
    const [exchange, date, file, ...more] = relative.split(sep);
    if (exchange === undefined || date === undefined || more.length > 0 || !file?.endsWith(ENDING)) continue;
    const key = { exchange, date, name: file.slice(0, -ENDING.length) };
    const path = join(directory, relative);
    const said = parseJson(readFileSync(path, 'utf8'));
    found.push({ key, path, finished: isFinished(said) ? said : null });
  }
  return found;
}

function isFinished(value: unknown): value is Finished {
  if (!isObject(value) || typeof value.decoderVersion !== 'number' || !isObject(value.rows)) return false;
  return Object.values(value.rows).every((count) => Number.isSafeInteger(count));
}
