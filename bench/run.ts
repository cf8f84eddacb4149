import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { allSent, Child, here, startFlood } from './child.ts';
import { journalBytes, type TableBytes, tableBytes } from './disk-use.ts';
import { type Figure, machine, medianFigure, table, thousands } from './figures.ts';
import { MODES, type Mode } from './flood/script.ts';
import { type Recorded, Recording, recordFlood } from './record-flood.ts';

/**
 * `npm run bench`: records each mode of the flood, beside three plain readers of the same flood, all in turns, so that
 * what a shared machine does to one it does to all. The figures are medians, and what counts are their ratios.
 *
 *     npm run bench -- [trades|deltas|usdm|quotes|mix ...] [--runs 5] [--messages N] [--json FILE]
 */
const { values, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    messages: { type: 'string' },
    json: { type: 'string' },
  },
  allowPositionals: true,
});

/**
 * Enough for five seconds of recording and more, so that a start and a stop weigh little: it takes most of a second until all
 * code is compiled, and `record` is at half its speed in it.
 */
const MESSAGES: Readonly<Record<Mode, number>> = {
  trades: 8_000_000,
  deltas: 1_000_000,
  usdm: 1_000_000,
  quotes: 8_000_000,
  mix: 2_000_000,
};

const READERS = {
  bare: '(a) bare frame reader',
  ws: '(b) `ws`, empty callback',
  'ws-json': '(c) `ws` + JSON.parse',
} as const;

interface Disk {
  readonly journal: number;
  readonly tables: readonly TableBytes[];
}

interface ModeResult {
  readonly mode: Mode;
  readonly messages: number;
  readonly readers: Readonly<Record<string, Figure>>;
  readonly record: Figure;
  /** Of all runs: journal files whose store files the next start finished, outside the clock. */
  readonly unfinished: number;
  readonly disk: Disk;
}

async function read(kind: string, flood: Child, port: number, messages: number): Promise<Figure> {
  const reader = new Child([here('reader.ts'), kind, String(port), String(messages)]);
  const figure = JSON.parse(await reader.next('read')) as Figure;
  await Promise.all([flood.next('go'), allSent(flood), flood.next('gone'), reader.exit]);
  return figure;
}

/** One recorded flood, then everything that is outside its clock: finishing, proving, weighing. */
async function recordOnce(mode: Mode, flood: Child, port: number, messages: number, weigh: boolean) {
  using recording = new Recording(mode, port);
  const figure = await recordFlood(recording, flood, messages);
  const journal = journalBytes(recording.data);
  if (figure.unfinished > 0) await recording.finish();
  await recording.verify();
  const disk: Disk | null = weigh ? { journal, tables: await tableBytes(recording.data) } : null;
  return { figure, disk };
}

async function runMode(mode: Mode, messages: number, runs: number): Promise<ModeResult> {
  const { flood, port } = await startFlood(mode, ['--messages', String(messages)]);
  const byReader = new Map<string, Figure[]>(Object.keys(READERS).map((kind) => [kind, []]));
  const recorded: Recorded[] = [];
  let disk: Disk = { journal: 0, tables: [] };
  for (let run = 0; run < runs; run++) {
    for (const [kind, figures] of byReader) figures.push(await read(kind, flood, port, messages));
    const once = await recordOnce(mode, flood, port, messages, run === runs - 1);
    recorded.push(once.figure);
    disk = once.disk ?? disk;
  }
  await flood.stop();
  return {
    mode,
    messages,
    readers: Object.fromEntries([...byReader].map(([kind, figures]) => [kind, medianFigure(figures)])),
    record: medianFigure(recorded),
    unfinished: recorded.reduce((sum, { unfinished }) => sum + unfinished, 0),
    disk,
  };
}

function print({ mode, messages, readers, record, unfinished, disk }: ModeResult): void {
  const say = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  const [bare, parse] = [readers.bare, readers['ws-json']];
  if (bare === undefined || parse === undefined) throw new Error('no figures of the readers');
  const row = (title: string, figure: Figure): string[] => [
    title,
    thousands(figure.messagesPerSecond),
    figure.cpuMicrosPerMessage.toFixed(2),
    (figure.cpuMicrosPerMessage / bare.cpuMicrosPerMessage).toFixed(1),
  ];
  const named = Object.entries(READERS).flatMap(([kind, title]) => {
    const figure = readers[kind];
    return figure === undefined ? [] : [row(title, figure)];
  });
  say(`## ${mode}, ${messages} messages\n`);
  say(
    table(
      ['', 'messages/s', 'CPU µs per message, all threads', 'CPU / (a)'],
      [...named, row('(d) `feedtape record`', record)],
    ),
  );
  say(`Rate (d)/(c): ${(record.messagesPerSecond / parse.messagesPerSecond).toFixed(2)}.`);
  say(`Store files left to the next start, all runs: ${unfinished}.`);
  say(`Journal: ${(disk.journal / messages).toFixed(1)} bytes a message.\n`);
  say(
    table(
      ['table', 'rows', 'store, bytes a row', 'gzipped CSV, bytes a row'],
      disk.tables.map(({ table: name, rows, storeBytes, csvGzipBytes }) => [
        name,
        String(rows),
        (storeBytes / rows).toFixed(2),
        (csvGzipBytes / rows).toFixed(2),
      ]),
    ),
  );
}

const runs = Number(values.runs);
const modes = positionals.length === 0 ? MODES : MODES.filter((mode) => positionals.includes(mode));
process.stdout.write(`${machine()}, median of ${runs}\n\n`);
const results: ModeResult[] = [];
for (const mode of modes) {
  const result = await runMode(mode, Number(values.messages ?? MESSAGES[mode]), runs);
  print(result);
  results.push(result);
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), runs, results }, null, 2)}\n`);
