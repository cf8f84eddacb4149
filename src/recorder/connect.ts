import { type ExchangeConfig, hasWildcard, planExchange } from '../config/index.ts';
import { type Exchange, findExchange, type LinkPlan, type Market } from '../exchanges/index.ts';
import type { Http, Timers } from '../host/index.ts';
import {
  Backoff,
  LinkKeeper,
  type LinkWorld,
  type MarketPacers,
  Pacer,
  restPauseMs,
  type Tape,
} from '../link/index.ts';

/** What connecting needs beside the links' own world. */
export interface ConnectWorld {
  readonly links: LinkWorld;
  readonly http: Http;
  readonly timers: Timers;
  readonly tape: Tape;
  /** The run's own link of an exchange: REST answers that belong to no other link go there. */
  readonly runLinkOf: (exchange: string) => number;
  /** By server: shared by everything that asks it. */
  readonly pacers: Map<string, Pacer>;
  /** Told why a listing could not be had, each time. */
  readonly listingFailed: (why: string) => void;
  /** Called for each link as soon as it is made, before it dials. */
  readonly made: (link: LinkKeeper) => void;
  /** True once the run is being stopped: nothing new is begun. */
  readonly stopping: () => boolean;
}

/**
 * Opens the WebSocket connections an exchange needs: plans its streams over links within the exchange's limits and
 * starts them. Symbols with `*` are resolved from the exchange's listing first; that is tried for ever, and other
 * exchanges do not wait for it.
 */
export async function connectExchange(config: ExchangeConfig, world: ConnectWorld): Promise<void> {
  const exchange = findExchange(config.exchange);
  const market = exchange?.markets[config.market];
  if (exchange === undefined || market === undefined)
    throw new Error(`no market ${config.exchange} ${config.market}: the config should have been refused`);
  const symbols = config.streams.some(hasWildcard)
    ? await listSymbols(config, exchange, market, world)
    : undefined;
  if (world.stopping()) return;
  const { plans, problems } = planExchange(config, symbols);
  // A pattern that matches nothing is no error (a listing may come tomorrow), but a person wants to know.
  for (const problem of problems)
    world.links.log('warn', 'config', { exchange: exchange.name, market: market.name, problem });
  for (const plan of plans)
    start(plan, market, pacersOf(plan, exchange, market, world), config.ping ?? null, world);
}

function start(
  plan: LinkPlan,
  market: Market,
  pacers: MarketPacers,
  ping: string | null,
  world: ConnectWorld,
): void {
  const link = new LinkKeeper(plan, market, world.links, pacers, ping);
  world.made(link);
  link.start();
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * What counts dials or requests together: the server that is really asked, whatever market it is asked for (Bitfinex
 * spot and derivatives, Bybit's REST). A server on this machine counts nobody; there each market keeps its own pace.
 */
function counterOf(address: string, exchange: Exchange, market: Market): string {
  const { protocol, host, hostname } = new URL(address);
  return LOOPBACK.has(hostname)
    ? `${protocol}//${host} ${exchange.name} ${market.name}`
    : `${protocol}//${host}`;
}

function pacersOf(
  plan: { readonly url: string; readonly rest: string },
  exchange: Exchange,
  market: Market,
  world: ConnectWorld,
): MarketPacers {
  const pacerOf = (address: string, intervalMs: number): Pacer => {
    const key = counterOf(address, exchange, market);
    const pacer = world.pacers.get(key) ?? new Pacer(intervalMs, world.timers);
    world.pacers.set(key, pacer);
    return pacer;
  };
  return {
    dial: pacerOf(plan.url, market.limits.dialIntervalMs),
    rest: pacerOf(plan.rest, market.limits.restIntervalMs),
  };
}

/** The listing, asked for until it is given; undefined where the run stops before. */
async function listSymbols(
  config: ExchangeConfig,
  exchange: Exchange,
  market: Market,
  world: ConnectWorld,
): Promise<readonly string[] | undefined> {
  const backoff = new Backoff(world.links.random);
  const rest = config.rest ?? market.rest;
  const url = rest + market.listing.path;
  const pacer = pacersOf({ url: config.uri ?? market.websocket, rest }, exchange, market, world).rest;
  while (!world.stopping()) {
    await new Promise<void>((resolve) => void pacer.add(resolve));
    const { status, body, retryAfterMs } = await world.http.get(url);
    if (world.stopping()) break;
    world.tape.rest(world.runLinkOf(exchange.name), { status, url, body });
    const pauseMs = restPauseMs(status, retryAfterMs);
    if (pauseMs !== null) pacer.pause(pauseMs);
    try {
      if (status !== 200)
        throw new Error(status === 0 ? body : `status ${status}: ${JSON.stringify(body.slice(0, 200))}`);
      return market.listing.read(body);
    } catch (error) {
      world.listingFailed((error as Error).message);
      world.links.log('warn', 'no listing yet, which the * in its symbols needs; trying on', {
        exchange: exchange.name,
        market: market.name,
        url,
        error: (error as Error).message,
      });
    }
    await new Promise<void>((resolve) => {
      world.timers.set(backoff.next(), resolve);
    });
  }
  return undefined;
}
