import { readFileSync } from 'node:fs';

/** Wrong usage: printed without a stack, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Exit codes (DESIGN section 7). */
export const EXIT = { fine: 0, wrong: 1, usage: 2 } as const;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a length of time such as `30s`, `5m`, `250ms` (a bare number is seconds) into ms.
 * @throws UsageError
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  const unit = UNITS[match?.[2] ?? 's'];
  if (match === null || unit === undefined)
    throw new UsageError(
      `"${text}" is no length of time: expected a number with ms, s, m, h or d, such as 30s`,
    );
  const ms = Number(match[1]) * unit;
  if (ms < 1 || !Number.isFinite(ms))
    throw new UsageError(`"${text}" is no time to run for: expected at least 1ms, such as 30s`);
  return ms;
}

/**
 * Reads a whole number of at least `least`.
 * @throws UsageError
 */
export function parseCount(what: string, least = 0): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new UsageError(`${what} is "${text}": expected a whole number of at least ${least}`);
    return value;
  };
}

/** Writes results to stdout and resolves when they are taken, so that a pipe that is read slowly loses nothing. */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** The package's version. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
