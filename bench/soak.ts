import { parseArgs } from 'node:util';
import { type Child, startFlood } from './child.ts';
import { bytesBelow, journalBytes } from './disk-use.ts';
import { machine, median, table } from './figures.ts';
import { MODES } from './flood/script.ts';
import { residentBytes } from './process-use.ts';
import { balanceOf, mustBalance, Recording } from './record-flood.ts';

/**
 * Records a paced flood for minutes: is memory flat, is every message kept?
 *
 *     npm run bench:soak -- [mode] [--rate N] [--for SECONDS] [--quiet SECONDS] [--unverified]
 *
 * With `--quiet` it is the overload test: the flood is set faster than the recorder can go, ends, and then the
 * recorder is watched until journal and store have stopped growing, at most so long. At the end the closing balance
 * must account for every message that the flood handed over, and `verify` must find no fault (which takes about as long
 * as the recording at full speed: `--unverified` leaves it out).
 */
const { values, positionals } = parseArgs({
  options: {
    rate: { type: 'string', default: '20000' },
    for: { type: 'string', default: '600' },
    quiet: { type: 'string', default: '0' },
    unverified: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const mode = MODES.find((known) => known === positionals[0]) ?? 'mix';
const SAMPLE_MS = 5000;
/** Nothing grew over so many samples: everything is written. */
const STILL_SAMPLES = 3;

interface Sample {
  readonly seconds: number;
  readonly resident: number;
  readonly journal: number;
  readonly rows: number;
}

/** Takes a sample every five seconds until `ended` says so. */
async function watch(
  record: Child,
  data: string,
  ended: (samples: readonly Sample[]) => boolean,
): Promise<Sample[]> {
  const began = performance.now();
  const samples: Sample[] = [];
  while (!ended(samples)) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    const resident = residentBytes(record.pid);
    if (resident === null) throw new Error(`record is gone:\n${record.stderr.slice(-3000)}`);
    samples.push({
      seconds: (performance.now() - began) / 1000,
      resident,
      journal: journalBytes(data),
      rows: bytesBelow(data, '.parquet'),
    });
  }
  return samples;
}

const grows = (now: Sample, before: Sample | undefined): boolean =>
  before === undefined || now.journal > before.journal || now.rows > before.rows;

function still(samples: readonly Sample[]): boolean {
  const last = samples.slice(-STILL_SAMPLES);
  const before = samples.at(-STILL_SAMPLES - 1);
  const newest = last.at(-1);
  return newest !== undefined && before !== undefined && !grows(newest, before);
}

function print(title: string, samples: readonly Sample[]): void {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  const resident = samples.map((sample) => sample.resident);
  const half = Math.floor(resident.length / 2);
  const row = [
    title,
    (samples.at(-1)?.seconds ?? 0).toFixed(0),
    mib(Math.min(...resident)),
    mib(Math.max(...resident)),
    mib(median(resident.slice(0, half))),
    mib(median(resident.slice(half))),
    mib(samples.at(-1)?.journal ?? 0),
    mib(samples.at(-1)?.rows ?? 0),
  ];
  const head = ['MiB', 's', 'RSS min', 'RSS max', 'first half', 'second half', 'journal', 'Parquet'];
  process.stdout.write(`${table(head, [row])}\n`);
  const minutes = Map.groupBy(samples, ({ seconds }) => Math.floor(seconds / 60));
  const texts = [...minutes.values()].map((minute) => mib(median(minute.map((sample) => sample.resident))));
  process.stdout.write(`RSS, MiB, the median of each minute: ${texts.join(', ')}\n\n`);
}

process.stdout.write(`${machine()}\n${mode}, ${values.rate} messages a second for ${values.for} s\n\n`);
const { flood, port } = await startFlood(mode, ['--rate', values.rate, '--for', values.for]);
using recording = new Recording(mode, port);
const record = recording.start();
await flood.next('go');

let sent: string | null = null;
const handedOver = flood.next('sent').then((line) => {
  sent = line;
});
print('flood', await watch(record, recording.data, () => sent !== null));
await handedOver;
process.stdout.write(`The flood handed over ${sent}.\n\n`);
if (Number(values.quiet) > 0) {
  const until = performance.now() + Number(values.quiet) * 1000;
  const samples = await watch(record, recording.data, (so) => still(so) || performance.now() > until);
  print(still(samples) ? 'quiet: still' : 'quiet: still growing', samples);
}
const { code, stderr } = await record.stop();
const messages = Number.parseInt(String(sent), 10);
mustBalance(stderr, code, messages, recording.books);
process.stdout.write(
  `Balance zero: ${balanceOf(stderr).rows} of ${messages} messages with rows, the rest the first diffs of books.\n`,
);
const times = (pattern: RegExp): number => stderr.match(pattern)?.length ?? 0;
process.stdout.write(
  `Decoding stepped back ${times(/rows come later/g)} times and caught up ${times(/decoded again/g)} times.\n`,
);
if (!values.unverified) {
  if (stderr.includes('store files will be made')) await recording.finish();
  await recording.verify();
  process.stdout.write('verify: no fault found\n');
}
await flood.stop();
