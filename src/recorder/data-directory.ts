import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
    makeDirectory(state);
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
    if (error instanceof DataDirectoryError) throw error;
    throw new DataDirectoryError(
      `${path} cannot be written: ${(error as Error).message}; make room or change its permissions, or choose another with --data`,
    );
  }
  return { path, release: () => lock.closeSync() };
}

/** Step by step: in one call, Node names the wrong reason on a read-only disk, and never returns below /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
}

async function openLock(file: string, path: string): Promise<DuckDBInstance> {
  try {
    return await DuckDBInstance.create(file);
  } catch (error) {
    const { message } = error as Error;
    // The engine gives no code, only this text; its path holds the word "lock" too.
    if (!message.includes('Could not set lock'))
      throw new DataDirectoryError(
        `cannot open ${file}: ${message}; the file holds no data: remove it if it is damaged, or choose another directory with --data`,
      );
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
