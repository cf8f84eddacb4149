import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
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
  try {
    mkdirSync(path);
  } catch (error) {
    // Unless another one that starts has just made it.
    if (!existsSync(path)) throw error;
  }
}

/** SQLite's code for a file that another process has locked. */
const SQLITE_BUSY = 5;
/** How long one that starts waits, ms: of two that ask at the same moment SQLite else may refuse both. */
const LOCK_WAIT_MS = 100;

/**
 * An empty database in a transaction that writes, for as long as it is open: Node itself has no call that locks a file. The
 * lock is the process's: whoever opens and closes the file in it by other means gives it away.
 */
function openLock(file: string, path: string): DatabaseSync {
  let lock: DatabaseSync | null = null;
  try {
    lock = new (sqlite().DatabaseSync)(resolve(file), { timeout: LOCK_WAIT_MS });
    // A file that cannot be written is opened to be read, and that lock would not be one: so something is written.
    lock.exec('BEGIN EXCLUSIVE; PRAGMA user_version = 1');
    return lock;
  } catch (error) {
    lock?.close();
    const { message, errcode } = error as Error & { errcode?: number };
    if (errcode !== SQLITE_BUSY)
      throw new DataDirectoryError(
        `cannot lock ${file}: ${message}; it must be writable and its path shorter than 500 bytes. The file holds no data: remove it if it is damaged, or choose another directory with --data`,
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

/** The process that has this file locked; null where the system does not tell. */
function holderOf(file: string): number | null {
  try {
    return holderIn(readFileSync('/proc/locks', 'utf8'), statSync(file));
  } catch {
    // No Linux, or the file has just gone: it stays unsaid who it is.
    return null;
  }
}

/**
 * The process that holds a lock on a file, by Linux's list of locks, `1: POSIX  ADVISORY  WRITE 7019 fe:00:131 0 EOF`: device
 * in hexadecimal, then inode. Null where it is not there, as on file systems whose files name another device.
 */
export function holderIn(
  locks: string,
  { dev, ino }: { readonly dev: number; readonly ino: number },
): number | null {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  // As the C library takes a device apart; numbers beyond 20 bits are not in use.
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  const wanted = `${hex(major)}:${hex(minor)}:${ino}`;
  for (const line of locks.split('\n')) {
    const [pid = '', place] = line.trim().split(/ +/).slice(4);
    if (place === wanted && /^[1-9]\d*$/.test(pid)) return Number(pid);
  }
  return null;
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
