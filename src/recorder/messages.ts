import type { DecoderRequest } from '../exchanges/index.ts';
import type { Table } from '../record/index.ts';
import type { Chunk } from './ear.ts';
import type { OutcomeCounts } from './session-parts.ts';

/** What a recorder is made with. */
export interface RecorderSetup {
  readonly data: string;
  readonly version: string;
  readonly simulated: boolean;
  /** The run's own link, per exchange recorded. */
  readonly runLinks: Readonly<Record<string, number>>;
  readonly syncMs: number;
  readonly frameBytesMax: number;
  readonly fileBytesMax: number;
  readonly memory: string;
  /** Chunks in the ear's pool: so many may wait here at most. */
  readonly chunks: number;
  /** Greatest share of one core for writing sealed files again, per cent. */
  readonly densePercent: number;
}

export type LogLevel = 'info' | 'warn' | 'error';

/** From the ear to the recorder. */
export type ToRecorder =
  | { readonly kind: 'chunk'; readonly chunk: Chunk }
  | {
      readonly kind: 'stop';
      readonly received: Readonly<Record<number, number>>;
      /** Longest time for finishing store files, ms; what is left over is finished at the next start. */
      readonly finishMs: number;
    };

/** From the recorder to the ear. */
export type FromRecorder =
  | { readonly kind: 'ready'; readonly recovered: readonly RecoveredFile[] }
  | { readonly kind: 'free'; readonly chunks: readonly Uint8Array[] }
  | { readonly kind: 'request'; readonly link: number; readonly request: DecoderRequest }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'status'; readonly markets: readonly MarketStatus[] }
  | { readonly kind: 'stopped'; readonly balance: readonly ExchangeBalance[] }
  | { readonly kind: 'failed'; readonly error: string };

/** What a start found to mend. */
export interface RecoveredFile {
  readonly file: string;
  readonly blocks: number;
  readonly frames: number;
  readonly cutBytes: number;
  readonly cutFile: string | null;
  readonly damages: readonly string[];
  /** Rows that were decoded again from the journal. */
  readonly rows: number;
}

/** One line of the live table. Rates are over the time since the last status. */
export interface MarketStatus {
  readonly exchange: string;
  readonly market: string;
  readonly frames: number;
  readonly bytes: number;
  readonly journalBytes: number;
  readonly streamsAsked: number;
  readonly streamsUp: number;
  /** How far decoding is behind the journal, ms of the tape; 0 while it is not. */
  readonly behindMs: number;
  readonly gapsOpen: number;
  readonly gaps: number;
  readonly lastTrade: { readonly symbol: string; readonly price: number } | null;
  readonly lagMsP50: number | null;
  readonly lagMsP99: number | null;
}

/** The closing balance of one exchange: every difference must be zero (DESIGN guarantee 6). */
export interface ExchangeBalance {
  readonly exchange: string;
  readonly received: number;
  readonly journaled: number;
  readonly outcomes: OutcomeCounts;
  /** Frames that the stop left to the next start to decode. */
  readonly behind: number;
  readonly rows: readonly { readonly table: Table; readonly made: number; readonly stored: number }[];
  readonly checksums: { readonly matched: number; readonly failed: number };
  readonly decoderErrors: number;
  readonly inexactNumbers: number;
  /** Fields that no shape declares, by message and path: how many messages had them. */
  readonly drift: Readonly<Record<string, number>>;
  /** Journal files whose store files will be made at the next start; their rows are in `recent/` and counted as stored. */
  readonly unfinished: readonly string[];
}
