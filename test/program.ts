import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readBlocks, readLines } from '../src/journal/index.ts';

const program = fileURLToPath(new URL('../bin/feedtape.mjs', import.meta.url));

/** Longest time any wait in these tests may take, ms: a deadline that fails a test, never a pause. */
const DEADLINE_MS = 60_000;

/** A directory of a test's own, removed behind it. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'feedtape-test-'));

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  [Symbol.dispose](): void {
    Program.endAll();
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly log: string;
}

/** The program as a user runs it, in a process of its own. */
export class Program {
  readonly child: ChildProcess;
  readonly exit: Promise<Exit>;
  out = '';
  log = '';
  readonly #watchers = new Set<() => void>();

  /** A test that failed leaves no process behind. */
  static readonly #running = new Set<ChildProcess>();

  static {
    process.on('exit', () => {
      for (const child of Program.#running) child.kill('SIGKILL');
    });
  }

  /** Ends what is still running: for the end of a test, whatever its outcome. */
  static endAll(): void {
    for (const child of Program.#running) child.kill('SIGKILL');
  }

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    Program.#running.add(this.child);
    this.child.on('exit', () => Program.#running.delete(this.child));
    this.child.stdout?.on('data', (bytes: Buffer) => {
      this.out += bytes.toString();
      for (const watch of this.#watchers) watch();
    });
    this.child.stderr?.on('data', (bytes: Buffer) => {
      this.log += bytes.toString();
      for (const watch of this.#watchers) watch();
    });
    this.exit = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ code, signal, out: this.out, log: this.log });
        for (const watch of this.#watchers) watch();
      });
    });
  }

  /** Resolves with the match once stdout or stderr says so; rejects when the program ends before, or after a minute. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(late);
        this.#watchers.delete(watch);
        act();
      };
      const watch = (): void => {
        const match = pattern.exec(this.out) ?? pattern.exec(this.log);
        if (match !== null) finish(() => resolve(match));
        else if (this.child.exitCode !== null || this.child.signalCode !== null)
          finish(() => reject(new Error(`ended before it said ${pattern}:\n${this.out}\n${this.log}`)));
      };
      const late = setTimeout(
        () => finish(() => reject(new Error(`did not say ${pattern}:\n${this.out}\n${this.log}`))),
        DEADLINE_MS,
      );
      this.#watchers.add(watch);
      watch();
    });
  }

  kill(signal: NodeJS.Signals): Promise<Exit> {
    this.child.kill(signal);
    return this.exit;
  }
}

/** Waits until something is so; fails after a minute. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited a minute for: ${what}`);
    await new Promise<void>((look) => {
      setTimeout(look, 20);
    });
  }
}

/** Bytes of a file; 0 where there is none yet. */
export function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** Runs the program to its end. */
export function feedtape(...args: string[]): Promise<Exit> {
  return new Program(args).exit;
}

/** Starts `simulate` and waits for its port. */
export async function simulator(...args: string[]): Promise<{ program: Program; port: number }> {
  const started = new Program(['simulate', '--port', '0', ...args]);
  const [, port] = await started.said(/listening on 127\.0\.0\.1:(\d+)/);
  return { program: started, port: Number(port) };
}

export interface JournalLine {
  readonly time: number;
  readonly link: number;
  readonly ordinal: number;
  readonly kind: string;
  readonly text: string;
}

/** Every line of a data directory's journal, file by file. */
export function journalLines(data: string): JournalLine[] {
  const lines: JournalLine[] = [];
  for (const path of tapes(data))
    for (const block of readBlocks(readFileSync(path)))
      if (block.kind === 'block')
        readLines(block.text, (frame) => {
          const { time, link, ordinal, kind } = frame;
          lines.push({ time, link, ordinal, kind, text: frame.text() });
        });
  return lines;
}

/** The journal files of a data directory, sorted. */
export function tapes(data: string): string[] {
  return readdirSync(join(data, 'journal'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.tape.zst'))
    .sort()
    .map((path) => join(data, 'journal', path));
}

/** The objects of an NDJSON file; a last line that was cut short is left out. */
export async function readNdjson(path: string): Promise<Record<string, unknown>[]> {
  const { createReadStream } = await import('node:fs');
  const objects: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line === '' || !line.endsWith('}')) continue;
    objects.push(JSON.parse(line) as Record<string, unknown>);
  }
  return objects;
}

/** Runs SQL through the program and returns the rows. */
export async function sql(data: string, query: string): Promise<Record<string, unknown>[]> {
  const { code, out, log } = await feedtape('sql', query, '--data', data, '--format', 'json');
  if (code !== 0) throw new Error(log);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
