import type { Dialect, Exchange } from '../exchanges/index.ts';
import { serverTime } from './clock.ts';
import { type Fault, FaultPlan } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { Call, Site } from './listener.ts';
import { MarketModel } from './model.ts';
import { Publisher, RATE_DEFAULT } from './publisher.ts';
import { Random } from './random.ts';
import { type MarketCounts, SimulatedCall } from './simulated-call.ts';
import { specifySymbols } from './specification.ts';

/** How often sessions hear the time, for heartbeats and periodic snapshots. */
const TICK_MS = 100;

/** A market as it is served; made when somebody first asks for it. */
interface ServedMarket {
  readonly dialect: Dialect;
  /** What a client of the real exchange would have dialled and asked: the origin of the addresses a dialect sees. */
  readonly websocketOrigin: string;
  readonly restOrigin: string;
}

/**
 * All simulated exchanges on one port, each market below its path: `/<exchange>/<market>` and then whatever the
 * exchange itself has there (`/binance/spot/stream?streams=btcusdt@trade`, `/binance/spot/api/v3/depth?symbol=...`).
 */
export class SimulatedSite implements Site {
  readonly counts: MarketCounts = { disconnects: 0, malformed: 0, errors: 0 };
  readonly publisher: Publisher;
  readonly #exchanges: readonly Exchange[];
  readonly #seed: number;
  readonly #faults: readonly Fault[];
  readonly #note: (text: string) => void;
  readonly #markets = new Map<string, ServedMarket>();
  readonly #calls = new Set<SimulatedCall>();
  #ticking: NodeJS.Timeout | undefined;

  constructor(
    exchanges: readonly Exchange[],
    options: { readonly seed?: number | undefined; readonly rate?: number | undefined },
    faults: readonly Fault[],
    ledger: Ledger,
    note: (text: string) => void,
  ) {
    this.#exchanges = exchanges;
    this.#seed = options.seed ?? 1;
    this.#faults = faults;
    this.#note = note;
    this.publisher = new Publisher(
      options.rate ?? RATE_DEFAULT,
      new Random(`${this.#seed}/publisher`),
      this.#calls,
      () => !ledger.full,
      note,
    );
  }

  start(): void {
    this.publisher.start();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    this.publisher.stop();
    clearInterval(this.#ticking);
  }

  dial(target: string): Call | null {
    const place = this.#place(target);
    if (place === null) return null;
    const { exchange, market, served, below } = place;
    const url = urlBelow(served.websocketOrigin, below);
    const call = new SimulatedCall(exchange, market, served.dialect, {
      opened: (opened) => {
        this.#calls.add(opened);
        const random = new Random(`${this.#seed}/faults/${opened.connection.number}`);
        return new FaultPlan(this.#faults, random);
      },
      closed: (closed) => this.#calls.delete(closed),
      failed: (error) => {
        this.counts.errors++;
        this.#note(`${exchange} ${market} failed: ${error instanceof Error ? error.stack : String(error)}`);
      },
      counts: this.counts,
    });
    return url !== null && call.connect(url) ? call : null;
  }

  get(target: string): { status: number; body: string; own: boolean } | null {
    const place = this.#place(target);
    const url = place === null ? null : urlBelow(place.served.restOrigin, place.below);
    const answer = url === null ? null : (place?.served.dialect.rest(url) ?? null);
    return answer === null ? null : { ...answer, own: true };
  }

  #tick(): void {
    const nowMs = Math.floor(serverTime() / 1000);
    for (const call of this.#calls) {
      if (!call.connection.open || call.connection.backedUp) continue;
      try {
        call.session.tick(nowMs);
      } catch (error) {
        call.failed(error);
      }
    }
  }

  #place(target: string): { exchange: string; market: string; served: ServedMarket; below: string } | null {
    const match = /^\/([^/?]+)\/([^/?]+)(.*)$/s.exec(target);
    if (match === null) return null;
    const [, exchange = '', market = '', below = ''] = match;
    const served = this.#served(exchange, market);
    return served === null ? null : { exchange, market, served, below };
  }

  #served(exchangeName: string, marketName: string): ServedMarket | null {
    const key = `${exchangeName}/${marketName}`;
    const known = this.#markets.get(key);
    if (known !== undefined) return known;
    const exchange = this.#exchanges.find(({ name }) => name === exchangeName);
    if (exchange === undefined || !Object.hasOwn(exchange.markets, marketName)) return null;
    const market = exchange.markets[marketName];
    if (market === undefined) return null;
    const model = new MarketModel(`${this.#seed}/${key}`, specifySymbols(market), serverTime);
    const served = {
      dialect: exchange.simulate(marketName, model),
      websocketOrigin: originOf(market.websocket),
      restOrigin: originOf(market.rest),
    };
    this.#markets.set(key, served);
    return served;
  }
}

function originOf(address: string): string {
  const { protocol, host } = new URL(address);
  return `${protocol}//${host}`;
}

/** The address below an origin; null where path and query are none (a client may send anything). */
function urlBelow(origin: string, below: string): URL | null {
  return URL.parse(origin + (below.startsWith('/') ? below : `/${below}`));
}
