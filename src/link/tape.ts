import type { RestAnswer, TapeEvent } from '../record/index.ts';

/** Where a link writes everything that happens to it. Implemented by the ear; nothing is parsed on this side. */
export interface Tape {
  /**
   * Messages that were read at `time` (µs): `count` of them, the n-th `bytes[spans[2 * n]..spans[2 * n + 1])`. `binary` payloads
   * may be gzip members.
   */
  received(
    link: number,
    bytes: Buffer,
    spans: Uint32Array,
    count: number,
    binary: boolean,
    time: number,
  ): void;
  sent(link: number, text: string): void;
  rest(link: number, answer: RestAnswer): void;
  event(link: number, event: TapeEvent): void;
}
