import type { Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { WebSocket } from 'ws';
import type { Ledger } from './ledger.ts';

/** A session whose socket holds more than this is not published to until it has drained, bytes. */
export const SOCKET_BACKLOG_MAX = 8 * 1024 * 1024;

/** A client that makes us answer and never reads is cut off here, bytes. */
const SOCKET_BACKLOG_FATAL = 4 * SOCKET_BACKLOG_MAX;

/** Who ended a connection, as far as the server can tell. */
export type ClosedBy = 'client' | 'simulator' | 'network';

/** One open WebSocket: frames go out here and nowhere else, so that the ledger has each of them. */
export class Connection {
  readonly number: number;
  /** Frames handed to the socket. */
  frames = 0;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #framing: 'text' | 'gzip';
  readonly #ledger: Ledger;
  #closedBySimulator = false;

  constructor(number: number, socket: WebSocket, stream: Duplex, framing: 'text' | 'gzip', ledger: Ledger) {
    this.number = number;
    this.#socket = socket;
    this.#stream = stream;
    this.#framing = framing;
    this.#ledger = ledger;
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** More waits in the socket than should. */
  get backedUp(): boolean {
    return this.#socket.bufferedAmount > SOCKET_BACKLOG_MAX;
  }

  get closedBySimulator(): boolean {
    return this.#closedBySimulator;
  }

  /** Sends a message in the exchange's framing; nothing where the connection is not open any more. */
  send(text: string, own: boolean, fault?: string): void {
    if (!this.open) return;
    if (this.#framing === 'gzip') this.#socket.send(gzipSync(text, { level: 1 }));
    else this.#socket.send(text);
    this.#handed({ data: text }, own, fault);
  }

  /** Sends a text frame, whatever the framing. */
  sendText(text: string, own: boolean): void {
    if (!this.open) return;
    this.#socket.send(text);
    this.#handed({ data: text }, own);
  }

  /** Sends a binary frame as it stands; `text` is what it says, where it is text in some packing. */
  sendBinary(bytes: Buffer, text: string | null, own: boolean): void {
    if (!this.open) return;
    this.#socket.send(bytes);
    this.#handed(text === null ? { b64: bytes.toString('base64') } : { data: text }, own);
  }

  #handed(payload: { data: string } | { b64: string }, own: boolean, fault?: string): void {
    this.frames++;
    this.#ledger.write({
      t: 'recv',
      conn: this.number,
      ...payload,
      own,
      ...(fault === undefined ? {} : { fault }),
    });
    if (this.#socket.bufferedAmount > SOCKET_BACKLOG_FATAL) this.terminate();
  }

  /** What is sent until `uncork` travels in one write: at high rates the system call costs more than the message. */
  cork(): void {
    this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  /** A protocol ping. */
  ping(): void {
    if (this.open) this.#socket.ping();
  }

  /** Starts the closing handshake; what was sent before still arrives. */
  close(code: number, reason: string): void {
    this.#closedBySimulator = true;
    this.#socket.close(code, reason);
  }

  /** Ends it at once: the client sees 1006, and the last frames may be lost. */
  terminate(): void {
    this.#closedBySimulator = true;
    this.#socket.terminate();
  }
}
