import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ClosedBy, Connection } from './connection.ts';
import type { Ledger } from './ledger.ts';

const HOST = '127.0.0.1';

/** Longest message a client may send, bytes. */
const CLIENT_MESSAGE_MAX = 1024 * 1024;

/** How long a stop waits for clients to answer the close before it ends their connections, ms. */
const CLOSE_WAIT_MS = 2000;

/** What is served: the simulated exchanges, or a recording of real ones. */
export interface Site {
  /** Somebody dials this path and query; null answers 404. */
  dial(target: string): Call | null;
  /** Somebody asks for this path and query; null answers 404. */
  get(target: string): { readonly status: number; readonly body: string; readonly own: boolean } | null;
}

/** One connection from the server's side. `opened` comes first and `closed` last, each at most once. */
export interface Call {
  readonly exchange: string;
  readonly market: string;
  readonly framing: 'text' | 'gzip';
  /** Protocol pings, every this many ms. */
  readonly pingMs: number | null;
  opened(connection: Connection): void;
  received(text: string): void;
  closed(): void;
}

export interface ListenerCounts {
  /** Connections opened. */
  connections: number;
  /** Dials answered with 404. */
  refused: number;
  /** Frames handed to sockets. */
  frames: number;
  /** REST requests answered, 404 included. */
  requests: number;
  /** Exceptions in a dialect; each ended its connection with 1011. */
  errors: number;
}

/** Decides nothing itself: HTTP and WebSocket on one port of the loopback address, counted and entered in the ledger. */
export class Listener {
  readonly counts: ListenerCounts = { connections: 0, refused: 0, frames: 0, requests: 0, errors: 0 };
  readonly #site: Site;
  readonly #ledger: Ledger;
  readonly #note: (text: string) => void;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: CLIENT_MESSAGE_MAX,
    clientTracking: false,
  });
  readonly #numbers = new WeakMap<IncomingMessage, number>();
  readonly #connections = new Map<Connection, Promise<void>>();
  #port = 0;

  constructor(site: Site, ledger: Ledger, note: (text: string) => void) {
    this.#site = site;
    this.#ledger = ledger;
    this.#note = note;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head));
    this.#server.on('clientError', (_error, stream) => stream.destroy());
    this.#sockets.on('headers', (headers, request) => {
      // Just before the answer goes out: a number is used by connections that really open, and by no others.
      const number = ++this.counts.connections;
      this.#numbers.set(request, number);
      headers.push(`x-feedtape-conn: ${number}`);
    });
    this.#sockets.on('wsClientError', (_error, stream) => stream.destroy());
  }

  get port(): number {
    return this.#port;
  }

  /** Listens on a port, 0 for any. Rejects with the system's error where it is taken. */
  async listen(port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, HOST, resolve);
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => this.#note(`the server failed: ${error.message}`));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this.#port;
  }

  /** Closes all connections with 1001 and resolves when all are closed and the port is free. */
  async close(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    for (const connection of this.#connections.keys()) connection.close(1001, 'the simulator stops');
    const timer = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.terminate();
      this.#server.closeAllConnections();
    }, CLOSE_WAIT_MS);
    await Promise.all(this.#connections.values());
    this.#server.closeIdleConnections();
    await closed.promise;
    clearTimeout(timer);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const target = targetOf(request);
    request.resume();
    let answer: ReturnType<Site['get']> = null;
    if (target !== null && request.method === 'GET') {
      try {
        answer = this.#site.get(target);
      } catch (error) {
        this.#failed(`a REST request for ${target}`, error);
        answer = { status: 500, body: '', own: true };
      }
    }
    const { status, body, own } = answer ?? { status: 404, body: '', own: true };
    this.counts.requests++;
    this.#ledger.write({
      t: 'http',
      url: `http://${HOST}:${this.#port}${target ?? ''}`,
      status,
      data: body,
      own,
    });
    const type = body.startsWith('{') || body.startsWith('[') ? 'application/json' : 'text/plain';
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => stream.destroy());
    const target = targetOf(request);
    let call: Call | null = null;
    try {
      call = target === null ? null : this.#site.dial(target);
    } catch (error) {
      this.#failed(`a dial of ${target}`, error);
    }
    if (call === null) {
      this.counts.refused++;
      const reply = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
      stream.end(reply, () => stream.destroy());
      return;
    }
    const { exchange, market } = call;
    const answered = call;
    this.#sockets.handleUpgrade(request, stream, head, (socket) => {
      const number = this.#numbers.get(request) ?? 0;
      this.#ledger.write({
        t: 'open',
        conn: number,
        exchange,
        market,
        url: `ws://${HOST}:${this.#port}${target}`,
      });
      this.#serve(new Connection(number, socket, stream, answered.framing, this.#ledger), socket, answered);
    });
  }

  #serve(connection: Connection, socket: WebSocket, call: Call): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#connections.set(connection, promise);
    const ping = call.pingMs === null ? undefined : setInterval(() => connection.ping(), call.pingMs);
    const guarded = (what: string, act: () => void): void => {
      try {
        act();
      } catch (error) {
        this.#failed(`${what} on connection ${connection.number}`, error);
        connection.close(1011, 'the simulator failed');
      }
    };
    let broke = false;
    socket.on('message', (data: Buffer, binary) => {
      if (!binary) guarded('a message', () => call.received(data.toString('utf8')));
    });
    socket.on('error', () => {
      broke = true;
    });
    socket.on('close', (code, reason) => {
      clearInterval(ping);
      this.counts.frames += connection.frames;
      this.#connections.delete(connection);
      guarded('the close', () => call.closed());
      const by: ClosedBy = connection.closedBySimulator
        ? 'simulator'
        : broke || code === 1006
          ? 'network'
          : 'client';
      const { number: conn, frames } = connection;
      this.#ledger.write({ t: 'close', conn, code, reason: reason.toString('utf8'), by, frames });
      resolve();
    });
    guarded('the opening', () => call.opened(connection));
  }

  #failed(what: string, error: unknown): void {
    this.counts.errors++;
    this.#note(`${what} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

/** Path and query of a request; null where it asks for neither. */
function targetOf(request: IncomingMessage): string | null {
  const target = request.url ?? '';
  return target.startsWith('/') ? target : null;
}
