import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Records trades from a flood, beside three readers of the same flood in the same run. Figures are ratios: machines
 * are shared and noisy. `--messages N`, `--runs N`, `--json FILE`.
 */
interface Figure {
  readonly name: string;
  readonly messagesPerSecond: number;
  readonly cpuMicrosecondsPerMessage: number;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function option(name: string, fallback: string): string {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? fallback : (process.argv[index + 1] ?? fallback);
}

const messages = Number(option('messages', '3000000'));
const runs = Number(option('runs', '3'));

/** A child whose lines are waited for by their first word. */
class Lines {
  readonly child: ChildProcess;
  readonly #waiting = new Map<string, ((rest: string) => void)[]>();
  readonly #seen = new Map<string, string[]>();

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    if (this.child.stdout !== null)
      createInterface({ input: this.child.stdout }).on('line', (line) => this.#line(line));
    this.child.stderr?.resume();
  }

  #line(line: string): void {
    const space = line.indexOf(' ');
    const word = space < 0 ? line : line.slice(0, space);
    const waiter = this.#waiting.get(word)?.shift();
    if (waiter !== undefined) waiter(line.slice(space + 1));
    else this.#seen.set(word, [...(this.#seen.get(word) ?? []), line.slice(space + 1)]);
  }

  next(word: string): Promise<string> {
    const ready = this.#seen.get(word)?.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => {
      this.#waiting.set(word, [...(this.#waiting.get(word) ?? []), resolve]);
    });
  }
}

async function reader(kind: string, port: number): Promise<Figure> {
  const child = spawn(process.execPath, [here('reader.ts'), kind, String(port), String(messages)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const bytes of child.stdout) text += String(bytes);
  const result = JSON.parse(text) as { messages: number; seconds: number; cpuSeconds: number };
  return {
    name: kind,
    messagesPerSecond: result.messages / result.seconds,
    cpuMicrosecondsPerMessage: (result.cpuSeconds / result.messages) * 1e6,
  };
}

/** CPU seconds of a process with all its threads, from /proc; null once it is gone. */
function cpuSeconds(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return null;
    throw error;
  }
}

/** `feedtape record` from connect to exit: the clock stops when everything is sealed, stored and the process is gone. */
async function recorded(flood: Lines, port: number): Promise<Figure> {
  const data = mkdtempSync(join(tmpdir(), 'feedtape-bench-'));
  try {
    const config = join(data, 'config.json');
    writeFileSync(
      config,
      JSON.stringify({
        data: join(data, 'data'),
        exchanges: [
          {
            name: 'flood',
            exchange: 'binance',
            market: 'spot',
            uri: `ws://127.0.0.1:${port}`,
            streams: [{ channels: ['trades'], symbols: ['BTCUSDT'] }],
          },
        ],
      }),
    );
    const child = spawn(process.execPath, [here('../bin/feedtape.mjs'), 'record', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
    let cpu = 0;
    let cpuAtOpen = 0;
    const sample = setInterval(() => {
      cpu = cpuSeconds(child.pid ?? 0) ?? cpu;
    }, 20);
    await flood.next('open');
    const started = performance.now();
    cpuAtOpen = cpuSeconds(child.pid ?? 0) ?? 0;
    await flood.next('sent');
    child.kill('SIGTERM');
    const code = await new Promise<number | null>((resolve) => {
      child.on('exit', resolve);
    });
    clearInterval(sample);
    const seconds = (performance.now() - started) / 1000;
    if (code !== 0 || !log.includes(`with rows ${messages}`) || !log.includes('balance: zero difference'))
      throw new Error(
        `record exited with ${code} and did not account for every message:\n${log.slice(-3000)}`,
      );
    return {
      name: 'record',
      messagesPerSecond: messages / seconds,
      cpuMicrosecondsPerMessage: ((cpu - cpuAtOpen) / messages) * 1e6,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

function median(figures: readonly Figure[]): Figure {
  const middle = <T>(values: readonly T[], of: (value: T) => number): number =>
    values.map(of).sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return {
    name: figures[0]?.name ?? '',
    messagesPerSecond: middle(figures, (figure) => figure.messagesPerSecond),
    cpuMicrosecondsPerMessage: middle(figures, (figure) => figure.cpuMicrosecondsPerMessage),
  };
}

const TITLES: Readonly<Record<string, string>> = {
  bare: '(a) bare frame reader',
  ws: '(b) `ws`, empty callback',
  'ws-json': '(c) `ws` + JSON.parse',
  record: '(d) `feedtape record`, everything on disk',
};

const flood = new Lines([here('flood.ts'), String(messages)]);
const port = Number(await flood.next('port'));
const all: Record<string, Figure[]> = { bare: [], ws: [], 'ws-json': [], record: [] };
for (let run = 0; run < runs; run++) {
  for (const kind of ['bare', 'ws', 'ws-json']) {
    all[kind]?.push(await reader(kind, port));
    await Promise.all([flood.next('open'), flood.next('sent')]);
  }
  all.record?.push(await recorded(flood, port));
}
flood.child.kill();

const medians = Object.values(all).map(median);
const bare = medians[0] as Figure;
const parse = medians[2] as Figure;
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Linux ${release()}, Node ${process.versions.node}`;
process.stdout.write(
  `${machine}, ${new Date().toISOString().slice(0, 10)}, ${messages} messages, median of ${runs}\n\n`,
);
process.stdout.write('| | messages/s | CPU µs per message | CPU / bare |\n|---|---:|---:|---:|\n');
for (const { name, messagesPerSecond, cpuMicrosecondsPerMessage } of medians)
  process.stdout.write(
    `| ${TITLES[name]} | ${Math.round(messagesPerSecond / 1000)} k | ${cpuMicrosecondsPerMessage.toFixed(2)} | ${(cpuMicrosecondsPerMessage / bare.cpuMicrosecondsPerMessage).toFixed(1)} |\n`,
  );
const ratio = (medians[3] as Figure).messagesPerSecond / parse.messagesPerSecond;
process.stdout.write(`\n(d)/(c) = ${ratio.toFixed(2)}\n`);
const json = option('json', '');
if (json !== '')
  writeFileSync(
    json,
    `${JSON.stringify({ machine, date: new Date().toISOString(), messages, runs, figures: medians, ratio }, null, 2)}\n`,
  );
