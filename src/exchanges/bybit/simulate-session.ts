import { isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { DialectSession, SimulatedMarket } from '../simulation.ts';
import type { BybitMarket } from './markets.ts';
import type { SimulatedTopic } from './simulate-envelope.ts';
import { makeTopic } from './simulate-topics.ts';

/** Most topics a request may name on spot (protocols/bybit.md 2). */
const SPOT_TOPICS_MAX = 10;
/** How often the first data comes before the ack (protocols/bybit.md 3). */
const DATA_BEFORE_ACK = 0.3;
/** Topics drawn before one is taken whatever its weight. */
const DRAWS_MAX = 8;

/** One connection: its subscriptions and what it answers (protocols/bybit.md 3, 4). */
export class BybitSession implements DialectSession {
  readonly #market: BybitMarket;
  readonly #model: SimulatedMarket;
  readonly #send: (text: string) => void;
  readonly #connection: string;
  readonly #topics = new Map<string, SimulatedTopic>();
  /** The same topics, to draw from. */
  #drawn: SimulatedTopic[] = [];

  constructor(market: BybitMarket, model: SimulatedMarket, send: (text: string) => void) {
    this.#market = market;
    this.#model = model;
    this.#send = send;
    this.#connection = uuid(model);
  }

  get active(): number {
    return this.#topics.size;
  }

  receive(text: string): void {
    const message = parseJson(text);
    if (!isObject(message)) {
      this.#answer({ op: '' }, false, `Failed to decode incoming data:${text.slice(0, 80)}`);
      return;
    }
    switch (message.op) {
      case 'ping':
        this.#answer(message, true, 'pong');
        break;
      case 'subscribe':
        this.#subscribe(message, topicsIn(message));
        break;
      case 'unsubscribe':
        for (const topic of topicsIn(message)) this.#topics.delete(topic);
        this.#drawn = [...this.#topics.values()];
        this.#acknowledge(message);
        break;
      default:
        this.#answer(message, false, 'error:invalid op');
    }
  }

  /** One bad topic makes the whole request fail (protocols/bybit.md 3; measured on linear, taken as the rule here). */
  #subscribe(message: JsonObject, names: readonly string[]): void {
    const spot = this.#market.name === 'spot';
    if (spot && names.length > SPOT_TOPICS_MAX) {
      this.#answer(message, false, 'args size >10');
      return;
    }
    const made: SimulatedTopic[] = [];
    for (const name of names) {
      if (this.#topics.has(name) || made.some((topic) => topic.name === name)) {
        this.#answer(message, false, `error:already subscribed,topic:${name}`);
        return;
      }
      const topic = makeTopic(name, this.#market, this.#model);
      if (topic === null) {
        const error = spot ? `Invalid symbol :[${name}]` : `error:handler not found,topic:${name}`;
        this.#answer(message, false, error);
        return;
      }
      made.push(topic);
    }
    this.#begin(message, made);
  }

  #begin(message: JsonObject, topics: readonly SimulatedTopic[]): void {
    const ackFirst = this.#model.random() >= DATA_BEFORE_ACK;
    if (ackFirst) this.#acknowledge(message);
    for (const topic of topics) {
      this.#topics.set(topic.name, topic);
      const first = topic.first();
      if (first !== null) this.#send(first);
    }
    this.#drawn = [...this.#topics.values()];
    if (!ackFirst) this.#acknowledge(message);
  }

  #acknowledge(message: JsonObject): void {
    this.#answer(message, true, this.#market.name === 'spot' ? String(message.op) : '');
  }

  /** Spot leaves `req_id` out where none was sent, the contracts write an empty one (protocols/bybit.md 3, 4). */
  #answer(message: JsonObject, success: boolean, ret_msg: string): void {
    const sent = typeof message.req_id === 'string' ? message.req_id : null;
    const id = this.#market.name === 'spot' && sent === null ? {} : { req_id: sent ?? '' };
    const op = typeof message.op === 'string' ? message.op : '';
    this.#send(JSON.stringify({ success, ret_msg, conn_id: this.#connection, ...id, op }));
  }

  publish(): void {
    const { length } = this.#drawn;
    for (let draw = 0; draw < DRAWS_MAX && length > 0; draw++) {
      const topic = this.#drawn[Math.floor(this.#model.random() * length)];
      if (topic === undefined) return;
      if (draw < DRAWS_MAX - 1 && this.#model.random() >= topic.weight) continue;
      const text = topic.next();
      if (text === null) continue;
      this.#send(text);
      return;
    }
  }

  tick(nowMs: number): void {
    for (const topic of this.#drawn) {
      const text = topic.tick(nowMs);
      if (text !== null) this.#send(text);
    }
  }
}

function topicsIn(message: JsonObject): string[] {
  return Array.isArray(message.args) ? message.args.filter((topic) => typeof topic === 'string') : [];
}

/** A random UUID of the model's own chance. */
function uuid(model: SimulatedMarket): string {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(model.random() * 16).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
}
