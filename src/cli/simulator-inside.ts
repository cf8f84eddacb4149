import { Worker } from 'node:worker_threads';
import type { ExchangeConfig } from '../config/index.ts';
import { findExchange } from '../exchanges/index.ts';
import type { Log } from './recording-view.ts';

/** What the simulator's thread says (simulator/worker.ts). */
type FromSimulatorThread =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'stopped' };

/** Simulated exchanges in a thread of this process. */
export interface RunningSimulator {
  readonly port: number;
  /** The same config, with its exchanges replaced by the simulated ones. */
  redirect(config: ExchangeConfig): ExchangeConfig;
  stop(): Promise<void>;
}

/** Starts the simulated exchanges in a worker thread, on a free port. */
export async function simulatorInside(options: {
  seed: number;
  rate: number | undefined;
  log: Log;
}): Promise<RunningSimulator> {
  const file = `../simulator/worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;
  const { seed, rate, log } = options;
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { port: 0, seed, rate } });
  const port = await new Promise<number>((resolve, reject) => {
    const failed = (error: Error): void => {
      log('error', 'the simulated exchanges ended', { error: error.message });
      reject(error);
    };
    worker.on('error', failed);
    worker.on('message', (message: FromSimulatorThread) => {
      if (message.kind === 'ready') resolve(message.port);
      if (message.kind === 'note') log('info', 'simulator', { note: message.text });
      if (message.kind === 'failed') failed(new Error(message.error));
    });
  });
  return {
    port,
    redirect: (config) => {
      const base = `127.0.0.1:${port}/${config.exchange}/${config.market}`;
      return { ...config, streams: allStreams(config), uri: `ws://${base}`, rest: `http://${base}` };
    },
    stop: async () => {
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage({ kind: 'stop' });
      const late = setTimeout(() => void worker.terminate(), 2000);
      await ended;
      clearTimeout(late);
    },
  };
}

/** What the config asks for, including what its own address names, which the simulator's address does not. */
function allStreams({ exchange, uri, streams }: ExchangeConfig): ExchangeConfig['streams'] {
  const named = uri === undefined ? [] : (findExchange(exchange)?.readUrl(new URL(uri))?.streams ?? []);
  const missing = named.filter(
    ({ channel, feed, symbol }) =>
      !streams.some((asked) => asked.channel === channel && asked.feed === feed && asked.symbol === symbol),
  );
  return [...streams, ...missing.map(({ channel, feed, symbol }) => ({ channel, feed, symbol }))];
}
