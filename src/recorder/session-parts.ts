import type { DecoderRequest, LinkDecoder, Outcome } from '../exchanges/index.ts';

/** How received frames were counted, each once (DESIGN guarantee 6). */
export type OutcomeCounts = Record<Outcome, number>;

export interface SessionLink {
  readonly link: number;
  readonly market: string;
  readonly url: string;
  readonly decoder: LinkDecoder;
  /** Stream codes this link carries, as planned and as asked by messages. */
  readonly streams: Set<number>;
  /** When the link last received anything (or was dialled), µs. */
  lastTime: number;
}

/** What the session tells a live recorder; a replay leaves it out. */
export interface SessionHooks {
  /** A decoder wishes something of its link. `frame` is the ordinal of the frame that caused it. */
  request?(link: number, frame: number, request: DecoderRequest): void;
}
