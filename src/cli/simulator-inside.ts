import { Worker } from 'node:worker_threads';
import type { ExchangeConfig } from '../config/index.ts';

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
}): Promise<RunningSimulator> {
  const file = `../simulator/worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { port: 0, ...options } });
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (message: { kind: string; port?: number; error?: string }) => {
      if (message.kind === 'ready') resolve(message.port ?? 0);
      if (message.kind === 'failed') reject(new Error(message.error));
    });
  });
  return {
    port,
    redirect: (config) => {
      const base = `127.0.0.1:${port}/${config.exchange}/${config.market}`;
      return { ...config, uri: `ws://${base}`, rest: `http://${base}` };
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
