import type { DialectSession } from '../exchanges/index.ts';
import type { Connection } from './connection.ts';
import type { Random } from './random.ts';

/** Messages a second where no rate is asked for. */
export const RATE_DEFAULT = 300;

/** How often the loop looks at the clock, ms. */
const SLICE_MS = 3;

/** Longest stretch of publishing before sockets and timers get their turn, ms. */
const BUSY_MS = 25;

/** More than this much time's messages are never owed: what is beyond is dropped and counted. */
const DEBT_MS_MAX = 250;

/** Between two notes that the rate is not reached, ms. */
const NOTE_MS = 5000;

/** A session that can be published to. */
export interface Subscriber {
  readonly session: DialectSession;
  readonly connection: Connection;
  /** Called where `publish` threw. */
  failed(error: unknown): void;
}

/**
 * Makes the markets speak: `rate` data messages a second over all sessions that have subscriptions, each message
 * going to a session chosen by chance in proportion to its subscriptions. It owes what time asks for, up to a bound,
 * and pays in slices; what it cannot pay it drops, counts and says, so that it never spirals.
 */
export class Publisher {
  published = 0;
  notKeptUp = 0;
  backpressure = 0;
  readonly #rate: number;
  readonly #random: Random;
  readonly #subscribers: Iterable<Subscriber>;
  readonly #mayPublish: () => boolean;
  readonly #note: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #debt = 0;
  #lastMs = 0;
  #notedMs = Number.NEGATIVE_INFINITY;
  #notedDrops = 0;

  /** `mayPublish` is asked before each slice: false while the ledger waits for the disk. */
  constructor(
    rate: number,
    random: Random,
    subscribers: Iterable<Subscriber>,
    mayPublish: () => boolean,
    note: (text: string) => void,
  ) {
    this.#rate = rate;
    this.#random = random;
    this.#subscribers = subscribers;
    this.#mayPublish = mayPublish;
    this.#note = note;
  }

  start(): void {
    this.#lastMs = performance.now();
    this.#timer = setTimeout(() => this.#slice(), SLICE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #slice(): void {
    const now = performance.now();
    this.#owe(((now - this.#lastMs) * this.#rate) / 1000, now);
    this.#lastMs = now;
    if (this.#debt >= 1 && this.#mayPublish()) {
      const ready = this.#ready();
      // Nobody listens, or nobody reads: there is nothing to be owed.
      if (ready.length === 0) this.#debt = 0;
      else this.#publish(ready, now + BUSY_MS);
    }
    if (this.#timer !== undefined)
      this.#timer = setTimeout(() => this.#slice(), this.#debt >= 1 ? 0 : SLICE_MS);
  }

  #owe(messages: number, now: number): void {
    this.#debt += messages;
    const most = Math.max(1, (this.#rate * DEBT_MS_MAX) / 1000);
    if (this.#debt <= most) return;
    this.notKeptUp += Math.floor(this.#debt - most);
    this.#debt = most;
    const dropped = this.notKeptUp - this.#notedDrops;
    // A hiccup is counted; what goes on is said.
    if (now - this.#notedMs < NOTE_MS || dropped < most) return;
    this.#note(
      `cannot keep up with ${this.#rate} messages a second: ${dropped} were not made; ask for a lower --rate`,
    );
    this.#notedMs = now;
    this.#notedDrops = this.notKeptUp;
  }

  #ready(): Subscriber[] {
    const ready: Subscriber[] = [];
    for (const subscriber of this.#subscribers) {
      if (subscriber.session.active === 0 || !subscriber.connection.open) continue;
      if (subscriber.connection.backedUp) this.backpressure++;
      else ready.push(subscriber);
    }
    return ready;
  }

  #publish(ready: readonly Subscriber[], untilMs: number): void {
    const upTo: number[] = [];
    let total = 0;
    for (const { session } of ready) {
      total += session.active;
      upTo.push(total);
    }
    for (const { connection } of ready) connection.cork();
    for (let n = 0; this.#debt >= 1; n++) {
      if (n % 8 === 7 && performance.now() > untilMs) break;
      const drawn = this.#random.next() * total;
      const index = upTo.findIndex((sum) => drawn < sum);
      const subscriber = ready[index];
      if (subscriber !== undefined) this.#publishOne(subscriber);
    }
    for (const { connection } of ready) connection.uncork();
  }

  #publishOne(subscriber: Subscriber): void {
    const { connection, session } = subscriber;
    const before = connection.frames;
    try {
      // It may have been closed within this slice.
      if (connection.open) session.publish();
    } catch (error) {
      subscriber.failed(error);
    }
    const made = connection.frames - before;
    this.published += made;
    // A session that had nothing to say still took its turn, or a silent market would hold the loop for ever.
    this.#debt -= Math.max(1, made);
  }
}
