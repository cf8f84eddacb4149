import type { RawMessage } from '../exchanges/index.ts';
import type { Channel } from '../record/index.ts';

/** A config that has been checked: every name is resolved, every default filled in. */
export interface Config {
  /** The data directory, as written; a relative one is relative to the working directory. */
  readonly data: string;
  readonly exchanges: readonly ExchangeConfig[];
  readonly settings: Settings;
}

/** One market of an exchange to be recorded. */
export interface ExchangeConfig {
  /** For people: as written, or made of the exchange and market. */
  readonly name: string;
  /** `binance`: a name of the registry. */
  readonly exchange: string;
  /** `usdm`: a market of that exchange. */
  readonly market: string;
  /** Replaces the exchange's own address. */
  readonly uri?: string;
  /** Replaces the exchange's REST base. */
  readonly rest?: string;
  /** Text sent in place of the exchange's own heartbeat message. */
  readonly ping?: string;
  readonly streams: readonly StreamRequest[];
  readonly raw: readonly RawMessage[];
}

/** A stream asked for in our words; `symbol` may hold `*`, which stands for any run of characters. */
export interface StreamRequest {
  readonly channel: Channel;
  readonly feed: string;
  readonly symbol: string;
}

/** What concerns the recorder as a whole; each has a default (see `settingsSchema`). */
export interface Settings {
  readonly syncMs: number;
  readonly frameBytesMax: number;
  readonly fileBytesMax: number;
  readonly chunkBytes: number;
  readonly chunks: number;
  readonly densePercent: number;
  readonly memory: string;
  readonly logLevel: LogLevel;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
