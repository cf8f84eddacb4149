import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import type { Exchange } from '../exchanges/index.ts';
import type { Disk } from '../host/index.ts';
import { isObject, type Json } from '../record/index.ts';
import { inflatedJson } from './journal-files.ts';
import { restored } from './resume.ts';

function endStateFile(data: string, exchange: Exchange): string {
  return join(data, 'state', 'end', `${exchange.name}.json.zst`);
}

/**
 * Keeps the decoder's state behind the last line of an orderly run, so that the next start need not decode the last
 * journal file again. It is a cache: it names the file it stands behind and is ignored beside any other.
 */
export async function saveEndState(
  disk: Disk,
  data: string,
  exchange: Exchange,
  lastFile: string | null,
  state: Json,
): Promise<void> {
  if (lastFile === null) return;
  const text = JSON.stringify({ lastFile, state });
  await disk.replace(endStateFile(data, exchange), zstdCompressSync(text));
}

/** The state saved behind this journal file; null where there is none for it, or it is none. */
export async function loadEndState(
  disk: Disk,
  data: string,
  exchange: Exchange,
  lastFile: string,
): Promise<Json | null> {
  const path = endStateFile(data, exchange);
  if (!(await disk.exists(path))) return null;
  const saved = inflatedJson(await disk.read(path));
  if (!isObject(saved) || saved.lastFile !== lastFile) return null;
  const state = saved.state as Json;
  return restored(exchange, state) === null ? null : state;
}
