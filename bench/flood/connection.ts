import type { Duplex } from 'node:stream';
import type { Tape } from './tape.ts';
import { ClientFrames, closeFrame, pingFrame, pongFrame, textFrame } from './websocket.ts';

/** How much a connection gets, and how fast. */
export interface Pace {
  /** Messages in all. */
  readonly messages: number;
  /** Messages a second; null: as fast as the socket takes them. */
  readonly rate: number | null;
  /** Time after which it ends, ms; null: never. */
  readonly forMs: number | null;
}

/** Between the small bursts of a paced flood, ms. */
const BURST_MS = 5;
const BATCH_BYTES = 128 * 1024;
/** A quiet connection stays alive by the server's pings. */
const PING_MS = 15_000;

/**
 * One client of the flood.
 *
 *     subscribing --all streams asked for--> joining --every snapshot asked for--> flooding --all sent--> quiet
 *
 * A reader of bare frames (path `/bare`) subscribes to nothing and joins nothing: it starts at `flooding`. In
 * `joining` the client has the first diff of every book, and the flood waits for it to ask for the snapshots: a diff
 * that came between would have to be held.
 */
export class Connection {
  readonly #socket: Duplex;
  readonly #pace: Pace;
  readonly #say: (line: string) => void;
  readonly #frames = new ClientFrames();
  readonly #batch = Buffer.allocUnsafe(BATCH_BYTES);
  readonly #ping: NodeJS.Timeout;
  readonly #unsubscribed: Set<string>;
  readonly #tape: () => Tape;
  #unjoined: Set<string>;
  #phase: 'subscribing' | 'joining' | 'flooding' | 'quiet' = 'subscribing';
  #sent = 0;
  #began = 0;

  constructor(
    socket: Duplex,
    streams: { readonly names: readonly string[]; readonly tape: () => Tape },
    pace: Pace,
    say: (line: string) => void,
  ) {
    this.#socket = socket;
    this.#pace = pace;
    this.#say = say;
    this.#tape = streams.tape;
    this.#unsubscribed = new Set(streams.names);
    this.#unjoined = new Set(streams.names.filter((name) => name.includes('@depth')).map(symbolOf));
    this.#ping = setInterval(() => socket.write(pingFrame()), PING_MS);
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    // A socket from an HTTP server stays half open unless it is told not to.
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#end());
  }

  #read(bytes: Buffer): void {
    for (const frame of this.#frames.read(bytes)) {
      if (frame.kind === 'ping') this.#socket.write(pongFrame(frame.payload));
      // Answered behind all that was written, so that the client has everything when it sees the answer.
      else if (frame.kind === 'close') this.#socket.end(closeFrame());
      else if (frame.kind === 'text') this.#request(frame.text);
    }
  }

  #request(text: string): void {
    const { method, params, id } = JSON.parse(text) as { method?: string; params?: string[]; id?: unknown };
    this.#socket.write(textFrame(`{"result":null,"id":${JSON.stringify(id)}}`));
    if (method !== 'SUBSCRIBE' || this.#phase !== 'subscribing') return;
    for (const name of params ?? []) this.#unsubscribed.delete(name);
    if (this.#unsubscribed.size > 0) return;
    this.#phase = 'joining';
    if (this.#unjoined.size === 0) this.flood();
    else this.#send(this.#tape().lead);
  }

  /** The client asked REST for the book of a symbol. */
  joined(symbol: string): void {
    if (this.#phase === 'joining' && this.#unjoined.delete(symbol) && this.#unjoined.size === 0) this.flood();
  }

  /** Begins the flood. */
  flood(): void {
    this.#phase = 'flooding';
    // The tape may have to be made first: that is no part of anybody's time.
    this.#tape();
    this.#say('go');
    this.#began = performance.now();
    this.#more();
  }

  #more(): void {
    if (this.#phase !== 'flooding') return;
    const { messages, rate, forMs } = this.#pace;
    const elapsed = performance.now() - this.#began;
    const due = rate === null ? messages : Math.min(messages, Math.floor((rate * elapsed) / 1000));
    if (this.#sent >= messages || (forMs !== null && elapsed >= forMs)) this.#finish(due);
    else if (due > this.#sent) this.#send(due - this.#sent, () => this.#more());
    else setTimeout(() => this.#more(), BURST_MS);
  }

  /** Writes at most `most` messages, one batch; the batch is free again when `then` is called. */
  #send(most: number, then: () => void = () => undefined): void {
    const { messages, bytes } = this.#tape().play(this.#sent, most, this.#batch);
    this.#sent += messages;
    this.#socket.write(this.#batch.subarray(0, bytes), (error) => {
      if (!error) then();
    });
  }

  #finish(due: number): void {
    this.#phase = 'quiet';
    this.#say(`sent ${this.#sent} of ${this.#pace.rate === null ? this.#sent : due} due`);
  }

  /** A client may be gone with everything before the last write is confirmed; or before its time. */
  #end(): void {
    clearInterval(this.#ping);
    if (this.#phase !== 'quiet') this.#finish(this.#pace.messages);
    this.#say('gone');
  }
}

function symbolOf(name: string): string {
  return name.slice(0, name.indexOf('@')).toUpperCase();
}
