import { gzipSync } from 'node:zlib';
import type { DialectSession, Exchange } from '../exchanges/index.ts';
import type { RecordedConnection } from './capture.ts';
import { serverTime } from './clock.ts';
import type { Connection } from './connection.ts';
import { MarketModel } from './model.ts';
import { specifySymbols } from './specification.ts';

/** Answers the client's pings as the exchange would, by a session of its dialect that hears nothing else. */
export class PingAnswers {
  readonly #exchange: Exchange;
  readonly #recorded: RecordedConnection;
  #session: DialectSession | null = null;
  #framing: 'text' | 'gzip' = 'text';
  #forward: ((text: string) => void) | null = null;

  constructor(exchange: Exchange, recorded: RecordedConnection) {
    this.#exchange = exchange;
    this.#recorded = recorded;
  }

  isPing(text: string): boolean {
    return this.#exchange.readRequest(this.#recorded.market, text).kind === 'ping';
  }

  answer(ping: string, connection: Connection): void {
    const session = this.#open();
    this.#forward = (text) => {
      if (this.#framing === 'text') connection.sendText(text, true);
      else connection.sendBinary(gzipSync(text, { level: 1 }), text, true);
    };
    try {
      session?.receive(ping);
    } finally {
      this.#forward = null;
    }
  }

  #open(): DialectSession | null {
    if (this.#session !== null) return this.#session;
    const { market, url } = this.#recorded;
    const known = this.#exchange.markets[market];
    if (known === undefined) return null;
    const model = new MarketModel('replay', specifySymbols(known), serverTime);
    const dialect = this.#exchange.simulate(market, model);
    this.#framing = dialect.framing;
    this.#session = dialect.connect(url, (text) => this.#forward?.(text));
    return this.#session;
  }
}
