import { readConfig } from './config/index.ts';
import {
  type ExchangeBalance,
  gracefulShutdown,
  Recording,
  type RecordingOptions,
  stopRequested,
} from './recorder/index.ts';

/** How a run is asked for. */
export interface RunOptions extends Omit<RecordingOptions, 'config' | 'onFailure'> {
  /** The config file; what it says is changed by `adjust` before anything is connected. */
  readonly configFile: string;
  readonly adjust: (config: RecordingOptions['config']) => RecordingOptions['config'];
  /** The run ends by itself after this long, ms; null: when it is asked to. */
  readonly forMs: number | null;
  /** The run has begun: show it. The function it returns is called when the stop begins. */
  readonly onStarted: (recording: Recording) => () => void;
}

/** How a run ended. */
export interface RunEnd {
  readonly why: 'signal' | 'time' | 'failure';
  readonly balance: readonly ExchangeBalance[];
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
  let failure: string | null = null;
  let fail: () => void = () => undefined;
  const failed = new Promise<void>((resolve) => {
    fail = resolve;
  });
  const onFailure = (error: string): void => {
    failure ??= error;
    fail();
  };
  const recording = await Recording.open({ ...options, config, onFailure });
  const stopShowing = options.onStarted(recording);
  recording.connect().catch((error: Error) => onFailure(error.stack ?? error.message));
  const why = await stopRequested(options.forMs, failed);
  stopShowing();
  const balance = failure === null ? await gracefulShutdown(recording) : [];
  return { why, balance, failure };
}
