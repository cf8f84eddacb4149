import { isIP, connect as netConnect, type Socket as Stream, type TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import WebSocket from 'ws';
import type { Dialer, Http, Socket, SocketEvents, TapeClock } from '../host.ts';
import { FastLane } from './fast-lane.ts';

/** Longest time for the WebSocket handshake, ms. */
const HANDSHAKE_MS = 15_000;
/** Longest wait for the other side's closing handshake after a frame that breaks the rules, ms. */
const FAREWELL_MS = 1000;
/** Longest time for a REST answer, ms. */
const REST_MS = 20_000;
/** Largest REST answer taken, bytes. */
const REST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The real dialer, over `ws`; permessage-deflate is off, and text is not checked for UTF-8 (the journal does). What is read
 * goes through `memory`, which all connections share: its length is what one read brings at most.
 */
export function nodeDialer(frameBytesMax: number, clock: TapeClock, memory: Buffer): Dialer {
  return { dial: (url, events) => new NodeSocket(url, frameBytesMax, events, clock, memory) };
}

class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  #bytes: (() => number) | null = null;

  constructor(url: string, frameBytesMax: number, events: SocketEvents, clock: TapeClock, memory: Buffer) {
    let failure: Error | null = null;
    const reads = new Reads(frameBytesMax, events, clock, memory);
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: frameBytesMax,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
      createConnection: (options: unknown) => reads.connect(url, options as ConnectOptions),
    } as WebSocket.ClientOptions);
    this.#socket = socket;
    socket.on('upgrade', (response) => {
      const { socket: stream } = response;
      this.#bytes = () => stream.bytesRead;
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers))
        if (typeof value === 'string' && name !== 'set-cookie') headers[name] = value;
      socket.once('open', () => {
        reads.begin(stream);
        events.opened(headers);
      });
    });
    socket.on('message', (payload, binary) => reads.message(payload as Buffer, binary));
    socket.on('error', (error) => {
      failure = error;
      reads.end();
      // A frame that breaks the rules: ws has stopped reading, and would wait long for the other side's farewell.
      if (socket.readyState === WebSocket.CLOSING) setTimeout(() => socket.terminate(), FAREWELL_MS).unref();
    });
    socket.on('close', (code, reason) => events.closed(closeCode(code, failure), reason.toString(), failure));
  }

  get bytesReceived(): number {
    return this.#bytes?.() ?? 0;
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

type ConnectOptions = TcpNetConnectOpts & ConnectionOptions;

/**
 * The reads of one connection: stamped once each, and taken apart before `ws` sees what is left of them. All go through one
 * piece of memory, and so do those of other connections, since each is done with before the next one: with memory of each
 * read's own, collecting it again took the ear a fifth of its time.
 */
class Reads {
  readonly #frameBytesMax: number;
  readonly #events: SocketEvents;
  readonly #clock: TapeClock;
  readonly #memory: Buffer;
  #lane: FastLane | null = null;
  #readAt = 0;
  #isEnded = false;

  constructor(frameBytesMax: number, events: SocketEvents, clock: TapeClock, memory: Buffer) {
    this.#frameBytesMax = frameBytesMax;
    this.#events = events;
    this.#clock = clock;
    this.#memory = memory;
  }

  /** Connects as `ws` would, but for where reads go. */
  connect(url: string, options: ConnectOptions): Stream {
    const callback = (bytes: number): boolean => {
      this.#read(stream, this.#memory.subarray(0, bytes));
      return true;
    };
    const reusing = { ...options, path: undefined, onread: { buffer: this.#memory, callback } };
    const servername = options.servername ?? (isIP(options.host ?? '') ? '' : options.host);
    const stream = url.startsWith('wss:')
      ? tlsConnect({ ...reusing, servername })
      : netConnect(reusing as TcpNetConnectOpts);
    return stream;
  }

  /** Whoever listens to the stream may keep what it gets; and what waits there goes first. */
  #read(stream: Stream, bytes: Buffer): void {
    if (this.#lane === null || stream.readableLength > 0) stream.push(Buffer.from(bytes));
    else this.#take(this.#lane, bytes);
  }

  #take(lane: FastLane, bytes: Buffer): void {
    this.#readAt = this.#clock.now();
    if (!this.#isEnded) lane.take(bytes);
  }

  /** Steps between the connection and the one listener that `ws` has on it; where it has others, `ws` reads alone. */
  begin(stream: Stream): void {
    this.#readAt = this.#clock.now();
    const [listener, ...others] = stream.listeners('data');
    if (listener === undefined || others.length > 0) {
      stream.prependListener('data', () => {
        this.#readAt = this.#clock.now();
      });
      return;
    }
    const lane = new FastLane({
      payloadBytesMax: this.#frameBytesMax,
      // `ws` keeps what it cannot use at once.
      forward: (bytes) => listener.call(stream, Buffer.from(bytes)),
      messages: (bytes, spans, count, binary) =>
        this.#events.messages(bytes, spans, count, binary, this.#readAt),
    });
    this.#lane = lane;
    stream.on('data', (chunk: Buffer) => this.#take(lane, chunk));
    stream.off('data', listener as (chunk: Buffer) => void);
  }

  /** A message that `ws` has put together. */
  message(payload: Buffer, binary: boolean): void {
    this.#events.messages(payload, Uint32Array.of(0, payload.length), 1, binary, this.#readAt);
  }

  /** `ws` has found a fault and reads no more. */
  end(): void {
    this.#isEnded = true;
  }
}

/** `ws` reports a frame above the limit as an error and closes with 1009 itself, but tells its own side 1006. */
function closeCode(code: number, failure: Error | null): number {
  return (failure as NodeJS.ErrnoException | null)?.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    ? 1009
    : code;
}

/** The real REST client. It never rejects: no answer is status 0 with the reason as body. */
export const nodeHttp: Http = {
  async get(url) {
    try {
      const response = await fetch(url, {
        signal: AbortSignal.timeout(REST_MS),
        redirect: 'error',
        headers: { accept: 'application/json' },
      });
      const retryAfterMs = readRetryAfter(response.headers.get('retry-after'));
      return { status: response.status, body: await readBody(response), retryAfterMs };
    } catch (error) {
      const cause = (error as Error).cause;
      const detail = cause instanceof Error ? `: ${cause.message}` : '';
      return { status: 0, body: `${(error as Error).message}${detail}`, retryAfterMs: null };
    }
  },
};

/** Seconds, or a date (RFC 9110 10.2.3), as ms from now; null where it is neither. */
function readRetryAfter(text: string | null): number | null {
  if (text === null || text.trim() === '') return null;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

async function readBody(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > REST_BYTES_MAX) throw new Error(`the answer is larger than ${REST_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
