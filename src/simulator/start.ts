import { EXCHANGES } from '../exchanges/index.ts';
import type { SimulateOptions, Simulator, SimulatorHost } from './options.ts';
import { runSimulator } from './run.ts';

const LOG: SimulatorHost = { note: (text) => void process.stderr.write(`simulator: ${text}\n`) };

/**
 * Starts all simulated exchanges and resolves when they listen.
 * @throws SimulateOptionsError, FaultError, or the system's error (port taken, ledger not writable).
 */
export function startSimulator(options: SimulateOptions, host: SimulatorHost = LOG): Promise<Simulator> {
  return runSimulator(options, EXCHANGES, host);
}

/**
 * Starts the replay of a capture and resolves when it listens (and its config is written, where asked for).
 * @throws CaptureError beside what `startSimulator` throws.
 */
export function startReplay(
  options: SimulateOptions & { readonly from: string },
  host: SimulatorHost = LOG,
): Promise<Simulator> {
  return runSimulator(options, EXCHANGES, host);
}
