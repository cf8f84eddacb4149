import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Config } from '../config/index.ts';
import { type RunEnd, run } from '../main.ts';
import { balanceDifferences, renderBalance } from '../recorder/index.ts';
import { EXIT, packageVersion, parseCount, parseDuration } from './io.ts';
import { RecordingView } from './recording-view.ts';
import { type RunningSimulator, simulatorInside } from './simulator-inside.ts';

/** The config that is taken when none is named. */
export const DEFAULT_CONFIG = fileURLToPath(new URL('../../config/feedtape.json', import.meta.url));

export interface RecordOptions {
  readonly data?: string | undefined;
  readonly for?: number | undefined;
  readonly frames?: number | undefined;
  readonly simulate?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly rate?: number | undefined;
}

/** Records until it is stopped; prints the closing balance. Shared by `record` and `demo`. */
export async function record(configFile: string | undefined, options: RecordOptions): Promise<RunEnd> {
  const simulated = options.simulate === true;
  const hint = 'No network? "npm run demo" records simulated exchanges and needs none.';
  const view = new RecordingView(simulated ? null : hint);
  const simulator = simulated
    ? await simulatorInside({ seed: options.seed ?? 1, rate: options.rate, log: view.log })
    : null;
  try {
    const end = await run({
      configFile: configFile ?? DEFAULT_CONFIG,
      adjust: (config) => {
        view.setLevel(config.settings.logLevel);
        return adjusted(config, options, simulator);
      },
      simulated,
      version: packageVersion(),
      forMs: options.for ?? null,
      frames: options.frames ?? null,
      log: view.log,
      onStarted: (recording) => view.show(recording),
    });
    report(end);
    return end;
  } finally {
    await simulator?.stop();
  }
}

function adjusted(config: Config, { data }: RecordOptions, simulator: RunningSimulator | null): Config {
  const exchanges =
    simulator === null ? config.exchanges : config.exchanges.map((exchange) => simulator.redirect(exchange));
  return { ...config, exchanges, data: resolve(data ?? config.data) };
}

function report({ why, balance, failure }: RunEnd): void {
  if (failure !== null) {
    process.stderr.write(
      `the recorder cannot go on: ${failure}\nWhat was received up to here is in the journal; the next start mends it.\n`,
    );
    process.exitCode = EXIT.wrong;
    return;
  }
  if (balance === null) {
    process.stderr.write('stopped before anything was recorded; the next start mends what is left to mend\n');
    return;
  }
  process.stderr.write(`stopped (${why})\n${renderBalance(balance).join('\n')}\n`);
  if (balanceDifferences(balance).length > 0) process.exitCode = EXIT.wrong;
}

export const recordCommand = new Command('record')
  .description('Record market data until stopped (Ctrl-C), or for a time')
  .argument('[config]', 'a JSON config; without it BTC and ETH on all exchanges')
  .option('--data <dir>', 'where to write (default: the config’s "data", ./data)')
  .option('--for <time>', 'stop after this long, such as 30s', parseDuration)
  .option('--frames <n>', 'stop once so many messages were received', parseCount('--frames', 1))
  .option('--simulate', 'start the simulated exchanges inside and record them: needs no network')
  .option('--seed <n>', 'seed of the simulated exchanges', parseCount('--seed'))
  .option(
    '--rate <n>',
    'messages a second of the simulated exchanges, all links together',
    parseCount('--rate', 1),
  )
  .addHelpText(
    'after',
    '\nExamples:\n  feedtape record\n  feedtape record my.json --data /srv/tape\n  feedtape record --simulate --for 30s --data demo-data',
  )
  .action(async (config: string | undefined, options: RecordOptions) => {
    await record(config, options);
    process.exit();
  });
