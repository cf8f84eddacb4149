import { type ExchangeConfig, hasWildcard, planExchange } from '../config/index.ts';
import { type Exchange, findExchange, type LinkPlan, type Market } from '../exchanges/index.ts';
import type { Http, Timers } from '../host/index.ts';
import { Backoff, LinkKeeper, type LinkWorld, type MarketPacers, Pacer, type Tape } from '../link/index.ts';

/** What connecting needs beside the links' own world. */
export interface ConnectWorld {
  readonly links: LinkWorld;
  readonly http: Http;
  readonly timers: Timers;
  readonly tape: Tape;
  /** The run's own link of an exchange: REST answers that belong to no other link go there. */
  readonly runLinkOf: (exchange: string) => number;
  /** Shared by all links to a market. */
  readonly pacers: Map<string, MarketPacers>;
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
  const pacers = pacersOf(exchange, market, world);
  const { plans, problems } = planExchange(config, symbols);
  // A pattern that matches nothing is no error (a listing may come tomorrow), but a person wants to know.
  for (const problem of problems)
    world.links.log('config', { exchange: exchange.name, market: market.name, problem });
  for (const plan of plans) start(plan, market, pacers, config.ping ?? null, world);
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

function pacersOf(exchange: Exchange, market: Market, world: ConnectWorld): MarketPacers {
  const key = `${exchange.name} ${market.name}`;
  const known = world.pacers.get(key);
  if (known !== undefined) return known;
  const pacers = {
    dial: new Pacer(market.limits.dialIntervalMs, world.timers),
    rest: new Pacer(market.limits.restIntervalMs, world.timers),
  };
  world.pacers.set(key, pacers);
  return pacers;
}

async function listSymbols(
  config: ExchangeConfig,
  exchange: Exchange,
  market: Market,
  world: ConnectWorld,
): Promise<readonly string[] | undefined> {
  const backoff = new Backoff(world.links.random);
  const url = (config.rest ?? market.rest) + market.listing.path;
  while (!world.stopping()) {
    const { status, body } = await world.http.get(url);
    world.tape.rest(world.runLinkOf(exchange.name), { status, url, body });
    try {
      if (status !== 200) throw new Error(`status ${status}: ${body.slice(0, 200)}`);
      return market.listing.read(body);
    } catch (error) {
      world.links.log('listing', {
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
