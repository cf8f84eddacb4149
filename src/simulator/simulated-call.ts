import type { Dialect, DialectSession } from '../exchanges/index.ts';
import type { Connection } from './connection.ts';
import type { FaultPlan } from './faults.ts';
import type { Call } from './listener.ts';
import type { Subscriber } from './publisher.ts';

/** What the simulated exchanges did beyond what the listener counts. */
export interface MarketCounts {
  disconnects: number;
  malformed: number;
  /** Exceptions in `publish` and `tick`; those in answers are the listener's. */
  errors: number;
}

/** What a call needs of the site it belongs to. */
export interface CallHost {
  opened(call: SimulatedCall): FaultPlan;
  closed(call: SimulatedCall): void;
  failed(error: unknown): void;
  readonly counts: MarketCounts;
}

/** A connection to a simulated market, with its dialect's session and its faults. */
export class SimulatedCall implements Call, Subscriber {
  readonly exchange: string;
  readonly market: string;
  readonly #dialect: Dialect;
  readonly #host: CallHost;
  #session: DialectSession | null = null;
  #connection: Connection | null = null;
  #faults: FaultPlan | null = null;
  #disconnecting: NodeJS.Timeout | undefined;
  /** A message of the client is being answered. */
  #answering = false;
  /** Said before the upgrade was answered: a greeting. */
  #greeting: string[] = [];

  constructor(exchange: string, market: string, dialect: Dialect, host: CallHost) {
    this.exchange = exchange;
    this.market = market;
    this.#dialect = dialect;
    this.#host = host;
  }

  get framing(): 'text' | 'gzip' {
    return this.#dialect.framing;
  }

  get pingMs(): number | null {
    return this.#dialect.pingMs;
  }

  get session(): DialectSession {
    if (this.#session === null) throw new Error('session before connect');
    return this.#session;
  }

  get connection(): Connection {
    if (this.#connection === null) throw new Error('connection before opened');
    return this.#connection;
  }

  /** False where the dialect refuses the address. */
  connect(url: URL): boolean {
    this.#session = this.#dialect.connect(url, (text) => this.#send(text));
    return this.#session !== null;
  }

  #send(text: string): void {
    const connection = this.#connection;
    if (connection === null) {
      this.#greeting.push(text);
      return;
    }
    // Answers stay whole: only data may come broken, or a client could not even subscribe.
    const broken = this.#answering ? null : (this.#faults?.broken(text) ?? null);
    if (broken !== null && connection.open) {
      connection.send(broken, true, 'malformed');
      this.#host.counts.malformed++;
    }
    connection.send(text, true);
  }

  opened(connection: Connection): void {
    this.#connection = connection;
    for (const text of this.#greeting) connection.send(text, true);
    this.#greeting = [];
    this.#faults = this.#host.opened(this);
    if (this.#faults.disconnectMs !== null)
      this.#disconnecting = setTimeout(() => this.#disconnect(), this.#faults.disconnectMs);
  }

  #disconnect(): void {
    this.#host.counts.disconnects++;
    if (this.#faults?.abrupt === true) this.connection.terminate();
    else this.connection.close(1001, 'going away');
  }

  received(text: string): void {
    this.#answering = true;
    try {
      this.session.receive(text);
    } finally {
      this.#answering = false;
    }
  }

  failed(error: unknown): void {
    this.#host.failed(error);
    this.connection.close(1011, 'the simulator failed');
  }

  closed(): void {
    clearTimeout(this.#disconnecting);
    this.#host.closed(this);
  }
}
