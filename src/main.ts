import { readConfig } from './config/index.ts';
import {
  type ExchangeBalance,
  gracefulShutdown,
  Recording,
  type RecordingOptions,
  type StopReason,
  StopSignals,
} from './recorder/index.ts';

/** How a run is asked for. */
export interface RunOptions extends Omit<RecordingOptions, 'config' | 'onFailure'> {
  /** The config file; what it says is changed by `adjust` before anything is connected. */
  readonly configFile: string;
  readonly adjust: (config: RecordingOptions['config']) => RecordingOptions['config'];
  /** The run ends by itself after this long, ms; null: when it is asked to. */
  readonly forMs: number | null;
  /** The run ends by itself once so many messages were received; null: see above. */
  readonly frames: number | null;
  /** The run has begun: show it. The function it returns is called when the stop begins. */
  readonly onStarted: (recording: Recording) => () => void;
}

/** How a run ended. */
export interface RunEnd {
  readonly why: StopReason;
  /** Null where the run was stopped before it had begun, or failed. */
  readonly balance: readonly ExchangeBalance[] | null;
  /** What ended the recorder's thread, where it failed. */
  readonly failure: string | null;
}

/**
 * The story of the program (DESIGN section 2):
 *
 *     readConfig -> connectExchange -> routeSubscribe -> routeResponse -> gracefulShutdown
 *
 * `connectExchange` (recorder/connect.ts) opens each exchange's links; `routeSubscribe` (link/subscribe.ts) runs as
 * each link opens; `routeResponse` (recorder/session.ts) runs on every message, in the recorder's thread.
 */
export async function run(options: RunOptions): Promise<RunEnd> {
  const config = options.adjust(readConfig(options.configFile));
  const signals = new StopSignals();
  let failure: string | null = null;
  let fail: () => void = () => undefined;
  const failed = new Promise<void>((resolve) => {
    fail = resolve;
  });
  const onFailure = (error: string): void => {
    failure ??= error;
    fail();
  };
  // A start may have much to mend; it can be cut off at any point and begun again.
  const opening = Recording.open({ ...options, config, onFailure }).catch((error: Error) => {
    if (failure === null) throw error;
    return null;
  });
  const recording = await Promise.race([opening, signals.signalled]);
  if (recording === null) return { why: 'failure', balance: null, failure };
  if (recording === 'signal') return { why: 'signal', balance: null, failure };
  const stopShowing = options.onStarted(recording);
  recording.connect().catch((error: Error) => onFailure(error.stack ?? error.message));
  const { forMs, frames } = options;
  const enough = frames === null ? null : () => recording.ear.receivedFrames >= frames;
  const why = await signals.stopRequested({ afterMs: forMs, enough }, failed);
  stopShowing();
  if (failure !== null) return { why, balance: null, failure };
  try {
    return { why, balance: await gracefulShutdown(recording, why), failure };
  } catch (error) {
    return { why, balance: null, failure: (error as Error).message };
  }
}
