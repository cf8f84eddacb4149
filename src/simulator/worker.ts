import { parentPort, workerData } from 'node:worker_threads';
import type { SimulateOptions, SimulatorCounts } from './options.ts';
import { startSimulator } from './start.ts';

/** What the thread says to the one that started it. */
export type FromSimulatorThread =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'stopped'; readonly counts: SimulatorCounts }
  /** It could not start, or not stop cleanly; it is over. */
  | { readonly kind: 'failed'; readonly error: string };

/** What it is told. */
export type ToSimulatorThread = { readonly kind: 'stop' };

/** The simulator in a thread of its own; its options are the thread's `workerData`. */
async function main(): Promise<void> {
  const parent = parentPort;
  if (parent === null) throw new Error('worker.ts runs as a worker thread');
  const say = (message: FromSimulatorThread): void => parent.postMessage(message);
  const failed = (error: unknown): void => {
    say({ kind: 'failed', error: error instanceof Error ? error.message : String(error) });
    parent.close();
  };
  try {
    const simulator = await startSimulator(workerData as SimulateOptions, {
      note: (text) => say({ kind: 'note', text }),
    });
    parent.on('message', (message: ToSimulatorThread) => {
      if (message.kind === 'stop') simulator.stop().catch(failed);
    });
    simulator.stopped
      .then((counts) => {
        say({ kind: 'stopped', counts });
        parent.close();
      })
      .catch(failed);
    say({ kind: 'ready', port: simulator.port });
  } catch (error) {
    failed(error);
  }
}

await main();
