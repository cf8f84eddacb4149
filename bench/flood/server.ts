import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Connection, type Pace } from './connection.ts';
import { snapshot } from './market.ts';
import { Random } from './random.ts';
import { type Mode, nameOf, Script } from './script.ts';
import { Tape } from './tape.ts';
import { upgradeAnswer } from './websocket.ts';

/**
 * Serves one mode of the flood as Binance would: WebSocket and REST at one port.
 *
 *     /bare                               WebSocket, combined form, subscribes to nothing
 *     /stream?timeUnit=MICROSECOND        WebSocket, combined form; times in ms without the query, and of futures always
 *     /ws, or any path with a part ws     WebSocket, payloads without their wrapper
 *     /…/depth?symbol=S                   the book that the first diff of S continues
 *     /…/exchangeInfo                     as much of it as a client needs to count its request weight
 */
export class FloodServer {
  readonly #mode: Mode;
  readonly #pace: Pace;
  readonly #say: (line: string) => void;
  readonly #tapes = new Map<string, Tape>();
  readonly #connections = new Set<Connection>();
  readonly #http = createServer((request, response) => this.#answer(request, response));

  constructor(mode: Mode, pace: Pace, say: (line: string) => void) {
    this.#mode = mode;
    this.#pace = pace;
    this.#say = say;
    this.#tape('/bare');
    this.#http.on('upgrade', (request, socket) => {
      const url = request.url ?? '/';
      socket.write(upgradeAnswer(String(request.headers['sec-websocket-key'])));
      const names = this.#script('/bare').parts.map(nameOf);
      const connection = new Connection(
        socket,
        { names, tape: () => this.#tape(url) },
        this.#pace,
        this.#say,
      );
      this.#connections.add(connection);
      socket.on('close', () => this.#connections.delete(connection));
      if (url.startsWith('/bare')) connection.flood();
    });
  }

  /** Listens on loopback; resolves with the port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#http.listen(0, '127.0.0.1', () => {
        const address = this.#http.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  #script(url: string): Script {
    const micros = url.startsWith('/bare') || /timeunit=microsecond/i.test(url);
    return new Script(this.#mode, { messages: this.#pace.messages, micros });
  }

  /** The tape for an address, made when it is first asked for. */
  #tape(url: string): Tape {
    const wrapped = !/\/ws(\/|$)/.test(url);
    const script = this.#script(url);
    const key = `${wrapped} ${script.micros}`;
    let tape = this.#tapes.get(key);
    if (tape === undefined) {
      tape = new Tape(script, wrapped);
      this.#tapes.set(key, tape);
    }
    return tape;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-mbx-used-weight-1m', '1');
    if (url.pathname.endsWith('/exchangeInfo')) {
      response.end('{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","limit":6000}],"symbols":[]}');
      return;
    }
    const symbol = url.searchParams.get('symbol') ?? '';
    const part = this.#script('/bare').parts.find(({ market }) => market.symbol === symbol);
    if (!url.pathname.endsWith('/depth') || part === undefined) {
      response.statusCode = 404;
      response.end('{"code":-1121,"msg":"Invalid symbol."}');
      return;
    }
    response.end(snapshot(part.market, new Random(11)), () => {
      for (const connection of this.#connections) connection.joined(symbol);
    });
  }
}
