import { type Frame, isObject, type JsonObject, parseJson } from '../../record/index.ts';
import { startsWith } from '../../shape/index.ts';
import type { Control } from '../exchange.ts';

/** How nearly every data frame begins. Key order varies (protocols/bybit.md 5): this only saves time, it decides nothing. */
export const TOPIC_FIRST = Buffer.from('{"topic":"');

/** `ret_msg` of a topic that is subscribed already: it keeps delivering, so the wish is fulfilled (protocols/bybit.md 3). */
const ALREADY_SUBSCRIBED = /already subscribed/i;
/** Errors about messages that asked for no subscription (protocols/bybit.md 3). */
const NOT_ABOUT_A_SUBSCRIPTION = /invalid op|failed to decode/i;
/** `error:handler not found,topic:orderbook.50.NOPEUSDT` */
const NAMED_TOPICS = /\btopic:\s*(\S+)\s*$/;
/** `Invalid symbol :[tickers.NOPEUSDT]` */
const NAMED_IN_BRACKETS = /\[([^\]]*)\]/;

/** Tells control from data: what has a topic is data, whatever else it holds. */
export function classify(frame: Frame): Control | null {
  if (startsWith(frame.bytes, frame.start, frame.end, TOPIC_FIRST)) return null;
  const message = parseJson(frame.text());
  if (!isObject(message) || 'topic' in message) return null;
  if (message.type === 'COMMAND_RESP') return optionAnswer(message);
  if (message.op === 'pong' || message.ret_msg === 'pong') return { kind: 'pong' };
  if (typeof message.success === 'boolean') return message.success ? success(message) : failure(message);
  return null;
}

/** `req_id` is echoed where it was sent; linear writes an empty one where it was not (protocols/bybit.md 3). */
export function keyOf(id: unknown): string | null {
  return typeof id === 'string' && id !== '' ? id : null;
}

/** Spot, linear, inverse: `{"success":true,"ret_msg":"subscribe","conn_id":…,"req_id":…,"op":"subscribe"}`. */
function success(message: JsonObject): Control {
  if (message.op === 'ping') return { kind: 'pong' };
  if (message.op === 'subscribe' || message.op === 'unsubscribe')
    return { kind: 'ack', key: keyOf(message.req_id) };
  return { kind: 'other' };
}

/** `{"success":false,"ret_msg":"error:…",…,"op":"subscribe"}`. An answer to no subscription is only worth reading. */
function failure(message: JsonObject): Control {
  const reason = typeof message.ret_msg === 'string' ? message.ret_msg : '';
  const asked = message.op === undefined || message.op === 'subscribe' || message.op === 'unsubscribe';
  if (!asked || NOT_ABOUT_A_SUBSCRIPTION.test(reason)) return { kind: 'notice', text: reason, act: 'none' };
  const key = keyOf(message.req_id);
  if (ALREADY_SUBSCRIBED.test(reason)) return { kind: 'ack', key };
  const refused = namedIn(reason);
  return { kind: 'refusal', key, reason, transient: false, ...(refused.length > 0 ? { refused } : {}) };
}

/** Options and spreads: success may be true although topics failed (protocols/bybit.md 3). */
function optionAnswer(message: JsonObject): Control {
  const key = keyOf(message.req_id);
  const failed = isObject(message.data) ? message.data.failTopics : undefined;
  const refused = Array.isArray(failed)
    ? failed.filter((topic): topic is string => typeof topic === 'string')
    : [];
  if (refused.length > 0)
    return { kind: 'refusal', key, reason: `failTopics: ${refused.join(', ')}`, refused, transient: false };
  if (message.success === false) {
    const text = typeof message.ret_msg === 'string' ? message.ret_msg : '';
    return { kind: 'refusal', key, reason: text, transient: false };
  }
  return { kind: 'ack', key };
}

/** The topics or symbols that an error names. */
function namedIn(reason: string): string[] {
  const list = NAMED_TOPICS.exec(reason)?.[1] ?? NAMED_IN_BRACKETS.exec(reason)?.[1] ?? '';
  return list.split(/[,\s]+/).filter((name) => name !== '');
}
