import { type Frame, isObject, type JsonObject, parseJson } from '../../record/index.ts';
import { startsWith } from '../../shape/index.ts';
import type { Control } from '../exchange.ts';
import { readId } from './requests.ts';

/** How every push of the documentation begins: such a frame is data without a further look. */
const PUSH_BEGINNING = Buffer.from('{"method"');

/**
 * Codes after which the same request may be sent again (protocols/coinex.md 4): timed out, too frequent, internal
 * error, unavailable. Spot says 2xxxx, futures 3xxxx.
 */
const TRANSIENT_CODES = [23001, 23002, 24001, 24002, 33001, 33002, 34001, 34002];

/** Tells replies from pushes; see `readReply`. */
export function classify(frame: Frame): Control | null {
  if (startsWith(frame.bytes, frame.start, frame.end, PUSH_BEGINNING)) return null;
  const message = parseJson(frame.text());
  return isObject(message) ? readReply(message) : null;
}

/**
 * What a reply means; null of a push. A push has a `method` and a null id, a reply has an id and no `method`
 * (protocols/coinex.md 4). Pongs are told by what they say, not by their id, which replies of other kinds share.
 */
export function readReply(message: JsonObject): Control | null {
  if (typeof message.method === 'string') return null;
  if (isPong(message)) return { kind: 'pong' };
  const key = readId(message.id);
  const code = readCode(message.code);
  if (key === null) return code === null ? null : replyWithoutId(code, message);
  if (code === null) return { kind: 'other' };
  return code === 0 ? { kind: 'ack', key } : refusal(key, code, message);
}

function isPong(message: JsonObject): boolean {
  return isObject(message.data) && message.data.result === 'pong';
}

function refusal(key: string, code: number, message: JsonObject): Control {
  return { kind: 'refusal', key, reason: reasonOf(code, message), transient: TRANSIENT_CODES.includes(code) };
}

/** Not documented; what a request that could not be read might get. It answers nothing that we know of. */
function replyWithoutId(code: number, message: JsonObject): Control {
  if (code === 0) return { kind: 'other' };
  return { kind: 'notice', text: `an error without id: ${reasonOf(code, message)}`, act: 'none' };
}

function reasonOf(code: number, message: JsonObject): string {
  const text = typeof message.message === 'string' ? message.message.slice(0, 200) : '';
  return `${code} ${text}`.trim();
}

function readCode(code: unknown): number | null {
  const value = typeof code === 'string' && code !== '' ? Number(code) : code;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
