import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';

/** A WebSocket client for this folder's tests: keeps what it got, and waits for conditions instead of sleeping. */
export class TestClient {
  readonly got: string[] = [];
  readonly binary: boolean[] = [];
  readonly socket: WebSocket;
  pings = 0;
  number = 0;
  closedWith: { readonly code: number; readonly reason: string } | null = null;
  #changed: () => void = () => undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('upgrade', (response) => {
      this.number = Number(response.headers['x-feedtape-conn']);
    });
    this.socket.on('message', (data: Buffer, binary: boolean) => {
      const packed = binary && data[0] === 0x1f;
      this.got.push((packed ? gunzipSync(data) : data).toString('utf8'));
      this.binary.push(binary);
      this.#changed();
    });
    this.socket.on('ping', () => {
      this.pings++;
      this.#changed();
    });
    this.socket.on('error', () => this.#changed());
    this.socket.on('close', (code, reason) => {
      this.closedWith = { code, reason: reason.toString() };
      this.#changed();
    });
  }

  /** Dials and resolves when the connection is open; rejects where it is refused. */
  static async dial(url: string): Promise<TestClient> {
    const client = new TestClient(url);
    await once(client.socket, 'open');
    return client;
  }

  say(...messages: unknown[]): void {
    for (const message of messages)
      this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Resolves when the condition holds; it is looked at whenever something arrives. Rejects when nothing can any more. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closedWith !== null) throw new Error(`closed with ${this.closedWith.code} while waiting`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changed = resolve;
      await promise;
    }
  }

  async closed(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.until(() => this.closedWith !== null);
    return this.closedWith ?? { code: 0, reason: '' };
  }
}

/** The lines of an NDJSON file. */
export function readLines(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
