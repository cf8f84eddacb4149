import type { RestAnswer, TapeEvent } from '../record/index.ts';

/** Where a link writes everything that happens to it. Implemented by the ear; nothing is parsed on this side. */
export interface Tape {
  /** A message, `bytes[start..end)`, that was read at `time` (µs). `binary` payloads may be gzip members. */
  received(link: number, bytes: Buffer, start: number, end: number, binary: boolean, time: number): void;
  sent(link: number, text: string): void;
  rest(link: number, answer: RestAnswer): void;
  event(link: number, event: TapeEvent): void;
}
