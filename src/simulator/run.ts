import type { Exchange } from '../exchanges/index.ts';
import { readCapture } from './capture.ts';
import { serverTime } from './clock.ts';
import { type Fault, parseFaults } from './faults.ts';
import { FileLedger, type Ledger, noLedger } from './ledger.ts';
import { Listener } from './listener.ts';
import type { SimulateOptions, Simulator, SimulatorCounts, SimulatorHost } from './options.ts';
import { ReplaySite, WAIT_MS } from './replay.ts';
import { writeReplayConfig } from './replay-config.ts';
import { SimulatedSite } from './server.ts';

/** Options that do not go together. */
export class SimulateOptionsError extends Error {
  readonly code = 'bad-options';

  constructor(message: string) {
    super(message);
    this.name = 'SimulateOptionsError';
  }
}

type Part = 'replayed' | 'published' | 'notKeptUp' | 'backpressure' | 'disconnects' | 'malformed' | 'errors';

/** The part of the simulator that differs between simulated markets and a replay. */
interface Running {
  readonly listener: Listener;
  stop(): void;
  counts(): Partial<Pick<SimulatorCounts, Part>>;
}

/**
 * Starts the simulator and resolves when it listens: simulated markets of `exchanges`, or with `from` the replay of
 * a capture of them.
 * @throws SimulateOptionsError, FaultError, CaptureError, or the system's error (port taken, file not writable).
 */
export async function runSimulator(
  options: SimulateOptions,
  exchanges: readonly Exchange[],
  host: SimulatorHost,
): Promise<Simulator> {
  checkOptions(options);
  const faults = parseFaults(options.faults ?? '');
  const note = (text: string): void => host.note(text);
  const ledger =
    options.ledger === undefined
      ? noLedger
      : await FileLedger.create(options.ledger, serverTime, (error) =>
          note(`the ledger cannot be written any more: ${error.message}`),
        );
  let running: Running;
  try {
    running =
      options.from === undefined
        ? await startMarkets(options, faults, exchanges, ledger, note)
        : await startReplay(options, options.from, exchanges, ledger, note);
  } catch (error) {
    await ledger.close();
    throw error;
  }
  return stoppable(running, ledger, options.for);
}

function checkOptions({ from, faults, fast, config, rate }: SimulateOptions): void {
  if (from !== undefined && faults !== undefined && faults !== '')
    throw new SimulateOptionsError(
      '--faults and --from do not go together: a replay sends what was recorded',
    );
  if (from === undefined && fast === true)
    throw new SimulateOptionsError('--fast needs --from FILE: it is about the pace of a replay');
  if (from === undefined && config !== undefined)
    throw new SimulateOptionsError('--config needs --from FILE: it writes the config that repeats a capture');
  if (rate !== undefined && !(rate > 0 && Number.isFinite(rate)))
    throw new SimulateOptionsError(`--rate must be a number of messages a second above 0, got ${rate}`);
}

async function startMarkets(
  options: SimulateOptions,
  faults: readonly Fault[],
  exchanges: readonly Exchange[],
  ledger: Ledger,
  note: (text: string) => void,
): Promise<Running> {
  const site = new SimulatedSite(exchanges, options, faults, ledger, note);
  const listener = new Listener(site, ledger, note);
  await listener.listen(options.port);
  site.start();
  return {
    listener,
    stop: () => site.stop(),
    counts: () => {
      const { published, notKeptUp, backpressure } = site.publisher;
      return { published, notKeptUp, backpressure, ...site.counts };
    },
  };
}

async function startReplay(
  options: SimulateOptions,
  from: string,
  exchanges: readonly Exchange[],
  ledger: Ledger,
  note: (text: string) => void,
): Promise<Running> {
  const capture = await readCapture(from, exchanges);
  const site = new ReplaySite(capture, { fast: options.fast === true, waitMs: WAIT_MS }, ledger, note);
  const listener = new Listener(site, ledger, note);
  const port = await listener.listen(options.port);
  if (options.config !== undefined) {
    try {
      await writeReplayConfig(options.config, capture, port, note);
    } catch (error) {
      await listener.close();
      throw error;
    }
  }
  return { listener, stop: () => undefined, counts: () => site.counts };
}

function stoppable(running: Running, ledger: Ledger, forMs: number | undefined): Simulator {
  const { promise: stopped, resolve, reject } = Promise.withResolvers<SimulatorCounts>();
  // Whoever calls `stop` gets the same error; a caller who only waits for that must not crash the process.
  stopped.catch(() => undefined);
  let stopping = false;
  const stop = (): Promise<SimulatorCounts> => {
    if (!stopping) {
      stopping = true;
      clearTimeout(timer);
      running.stop();
      running.listener
        .close()
        .then(() => ledger.close())
        .then(() => resolve(countsOf(running)), reject);
    }
    return stopped;
  };
  const timer = forMs === undefined ? undefined : setTimeout(() => void stop(), forMs);
  return { port: running.listener.port, stop, stopped };
}

function countsOf(running: Running): SimulatorCounts {
  const { errors, ...listened } = running.listener.counts;
  const counts = running.counts();
  const none = { replayed: 0, published: 0, notKeptUp: 0, backpressure: 0, disconnects: 0, malformed: 0 };
  return { ...none, ...listened, ...counts, errors: errors + (counts.errors ?? 0) };
}
