/**
 * Milliseconds or microseconds since the epoch to µs: which of the two is told by the number of digits, 13 or 16
 * (both hold from 2001 to 2286). NaN (null) of anything that is not such a number.
 */
export function toMicroseconds(time: unknown): number {
  const value = typeof time === 'string' && time !== '' ? Number(time) : time;
  if (typeof value !== 'number' || !(value > 0)) return Number.NaN;
  if (value < 1e11) return Math.round(value * 1e6);
  if (value < 1e14) return Math.round(value * 1e3);
  return Math.round(value);
}

/** µs since the epoch as ISO text with µs, for people: `2026-11-22T10:00:00.123456Z`. */
export function isoMicroseconds(time: number): string {
  const ms = Math.floor(time / 1000);
  const rest = String(Math.floor(time) % 1000).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${rest}Z`);
}
