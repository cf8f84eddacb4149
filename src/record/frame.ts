import { viewOf } from './byte-pattern.ts';

/** How a line of the tape is marked, by kind. The marks are the journal's text format (DESIGN section 6). */
export const FRAME_MARKS = {
  received: '<',
  gzip: 'z',
  sent: '>',
  rest: '=',
  event: '!',
} as const;

export type FrameKind = keyof typeof FRAME_MARKS;

const EMPTY = Buffer.alloc(0);

/**
 * One line of a link's tape: a message received or sent, a REST answer, or an event, with its receive time (µs
 * since the epoch), its link and its ordinal within the link.
 *
 * A Frame is a reusable view on bytes that belong to somebody else: it is valid only until the call it was
 * handed to returns. Whoever keeps a message keeps its text.
 */
export class Frame {
  time = 0;
  link = 0;
  ordinal = 0;
  kind: FrameKind = 'received';
  /** The payload is `bytes[start..end)`; of a `gzip` frame it is the inflated text. */
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  #text: string | null = null;
  #view: DataView | null = null;

  /** Points the view at another message. */
  set(
    time: number,
    link: number,
    ordinal: number,
    kind: FrameKind,
    bytes: Buffer,
    start = 0,
    end = bytes.length,
  ): this {
    this.time = time;
    this.link = link;
    this.ordinal = ordinal;
    this.kind = kind;
    // Storing an object that is young costs more than comparing it, and thousands of frames share their bytes.
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.#view = null;
    }
    this.start = start;
    this.end = end;
    this.#text = null;
    return this;
  }

  /** The payload as text; decoded once. Bytes that are not UTF-8 become U+FFFD (the journal keeps the bytes). */
  text(): string {
    let text = this.#text;
    if (text === null) {
      text = this.bytes.toString('utf8', this.start, this.end);
      this.#text = text;
    }
    return text;
  }

  /** `bytes`, to be looked at by words. */
  get view(): DataView {
    this.#view ??= viewOf(this.bytes);
    return this.#view;
  }

  /** The payload's first byte, or -1 of an empty payload: the cheapest way to tell an object from an array. */
  firstByte(): number {
    return this.end > this.start ? (this.bytes[this.start] ?? -1) : -1;
  }
}

/** Makes a frame of text: for tests, for `decode`, and for events. */
export function textFrame(time: number, link: number, ordinal: number, kind: FrameKind, text: string): Frame {
  return new Frame().set(time, link, ordinal, kind, Buffer.from(text));
}

/** A REST answer as it stands in a `=` frame: `<status> <url> <body>`. Status 0: no answer came; the body says why. */
export interface RestAnswer {
  readonly status: number;
  readonly url: string;
  readonly body: string;
}

/** Writes a REST answer as the payload of a `=` frame. */
export function restPayload(answer: RestAnswer): string {
  return `${answer.status} ${answer.url} ${answer.body}`;
}

/** Reads the payload of a `=` frame; null where it is not one. */
export function readRestPayload(payload: string): RestAnswer | null {
  const first = payload.indexOf(' ');
  const second = payload.indexOf(' ', first + 1);
  const status = Number(payload.slice(0, first));
  if (first < 1 || second < 0 || !Number.isInteger(status)) return null;
  return { status, url: payload.slice(first + 1, second), body: payload.slice(second + 1) };
}
