import { type Frame, isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { Control } from '../exchange.ts';
import { keyOf, readSubscription } from './feeds.ts';

const OPENING_BRACKET = '['.charCodeAt(0);

/** Codes of info events (protocols/bitfinex.md 3). */
const SERVER_RESTARTS = 20_051;
const MAINTENANCE_BEGINS = 20_060;
export const MAINTENANCE_ENDED = 20_061;

/** Codes of errors (5). */
const ALREADY_SUBSCRIBED = 10_301;
const CHANNEL_NOT_FOUND = 10_400;
const NOT_SUBSCRIBED = 10_401;
/**
 * The one error that asks for patience. 10305 (limit of open channels) is not transient: the same request on the same
 * connection would fail again.
 */
const NOT_READY = 11_000;

/** Data is always an array, control always an object with `event` (2). */
export function classify(frame: Frame): Control | null {
  if (frame.firstByte() === OPENING_BRACKET) return null;
  const message = parseJson(frame.text());
  return isObject(message) ? controlOf(message) : null;
}

/** What an object means; null of an event that is not a public connection's. */
export function controlOf(message: JsonObject): Control | null {
  switch (message.event) {
    case 'info':
      return infoOf(message);
    case 'conf':
      return confOf(message);
    case 'subscribed':
      return subscribedOf(message);
    case 'unsubscribed':
      return { kind: 'ack', key: unsubscribeKey(message.chanId) };
    case 'error':
      return errorOf(message);
    case 'pong':
      return { kind: 'pong' };
    default:
      return null;
  }
}

/** The key of an unsubscription and its answer. */
export function unsubscribeKey(chanId: unknown): string {
  return `unsubscribe|${String(chanId)}`;
}

/** The greeting of the server, or a notice; of a notice only the code counts (3). */
function infoOf(message: JsonObject): Control {
  const { code, version } = message;
  if (code !== undefined) return noticeOf(code, textOf(message.msg));
  if (version !== undefined && version !== 2)
    return note(`the server speaks version ${textOf(version)}, this reader knows version 2`);
  if (isObject(message.platform) && message.platform.status === 0)
    return note('the platform is in maintenance');
  return { kind: 'other' };
}

function noticeOf(code: unknown, text: string): Control {
  switch (code) {
    case SERVER_RESTARTS:
      return { kind: 'notice', text: `20051 the server stops or restarts ${text}`.trim(), act: 'reconnect' };
    case MAINTENANCE_BEGINS:
      return note(`20060 maintenance begins ${text}`.trim());
    case MAINTENANCE_ENDED:
      // Every channel needs a fresh snapshot; a reconnect gives them all (3, 13.13).
      return { kind: 'notice', text: `20061 maintenance ended ${text}`.trim(), act: 'reconnect' };
    default:
      return note(`${textOf(code)} ${text}`.trim());
  }
}

/** A refused `conf` leaves the connection readable: without flags there are no tails. */
function confOf(message: JsonObject): Control {
  return message.status === 'OK' ? { kind: 'other' } : note(`conf failed: ${textOf(message.status)}`);
}

/** Null of an ack that names no channel: it can be matched with nothing. */
function subscribedOf(message: JsonObject): Control | null {
  const subscription = readSubscription(message);
  if (subscription === null || !Number.isSafeInteger(message.chanId)) return null;
  return { kind: 'ack', key: keyOf(subscription) };
}

/** An error repeats the request it refuses; one that names no request is a note. */
function errorOf(message: JsonObject): Control {
  const { code } = message;
  const reason = `${textOf(code)} ${textOf(message.msg)}`.trim();
  if (code === CHANNEL_NOT_FOUND || code === NOT_SUBSCRIBED)
    return { kind: 'refusal', key: unsubscribeKey(message.chanId), reason, transient: false };
  const key = refusedKey(message);
  if (key === null) return note(`error ${reason}`);
  if (code === ALREADY_SUBSCRIBED) return { kind: 'ack', key };
  return { kind: 'refusal', key, reason, transient: code === NOT_READY };
}

function refusedKey(message: JsonObject): string | null {
  const subscription = readSubscription(message);
  if (subscription !== null) return keyOf(subscription);
  const { subId } = message;
  return typeof subId === 'string' || typeof subId === 'number' ? String(subId) : null;
}

function note(text: string): Control {
  return { kind: 'notice', text, act: 'none' };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) : '';
}
