import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A path beside this folder's files. */
export function here(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

export interface Exit {
  readonly code: number | null;
  readonly stderr: string;
}

/** A benchmark or a test that fails leaves no process behind. */
const running = new Set<ChildProcess>();
process.on('exit', endChildren);

/** Ends every child at once. */
export function endChildren(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A Node process whose lines of stdout are waited for by their first word. */
export class Child {
  readonly process: ChildProcess;
  readonly exit: Promise<Exit>;
  readonly #ready = new Map<string, string[]>();
  readonly #waiting = new Map<string, ((rest: string) => void)[]>();
  stderr = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    running.add(this.process);
    const { stdout, stderr } = this.process;
    if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => this.#line(line));
    stderr?.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
    this.exit = new Promise((resolve) => {
      this.process.on('close', (code) => {
        running.delete(this.process);
        resolve({ code, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  #line(line: string): void {
    const [, word = '', rest = ''] = /^(\S*) ?(.*)$/.exec(line) ?? [];
    const waiter = this.#waiting.get(word)?.shift();
    if (waiter !== undefined) waiter(rest);
    else this.#ready.set(word, [...(this.#ready.get(word) ?? []), rest]);
  }

  /** The rest of the next line that begins with this word; an end of the process before it is an error. */
  next(word: string): Promise<string> {
    const ready = this.#ready.get(word)?.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    const line = new Promise<string>((resolve) => {
      this.#waiting.set(word, [...(this.#waiting.get(word) ?? []), resolve]);
    });
    const ended = this.exit.then(({ code, stderr }) => {
      throw new Error(`ended with ${code} before it said "${word}":\n${stderr.slice(-3000)}`);
    });
    return Promise.race([line, ended]);
  }

  /** Ends it and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.process.kill(signal);
    return this.exit;
  }
}

/** A flood in a process of its own, and its port. */
export async function startFlood(
  mode: string,
  options: readonly string[],
): Promise<{ flood: Child; port: number }> {
  const flood = new Child([here('flood/main.ts'), mode, ...options]);
  return { flood, port: Number(await flood.next('port')) };
}

/** Waits until a flood has handed over all of its messages to a client, and returns their number. */
export async function allSent(flood: Child): Promise<number> {
  const [sent, due] = (await flood.next('sent')).split(' of ').map(Number.parseFloat);
  if (sent === undefined || sent !== due) throw new Error(`the flood handed over ${sent} of ${due} messages`);
  return sent;
}
