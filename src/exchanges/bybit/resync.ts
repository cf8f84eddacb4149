import type { Json } from '../../record/index.ts';
import type { DecoderHost } from '../exchange.ts';
import { requestText } from './subscribe.ts';

/** A fresh snapshot that has not come after this long is asked for again, µs (protocols/bybit.md 11.1: not faster than one in a few seconds). */
const ASK_AGAIN_AFTER = 5_000_000;

/** Gets a fresh snapshot of a topic, which there is only one way to get: leave it and subscribe again (protocols/bybit.md 11.1). */
export class Resync {
  readonly #host: DecoderHost;
  readonly #stream: number;
  readonly #topic: string;
  /** When a snapshot was asked for, or the wait for the first one was noticed, µs; null: none is missing. */
  #since: number | null = null;

  constructor(host: DecoderHost, stream: number, topic: string) {
    this.#host = host;
    this.#stream = stream;
    this.#topic = topic;
  }

  /** Asks for a snapshot. */
  ask(): void {
    this.#since = this.#now();
    // One id for both: their acks come in order, and the stream's number is unique on the link.
    const id = `resync_${this.#stream}`;
    const texts = [
      requestText('unsubscribe', id, [this.#topic]),
      requestText('subscribe', id, [this.#topic]),
    ];
    this.#host.request({ kind: 'send', stream: this.#stream, texts });
  }

  /** A message came that needs a snapshot before it: asks where the wait has become too long. */
  wait(): void {
    const now = this.#now();
    this.#since ??= now;
    if (now - this.#since >= ASK_AGAIN_AFTER) this.ask();
  }

  /** The snapshot came. */
  done(): void {
    this.#since = null;
  }

  #now(): number {
    return this.#host.rows.position().time;
  }

  state(): Json {
    return this.#since;
  }

  restore(state: Json): void {
    this.#since = typeof state === 'number' ? state : null;
  }
}
