import { RecordedAnswers } from './answers.ts';
import type { Capture, RecordedConnection, RecordedLine } from './capture.ts';
import type { Connection } from './connection.ts';
import { Inbox } from './inbox.ts';
import type { Ledger } from './ledger.ts';
import type { Call, Site } from './listener.ts';
import { PingAnswers } from './ping-answers.ts';

/** How long a recorded `sent` line waits for the client to say the same, ms. */
export const WAIT_MS = 15_000;

/** The same once a client has missed one: it is another client than the recorded one. */
const WAIT_AGAIN_MS = 1000;

/** Frames sent at a stretch before sockets and timers get their turn. */
const BURST = 256;

/** How often a full socket or a busy ledger is looked at, ms. */
const ROOM_MS = 5;

/** Protocol pings keep a connection alive when the recording is over, ms. */
const PING_MS = 10_000;

const CLOSE_CODES_SENDABLE = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

export interface ReplayOptions {
  /** As fast as the client reads, instead of at the recorded pace. */
  readonly fast: boolean;
  /** See `WAIT_MS`. */
  readonly waitMs: number;
}

/**
 * Plays a capture to whoever dials the recorded paths: each client gets its connection from the start, and where
 * several recorded connections have the same path they are dialled in order, over and over.
 */
export class ReplaySite implements Site {
  readonly counts = { replayed: 0 };
  readonly #connections = new Map<string, RecordedConnection[]>();
  readonly #dials = new Map<string, number>();
  readonly #answers: RecordedAnswers;
  readonly #options: ReplayOptions;
  readonly #ledger: Ledger;
  readonly #note: (text: string) => void;

  constructor(capture: Capture, options: ReplayOptions, ledger: Ledger, note: (text: string) => void) {
    for (const connection of capture.connections) {
      const key = dialKey(connection.url);
      const sharing = this.#connections.get(key);
      if (sharing === undefined) this.#connections.set(key, [connection]);
      else sharing.push(connection);
    }
    this.#answers = new RecordedAnswers(capture.answers);
    this.#options = options;
    this.#ledger = ledger;
    this.#note = note;
  }

  dial(target: string): Call | null {
    const url = URL.parse(`ws://localhost${target}`);
    const key = url === null ? '' : dialKey(url);
    const sharing = this.#connections.get(key);
    if (sharing === undefined) {
      this.#note(`no recorded connection has the path ${target.slice(0, 200)}`);
      return null;
    }
    const dials = this.#dials.get(key) ?? 0;
    const recorded = sharing[dials % sharing.length];
    if (recorded === undefined) return null;
    return new ReplayCall(recorded, this.#options, this.#ledger, this.#note, this.counts, () =>
      this.#dials.set(key, dials + 1),
    );
  }

  get(target: string): { status: number; body: string; own: boolean } | null {
    const answer = this.#answers.find(target);
    if (answer === null) {
      this.#note(`no recorded REST answer fits ${target.slice(0, 200)}`);
      return null;
    }
    return { status: answer.status, body: answer.body, own: true };
  }
}

/** Path and query, whatever the order of the query and however its characters are escaped. */
function dialKey(url: URL): string {
  return `${url.pathname} ${JSON.stringify([...url.searchParams].sort())}`;
}

/** One client and the recorded connection it dialled. */
class ReplayCall implements Call {
  readonly exchange: string;
  readonly market: string;
  readonly framing = 'text';
  readonly pingMs = PING_MS;
  readonly #recorded: RecordedConnection;
  readonly #options: ReplayOptions;
  readonly #ledger: Ledger;
  readonly #note: (text: string) => void;
  readonly #counts: { replayed: number };
  readonly #dialled: () => void;
  readonly #inbox = new Inbox();
  readonly #answering: PingAnswers | null;
  #connection: Connection | null = null;
  #ended = false;
  #missed = false;
  #wake: () => void = () => undefined;

  constructor(
    recorded: RecordedConnection,
    options: ReplayOptions,
    ledger: Ledger,
    note: (text: string) => void,
    counts: { replayed: number },
    dialled: () => void,
  ) {
    this.exchange = recorded.exchange?.name ?? '';
    this.market = recorded.market;
    this.#recorded = recorded;
    this.#options = options;
    this.#ledger = ledger;
    this.#note = note;
    this.#counts = counts;
    this.#dialled = dialled;
    this.#answering = recorded.exchange === null ? null : new PingAnswers(recorded.exchange, recorded);
  }

  opened(connection: Connection): void {
    this.#connection = connection;
    this.#dialled();
    this.#play(connection).catch((error: unknown) => {
      this.#note(`the replay of ${this.#recorded.conn} failed: ${String(error)}`);
      connection.close(1011, 'the replay failed');
    });
  }

  received(text: string): void {
    if (this.#answering?.isPing(text) === true) {
      if (this.#connection !== null) this.#answering.answer(text, this.#connection);
      return;
    }
    this.#inbox.add(text);
    this.#wake();
  }

  closed(): void {
    this.#ended = true;
    this.#wake();
  }

  async #play(connection: Connection): Promise<void> {
    const { fast } = this.#options;
    /** Added to a recorded time, this is the time to play it at, ms. */
    let shiftMs = performance.now() - this.#recorded.ts * 1000;
    let burst = 0;
    for (const line of this.#recorded.lines) {
      if (!fast) await this.#until(line.ts * 1000 + shiftMs);
      await this.#room(connection);
      if (++burst % BURST === 0) await this.#pause(0);
      if (this.#ended) return;
      if (line.kind === 'sent') {
        await this.#heard(line.text);
        shiftMs = Math.max(shiftMs, performance.now() - line.ts * 1000);
      } else this.#playLine(line, connection);
    }
    this.#note(
      `connection ${connection.number}: all ${this.#recorded.lines.length} lines of ${this.#recorded.conn} are played; it stays open`,
    );
  }

  #playLine(line: Exclude<RecordedLine, { kind: 'sent' }>, connection: Connection): void {
    const before = connection.frames;
    if (line.kind === 'recv') connection.sendText(line.text, false);
    else if (line.kind === 'binary') connection.sendBinary(line.bytes, line.text, false);
    else if (CLOSE_CODES_SENDABLE.includes(line.code) || (line.code >= 3000 && line.code < 5000))
      connection.close(line.code, line.reason.slice(0, 30));
    else connection.terminate();
    this.#counts.replayed += connection.frames - before;
  }

  /** Waits until the client has said what was recorded, within the deadline. Pings are the client's own affair. */
  async #heard(text: string): Promise<void> {
    if (this.#answering?.isPing(text) === true) return;
    const deadline = performance.now() + (this.#missed ? WAIT_AGAIN_MS : this.#options.waitMs);
    while (!this.#ended && !this.#inbox.take(text)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        this.#missed = true;
        this.#note(
          `connection ${this.#connection?.number}: going on without the client's message ${text.slice(0, 200)}`,
        );
        return;
      }
      await this.#pause(leftMs);
    }
  }

  async #until(dueMs: number): Promise<void> {
    while (!this.#ended && performance.now() < dueMs) await this.#pause(dueMs - performance.now());
  }

  async #room(connection: Connection): Promise<void> {
    while (!this.#ended && (connection.backedUp || this.#ledger.full)) await this.#pause(ROOM_MS);
  }

  /** Waits this long, or until the client says something or leaves. */
  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(ms, 2 ** 30));
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }
}
