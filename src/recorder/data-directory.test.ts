import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DataDirectoryError, holdDataDirectory, holderIn } from './data-directory.ts';

/** Nobody, who may not write to what is not his. */
const NOBODY = 65_534;

const root = mkdtempSync(join(tmpdir(), 'feedtape-lock-'));
chmodSync(root, 0o755);
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

/** A process that takes a directory and lets it go when it is told to. */
class Holder {
  readonly #child: ChildProcess;

  constructor(uid: number | null = null) {
    const code = `
      const { holdDataDirectory } = await import(${JSON.stringify(join(import.meta.dirname, 'data-directory.ts'))});
      if (${uid} !== null) {
        process.setgid(${uid});
        process.setuid(${uid});
      }
      let held = null;
      process.on('message', async ({ path, at }) => {
        while (performance.timeOrigin + performance.now() < at);
        if (path === null) { held.release(); process.send('released'); return; }
        process.send(await holdDataDirectory(path, false).then((it) => { held = it; return 'held'; }, (error) => error.message));
      });
      process.send('ready');`;
    const file = join(root, `holder-${children.length}.mjs`);
    writeFileSync(file, code);
    this.#child = fork(file, { stdio: 'inherit' });
    children.push(this.#child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  said(): Promise<string> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`a holder ended with ${code}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (text) => {
        this.#child.off('exit', ended);
        resolve(String(text));
      });
    });
  }

  /** Takes a directory, not before a time (ms since the epoch). */
  take(path: string, at = 0): Promise<string> {
    this.#child.send({ path, at });
    return this.said();
  }

  release(): Promise<string> {
    this.#child.send({ path: null, at: 0 });
    return this.said();
  }

  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

test('of two that ask at the same moment one holds the directory, and the other is told who does', async () => {
  const holders = [new Holder(), new Holder()] as const;
  await Promise.all(holders.map((holder) => holder.said()));
  for (let round = 0; round < 25; round++) {
    const path = join(root, `asked at once ${round}`);
    const at = performance.timeOrigin + performance.now() + 3;
    const answers = await Promise.all(holders.map((holder) => holder.take(path, at)));
    const winner = answers.indexOf('held');
    assert.ok(winner >= 0, answers.join('\n'));
    const other = answers[1 - winner] ?? '';
    assert.match(other, /is being recorded into by another recorder/);
    if (process.platform === 'linux') assert.ok(other.includes(`(process ${holders[winner]?.pid})`), other);
    assert.equal(await holders[winner]?.release(), 'released');
  }
});

test('a process that is killed holds nothing any more', async () => {
  const path = join(root, 'killed');
  const [first, second] = [new Holder(), new Holder()];
  await Promise.all([first.said(), second.said()]);
  assert.equal(await first.take(path), 'held');
  assert.match(await second.take(path), /is being recorded into/);
  await first.kill();
  assert.equal(await second.take(path), 'held');
});

test('a lock that cannot be written is none: nobody gets it', async () => {
  const path = join(root, 'not ours');
  const state = join(path, 'state');
  mkdirSync(state, { recursive: true });
  chmodSync(state, 0o777);
  writeFileSync(join(state, 'lock.sqlite'), '', { mode: 0o444 });
  // Root may write to anything, and so becomes nobody.
  const holder = new Holder(process.getuid?.() === 0 ? NOBODY : null);
  await holder.said();
  // Made, where nobody may not even look below the directory for temporary files.
  assert.match(await holder.take(path), /^cannot (lock .*readonly|make )/);
});

test('one process does not hold a directory twice', async () => {
  const path = join(root, 'twice');
  const held = await holdDataDirectory(path, false);
  await assert.rejects(holdDataDirectory(path, false), DataDirectoryError);
  held.release();
  (await holdDataDirectory(path, false)).release();
});

test('who holds a file is told by device and inode', () => {
  const locks = `1: POSIX  ADVISORY  READ  11 fe:00:131 0 EOF
2: FLOCK  ADVISORY  WRITE 12 00:1c:77 0 EOF
3: POSIX  ADVISORY  WRITE 13 00:1d:77 1073741824 1073742335
3: -> POSIX  ADVISORY  WRITE 14 08:01:99 0 EOF
4: POSIX  ADVISORY  WRITE 15 103:12345:78 0 EOF
5: POSIX  ADVISORY  WRITE -1 08:01:98 0 EOF
`;
  assert.equal(holderIn(locks, { dev: 0x1d, ino: 77 }), 13);
  assert.equal(holderIn(locks, { dev: 0x1e, ino: 77 }), null);
  assert.equal(holderIn(locks, { dev: 0xfe00, ino: 131 }), 11);
  assert.equal(holderIn(locks, { dev: 0xfe00, ino: 13 }), null);
  assert.equal(
    holderIn(locks, { dev: (0x103 << 8) | (0x12345 & 0xff) | ((0x12345 & 0xfff00) << 12), ino: 78 }),
    15,
  );
  // Who waits for a lock does not hold it; nor does a process that this one cannot see.
  assert.equal(holderIn(locks, { dev: 0x801, ino: 99 }), null);
  assert.equal(holderIn(locks, { dev: 0x801, ino: 98 }), null);
  assert.equal(holderIn('', statSync(root)), null);
});
