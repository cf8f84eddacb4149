import type { DecoderRequest, LinkPlan, Market } from '../exchanges/index.ts';
import type { Dialer, Http, Socket, TapeClock, TimerHandle, Timers } from '../host/index.ts';
import { Backoff } from './backoff.ts';
import { RequestLimiter } from './limiter.ts';
import type { LinkNumbers } from './numbers.ts';
import { Pacer } from './pacer.ts';
import { routeSubscribe } from './subscribe.ts';
import type { Tape } from './tape.ts';

/** How often a link looks whether bytes still come, ms. */
const IDLE_CHECK_MS = 1000;
/** How often a ping of the config is sent where the exchange has none of its own, ms. */
const PING_MS = 20_000;
/** How long REST is left alone by answers that say "too many" without saying how long, ms (protocols/bybit.md 12: 403). */
const REST_PAUSE_MS: Readonly<Record<number, number>> = { 403: 600_000, 418: 120_000, 429: 10_000 };
/** A link that was open this long has proven itself: the next reconnect starts with the shortest wait, ms. */
const PROVEN_MS = 30_000;
/** Longest wait for the other side's closing handshake at a stop, ms. */
const CLOSE_MS = 1000;

/** What all links of a program share. */
export interface LinkWorld {
  readonly dialer: Dialer;
  readonly http: Http;
  readonly timers: Timers;
  readonly clock: TapeClock;
  readonly tape: Tape;
  readonly numbers: LinkNumbers;
  readonly random: () => number;
  /** Told of everything a person may want to know; never of data. */
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

/** How long REST must be left alone after an answer, ms; null: not at all. */
export function restPauseMs(status: number, retryAfterMs: number | null): number | null {
  const leastMs = REST_PAUSE_MS[status];
  return leastMs === undefined ? null : (retryAfterMs ?? leastMs);
}

/** What all links to one market share: the exchange counts them together. */
export interface MarketPacers {
  readonly dial: Pacer;
  readonly rest: Pacer;
}

export type LinkState = 'waiting' | 'dialling' | 'open' | 'stopped';

/**
 * Keeps one planned connection alive, for ever: dial, greet, subscribe, heartbeat, watch for a dead line, reconnect
 * with capped, jittered backoff.
 *
 *     waiting --dial--> dialling --opened--> open --closed--> waiting ...      stop() --> stopped
 *
 * Each dial is a link of its own, with a new number. It understands no message: what an answer means, the recorder
 * tells it through `request`.
 */
export class LinkKeeper {
  readonly plan: LinkPlan;
  state: LinkState = 'waiting';
  /** The present link's number; 0 before the first dial. */
  link = 0;
  /** Dials so far, and why the last connection ended. */
  dials = 0;
  lastError = '';
  /** Whether any of them was ever opened: the exchange can be reached. */
  wasOpen = false;
  readonly #world: LinkWorld;
  readonly #market: Market;
  readonly #pacers: MarketPacers;
  readonly #pingText: string | null;
  readonly #backoff: Backoff;
  readonly #sending: Pacer;
  readonly #limiter = new RequestLimiter();
  #socket: Socket | null = null;
  #timers = new Set<TimerHandle>();
  #pings = 0;
  #lastBytes = 0;
  #idleMs = 0;
  #paused = false;
  #stopping = false;
  #closedByUs = '';
  #closedLink = 0;
  #onStopped: (() => void) | null = null;

  constructor(
    plan: LinkPlan,
    market: Market,
    world: LinkWorld,
    pacers: MarketPacers,
    pingText: string | null = null,
  ) {
    this.plan = plan;
    this.#market = market;
    this.#world = world;
    this.#pacers = pacers;
    this.#pingText = pingText;
    this.#backoff = new Backoff(world.random);
    this.#sending = new Pacer(market.limits.sendIntervalMs, world.timers);
  }

  start(): void {
    this.#pacers.dial.add(() => this.#dialNow());
  }

  #dialNow(): void {
    if (this.#stopping) return;
    this.state = 'dialling';
    this.#world.numbers.take().then(
      (link) => this.#dial(link),
      (error: Error) => {
        this.lastError = `no link number could be reserved: ${error.message}`;
        if (!this.#stopping) this.#again(this.lastError);
      },
    );
  }

  #dial(link: number): void {
    if (this.#stopping) {
      this.#ended();
      return;
    }
    const { exchange, market, url, streams } = this.plan;
    this.link = link;
    this.dials++;
    this.#closedByUs = '';
    this.#world.tape.event(link, { event: 'dialled', exchange, market, url, streams });
    try {
      this.#socket = this.#world.dialer.dial(url, {
        opened: (headers) => this.#opened(link, headers),
        messages: (bytes, spans, count, binary, time) =>
          this.#world.tape.received(link, bytes, spans, count, binary, time),
        closed: (code, reason, error) => this.#closed(link, code, reason, error),
      });
    } catch (error) {
      // An address that cannot be dialled at all.
      this.#closed(link, 1006, '', error instanceof Error ? error : new Error(String(error)));
    }
  }

  #opened(link: number, headers: Readonly<Record<string, string>>): void {
    this.state = 'open';
    this.wasOpen = true;
    this.#idleMs = 0;
    this.#lastBytes = 0;
    if (this.#paused) this.#socket?.pause();
    this.#world.tape.event(link, { event: 'opened', headers });
    this.#world.log('info', 'opened', {
      exchange: this.plan.exchange,
      market: this.plan.market,
      link,
      url: this.plan.url,
    });
    routeSubscribe(this.plan, { send: (text) => this.#send(link, text) }, this.#sending);
    this.#schedulePing(link);
    this.#scheduleIdleCheck(link);
    this.#later(PROVEN_MS, () => this.#backoff.reset());
  }

  #send(link: number, text: string): void {
    if (link !== this.link || this.state !== 'open' || this.#socket === null) return;
    if (this.#closedByUs !== '') return;
    this.#world.tape.sent(link, text);
    this.#socket.send(text);
  }

  #schedulePing(link: number): void {
    const { message } = this.#market.heartbeat;
    const intervalMs = this.#market.heartbeat.intervalMs ?? (this.#pingText === null ? null : PING_MS);
    if (intervalMs === null || (message === null && this.#pingText === null)) return;
    this.#later(intervalMs, () => {
      if (link !== this.link || this.state !== 'open') return;
      const text = this.#pingText ?? message?.(++this.#pings) ?? '';
      this.#sending.add(() => this.#send(link, text));
      this.#schedulePing(link);
    });
  }

  #scheduleIdleCheck(link: number): void {
    this.#later(IDLE_CHECK_MS, () => {
      if (link !== this.link || this.state !== 'open' || this.#socket === null) return;
      const bytes = this.#socket.bytesReceived;
      // Counted in checks, not by the clock: a clock that was set, or our own standstill, cuts no healthy line.
      this.#idleMs = bytes !== this.#lastBytes || this.#paused ? 0 : this.#idleMs + IDLE_CHECK_MS;
      this.#lastBytes = bytes;
      if (this.#idleMs >= this.#market.heartbeat.idleMs) {
        this.#closedByUs = `not one byte for ${Math.round(this.#idleMs / 1000)} s`;
        this.#socket.terminate();
        return;
      }
      this.#scheduleIdleCheck(link);
    });
  }

  #closed(link: number, code: number, reason: string, error: Error | null): void {
    if (link !== this.link || this.#closedLink === link) return;
    this.#closedLink = link;
    this.#socket = null;
    const detail = this.#closedByUs || reason || error?.message || '';
    // 1009 beside an error of our own is a frame that we found too large.
    const ours = this.#closedByUs !== '' || (code === 1009 && error !== null);
    const by = ours ? 'us' : code === 1006 ? 'network' : 'exchange';
    this.#world.tape.event(link, { event: 'closed', code, reason: detail, by, stopping: this.#stopping });
    this.lastError = `${code} ${detail}`.trim();
    this.#clearTimers();
    this.#limiter.linkClosed();
    if (this.#stopping) this.#ended();
    else this.#again(this.lastError);
  }

  #again(why: string): void {
    this.state = 'waiting';
    const waitMs = this.#backoff.next();
    const { exchange, market } = this.plan;
    this.#world.log('info', 'reconnect', {
      exchange,
      market,
      link: this.link,
      why,
      waitMs: Math.round(waitMs),
    });
    this.#later(waitMs, () => this.start());
  }

  /** Carries out a wish of the recorder; ignored where the link it names is not the present one. */
  request(link: number, request: DecoderRequest): void {
    if (link !== this.link || this.state !== 'open') return;
    if (request.kind === 'reconnect') {
      this.#closedByUs = request.reason;
      this.#socket?.close(1000, 'resync');
      this.#later(CLOSE_MS, () => link === this.link && this.#socket?.terminate());
      return;
    }
    const key = `${request.stream} ${request.kind}`;
    const waitMs = this.#limiter.wait(key, this.#nowMs());
    if (waitMs === null) return;
    this.#later(waitMs, () => {
      this.#limiter.started(key, this.#nowMs());
      if (link !== this.link) return;
      if (request.kind === 'rest') this.#pacers.rest.add(() => this.#ask(link, request.path));
      else for (const text of request.texts) this.#sending.add(() => this.#send(link, text));
    });
  }

  #ask(link: number, path: string): void {
    if (link !== this.link || this.state !== 'open') return;
    const url = this.plan.rest + path;
    this.#world.http.get(url).then(
      ({ status, body, retryAfterMs }) => {
        const pauseMs = restPauseMs(status, retryAfterMs);
        if (pauseMs !== null) {
          this.#world.log('warn', 'REST is left alone for a while', { url, status, pauseMs });
          this.#pacers.rest.pause(pauseMs);
        }
        if (link === this.link && this.state === 'open') this.#world.tape.rest(link, { status, url, body });
      },
      (error: Error) => {
        if (link === this.link && this.state === 'open')
          this.#world.tape.rest(link, { status: 0, url, body: error.message });
      },
    );
  }

  /** Reads no further, on this connection and on those that follow, until `resume`. */
  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Closes with 1000 and dials no more; resolves when the socket is closed, at the latest a second later. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.#clearTimers();
    const socket = this.#socket;
    if (socket === null) {
      this.state = 'stopped';
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#onStopped = resolve;
      this.#closedByUs = 'the run stops';
      if (this.state === 'open') socket.close(1000, 'stop');
      else socket.terminate();
      this.#later(CLOSE_MS, () => this.#socket?.terminate());
    });
  }

  #ended(): void {
    this.state = 'stopped';
    this.#clearTimers();
    this.#onStopped?.();
  }

  #nowMs(): number {
    return this.#world.clock.now() / 1000;
  }

  #later(ms: number, run: () => void): void {
    const handle = this.#world.timers.set(ms, () => {
      this.#timers.delete(handle);
      run();
    });
    this.#timers.add(handle);
  }

  #clearTimers(): void {
    for (const handle of this.#timers) this.#world.timers.clear(handle);
    this.#timers.clear();
    this.#sending.clear();
  }
}
