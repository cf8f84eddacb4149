import { type Frame, isObject, type JsonObject, parseJson } from '../../record/index.ts';
import type { Control } from '../exchange.ts';

/** How nearly every data frame begins: the wrapper of combined mode. */
export const WRAPPER = Buffer.from('{"stream":"');
const EXCLAMATION_MARK = '!'.charCodeAt(0);

/** `-1003` too many requests: the one error that asks for patience (protocols/binance.md 12.1). */
const TOO_MANY_REQUESTS = -1003;

/**
 * Tells control from data (protocols/binance.md 3 and 4). Replies are never wrapped, so a frame that begins like the
 * wrapper is data, except for the notice of a shutdown, whose stream name begins with `!`.
 */
export function classify(frame: Frame): Control | null {
  const { bytes, start } = frame;
  if (frame.end - start > WRAPPER.length) {
    let same = 0;
    while (same < WRAPPER.length && bytes[start + same] === WRAPPER[same]) same++;
    if (same === WRAPPER.length && bytes[start + same] !== EXCLAMATION_MARK) return null;
  }
  const message = parseJson(frame.text());
  if (!isObject(message)) return null;
  if (message.e === 'serverShutdown') return shutdown();
  if (isObject(message.data) && message.data.e === 'serverShutdown') return shutdown();
  if ('stream' in message || 'e' in message) return null;
  if (isObject(message.error)) return refusal(message.error, keyOf(message.id));
  if (typeof message.code === 'number' && typeof message.msg === 'string')
    return refusal(message, keyOf(message.id));
  if (!('result' in message) || !('id' in message)) return null;
  return message.result === null ? { kind: 'ack', key: keyOf(message.id) } : { kind: 'other' };
}

/** "10 minutes before" was withdrawn: it means reconnect now (protocols/binance.md 4). */
function shutdown(): Control {
  return { kind: 'notice', text: 'serverShutdown', act: 'reconnect' };
}

function refusal(error: JsonObject, key: string | null): Control {
  return {
    kind: 'refusal',
    key,
    reason: `${String(error.code)} ${String(error.msg)}`,
    transient: error.code === TOO_MANY_REQUESTS,
  };
}

/** A request's id as text; null where it has none. */
export function keyOf(id: unknown): string | null {
  return typeof id === 'number' || typeof id === 'string' ? String(id) : null;
}
