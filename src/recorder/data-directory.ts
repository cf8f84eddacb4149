import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { nodeDisk } from '../host/index.ts';

/** A data directory cannot be used: the message says why and what to do. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

/** A data directory held for recording. */
export interface HeldDirectory {
  readonly path: string;
  release(): void;
}

/**
 * Takes the data directory for one recorder: the kernel drops the lock however the process ends, so there is no pid
 * file to go stale.
 * @throws DataDirectoryError when another recorder holds it, when it holds data of the other kind (simulated and real
 * never share one), or when it cannot be written.
 */
export async function holdDataDirectory(path: string, simulated: boolean): Promise<HeldDirectory> {
  const state = join(path, 'state');
  try {
    mkdirSync(state, { recursive: true });
  } catch (error) {
    throw new DataDirectoryError(
      `cannot make ${path}: ${(error as Error).message}; choose another with --data`,
    );
  }
  const lock = await openLock(join(state, 'lock.duckdb'), path);
  try {
    await checkKind(path, simulated);
  } catch (error) {
    lock.closeSync();
    throw error;
  }
  return { path, release: () => lock.closeSync() };
}

async function openLock(file: string, path: string): Promise<DuckDBInstance> {
  try {
    return await DuckDBInstance.create(file);
  } catch (error) {
    const { message } = error as Error;
    if (!message.includes('lock')) throw new DataDirectoryError(`cannot open ${file}: ${message}`);
    const pid = /PID (\d+)/.exec(message)?.[1];
    const who = pid === undefined ? 'another recorder' : `another recorder (process ${pid})`;
    throw new DataDirectoryError(
      `${path} is being recorded into by ${who}; stop it, or choose another directory with --data`,
    );
  }
}

async function checkKind(path: string, simulated: boolean): Promise<void> {
  const file = join(path, 'state', 'kind');
  const kind = simulated ? 'simulated' : 'real';
  if (!(await nodeDisk.exists(file))) {
    await nodeDisk.replace(file, Buffer.from(`${kind}\n`));
    return;
  }
  const found = (await nodeDisk.read(file)).toString().trim();
  if (found !== kind)
    throw new DataDirectoryError(
      `${path} holds ${found} data and would get ${kind} data: choose another directory with --data`,
    );
}
