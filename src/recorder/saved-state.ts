import type { Channel, Json } from '../record/index.ts';

/** Market, channel, feed and symbol of a stream code: the codes of a state are places in this list. */
type SavedEntry = [string, Channel | null, string | null, string | null];

/** What `Session.state()` gives: the state file beside a journal file holds it as compressed JSON. */
export interface SavedState {
  readonly decoderVersion: number;
  readonly streams: readonly SavedEntry[];
  readonly gaps: [number, Json][];
  readonly steps: [number, number][];
  readonly trades: Record<string, (string | number)[]>;
  readonly links: readonly {
    link: number;
    market: string;
    url: string;
    streams: number[];
    lastTime: number;
    decoder: Json;
  }[];
}
