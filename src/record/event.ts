import type { Json } from './json.ts';
import type { Stream } from './stream.ts';

/**
 * The events of a tape (`!` lines): what happened to a link or to the run, as data. Rows about breaks are made from
 * these lines and from nothing else, so that live and replay agree.
 */
export type TapeEvent =
  /** A run begins (run's link). Links of an earlier run that never said `closed` ended with it. */
  | {
      readonly event: 'started';
      readonly version: string;
      readonly exchange: string;
      readonly simulated: boolean;
    }
  /** The first line of a journal file (run's link): everything needed to route the file alone. */
  | {
      readonly event: 'file';
      readonly format: number;
      readonly exchange: string;
      readonly links: readonly OpenLink[];
    }
  /** The last line of a journal file (run's link). */
  | {
      readonly event: 'sealed';
      readonly blocks: number;
      readonly frames: Readonly<Record<string, number>>;
      readonly sha256: string;
      readonly repaired: boolean;
    }
  | {
      readonly event: 'dialled';
      readonly exchange: string;
      readonly market: string;
      readonly url: string;
      readonly streams: readonly Stream[];
    }
  | { readonly event: 'opened'; readonly headers: Readonly<Record<string, string>> }
  /** `by`: who ended it. `stopping`: part of an orderly stop of the run. */
  | {
      readonly event: 'closed';
      readonly code: number;
      readonly reason: string;
      readonly by: 'exchange' | 'us' | 'network';
      readonly stopping: boolean;
    }
  | { readonly event: 'refused'; readonly streams: readonly Stream[]; readonly reason: string }
  /** Nothing came on these streams though something should have, since `since` (µs). */
  | {
      readonly event: 'silent';
      readonly streams: readonly Stream[];
      readonly since: number;
      readonly detail: string;
    }
  /** The ear had to wait for a free chunk: stamps of the frames that follow may be late by up to `ms`. */
  | { readonly event: 'late'; readonly ms: number }
  /** The wall clock was set: a new anchor, `offset` µs away from the old one. */
  | { readonly event: 'clock-step'; readonly offset: number }
  | { readonly event: 'note'; readonly text: string };

/** A link that was open when a journal file began. */
export interface OpenLink {
  readonly link: number;
  readonly market: string;
  readonly url: string;
  readonly streams: readonly Stream[];
  readonly routing: Json;
}

/** The number in the `file` event: raised when lines or events change their meaning. */
export const TAPE_FORMAT = 1;
