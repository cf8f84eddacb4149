import { shown } from './problem.ts';

/**
 * The text of a message: as given, or the JSON of an object or list with its keys in order. Null of anything else,
 * of what is empty, and of numbers that JavaScript would change on the way.
 */
export function messageText(message: unknown): string | null {
  if (typeof message === 'string') return message === '' ? null : message;
  if (typeof message !== 'object' || message === null || Object.keys(message).length === 0) return null;
  return holdsInexactNumber(message) ? null : JSON.stringify(message);
}

/** What is wrong with a message that has no text. */
export function describeMessage(message: unknown): string {
  if (typeof message === 'string') return 'an empty text';
  if (typeof message !== 'object' || message === null) return shown(message);
  return Object.keys(message).length === 0 ? 'an empty message' : 'a number too large to be sent unchanged';
}

/** Depth is bounded by the reader of the file. */
function holdsInexactNumber(value: unknown): boolean {
  if (typeof value === 'number')
    return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInexactNumber);
}
