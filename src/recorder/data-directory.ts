import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
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
  const lock = openLock(join(state, 'lock.sqlite'), path);
  try {
    await checkKind(path, simulated);
  } catch (error) {
    lock.close();
    if (error instanceof DataDirectoryError) throw error;
    throw new DataDirectoryError(
      `${path} cannot be written: ${(error as Error).message}; make room or change its permissions, or choose another with --data`,
    );
  }
  return { path, release: () => lock.close() };
}

/** Step by step: in one call, Node names the wrong reason on a read-only disk, and never returns below /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
}

/** SQLite's code for a file that another process has locked. */
const SQLITE_BUSY = 5;

/** An empty database, locked for as long as it is open: Node itself has no call that locks a file. */
function openLock(file: string, path: string): DatabaseSync {
  let lock: DatabaseSync | null = null;
  try {
    lock = new (sqlite().DatabaseSync)(file, { timeout: 0 });
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    const { message, errcode } = error as Error & { errcode?: number };
    if (errcode !== SQLITE_BUSY)
      throw new DataDirectoryError(
        `cannot open ${file}: ${message}; the file holds no data: remove it if it is damaged, or choose another directory with --data`,
      );
    const pid = holderOf(file);
    const who = pid === null ? 'another recorder' : `another recorder (process ${pid})`;
    throw new DataDirectoryError(
      `${path} is being recorded into by ${who}; stop it, or choose another directory with --data`,
    );
  }
}

/** The first versions of Node 24 warn that their SQLite is an experiment, which is nothing to users of a lock. */
function sqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The process that has this file locked, where Linux tells: `1: POSIX  ADVISORY  WRITE 7019 fe:00:131 0 EOF`. */
function holderOf(file: string): number | null {
  if (!existsSync('/proc/locks')) return null;
  const { ino } = statSync(file);
  const [, pid] = new RegExp(` (\\d+) \\w+:\\w+:${ino} `).exec(readFileSync('/proc/locks', 'utf8')) ?? [];
  return pid === undefined ? null : Number(pid);
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
