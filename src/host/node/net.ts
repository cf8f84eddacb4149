import WebSocket from 'ws';
import type { Dialer, Http, Socket, SocketEvents, TapeClock } from '../host.ts';

/** Longest time for the WebSocket handshake, ms. */
const HANDSHAKE_MS = 15_000;
/** Longest wait for the other side's closing handshake after a frame that breaks the rules, ms. */
const FAREWELL_MS = 1000;
/** Longest time for a REST answer, ms. */
const REST_MS = 20_000;
/** Largest REST answer taken, bytes. */
const REST_BYTES_MAX = 64 * 1024 * 1024;

/** The real dialer, over `ws`; permessage-deflate is off, and text is not checked for UTF-8 (the journal does). */
export function nodeDialer(frameBytesMax: number, clock: TapeClock): Dialer {
  return { dial: (url, events) => new NodeSocket(url, frameBytesMax, events, clock) };
}

class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  #bytes: (() => number) | null = null;

  constructor(url: string, frameBytesMax: number, events: SocketEvents, clock: TapeClock) {
    let readAt = 0;
    let failure: Error | null = null;
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: frameBytesMax,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
    });
    this.#socket = socket;
    socket.on('upgrade', (response) => {
      const { socket: stream } = response;
      this.#bytes = () => stream.bytesRead;
      // Before the listener of ws, which takes the messages of a read apart at once: one stamp serves them all.
      readAt = clock.now();
      stream.prependListener('data', () => {
        readAt = clock.now();
      });
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers))
        if (typeof value === 'string' && name !== 'set-cookie') headers[name] = value;
      socket.once('open', () => events.opened(headers));
    });
    socket.on('message', (payload, binary) => events.message(payload as Buffer, binary, readAt));
    socket.on('error', (error) => {
      failure = error;
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
