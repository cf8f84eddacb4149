import { existsSync } from 'node:fs';
import { Command } from 'commander';
import {
  CaptureError,
  FaultError,
  SimulateOptionsError,
  startReplay,
  startSimulator,
} from '../simulator/index.ts';
import { parseCount, parseDuration, print, UsageError } from './io.ts';

interface SimulateOptions {
  readonly port: number;
  readonly seed: number;
  readonly rate?: number;
  readonly for?: number;
  readonly faults?: string;
  readonly ledger?: string;
  readonly from?: string;
  readonly fast?: boolean;
  readonly config?: string;
}

function check(options: SimulateOptions): void {
  if (options.from === undefined && (options.fast === true || options.config !== undefined))
    throw new UsageError('--fast and --config belong to --from FILE');
  if (options.from !== undefined && !existsSync(options.from))
    throw new UsageError(`there is no file ${options.from}`);
  if (options.from !== undefined && options.faults !== undefined)
    throw new UsageError('--faults belongs to the simulated market, not to --from FILE');
}

export const simulateCommand = new Command('simulate')
  .description('Serve all simulated exchanges on one port of this machine, or replay a capture')
  .requiredOption('--port <p>', 'port to listen on; 0 takes a free one and prints it', parseCount('--port'))
  .option('--seed <n>', 'the same seed gives the same market', parseCount('--seed'), 1)
  .option('--rate <msg/s>', 'data messages a second, all links together', parseCount('--rate', 1))
  .option('--for <time>', 'stop after this long', parseDuration)
  .option('--faults <list>', 'faults to inject, such as disconnect,malformed')
  .option('--ledger <file>', 'write every frame sent to this file, as NDJSON')
  .option('--from <file>', 'replay the connections of a capture to clients that dial their paths')
  .option('--fast', 'with --from: as fast as the client takes it, instead of at recorded pace')
  .option('--config <file>', 'with --from: write the config that repeats the capture')
  .addHelpText(
    'after',
    `
An exchange's market is served below /<exchange>/<market>, REST too:
  ws://127.0.0.1:8800/binance/spot/stream?timeUnit=MICROSECOND
  http://127.0.0.1:8800/bybit/linear/v5/market/instruments-info

Examples:
  feedtape simulate --port 8800 --rate 2000 --faults disconnect,malformed --ledger sent.ndjson
  feedtape simulate --port 8800 --from capture.jsonl --fast --config replay.json`,
  )
  .action(async (options: SimulateOptions) => {
    check(options);
    const note = (text: string): void => void process.stderr.write(`${text}\n`);
    try {
      const { from } = options;
      const server =
        from === undefined
          ? await startSimulator(options, { note })
          : await startReplay({ ...options, from }, { note });
      await print(`listening on 127.0.0.1:${server.port}\n`);
      const stop = (): void => {
        server.stop().catch((error: Error) => note(error.message));
      };
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      note(JSON.stringify(await server.stopped));
      process.exit();
    } catch (error) {
      if (
        error instanceof CaptureError ||
        error instanceof FaultError ||
        error instanceof SimulateOptionsError
      )
        throw new UsageError(error.message);
      throw error;
    }
  });
