import type { Random } from './random.ts';

/**
 * What can go wrong on purpose, by name:
 *
 * - `disconnect[:30s]`: a connection ends after a time that is exponentially distributed with this mean, half of
 *   the times without a closing handshake (1006 for the client), else with 1001.
 * - `malformed[:0.005]`: with this probability a data message is preceded by a broken copy of itself, cut somewhere,
 *   so that it is no JSON. The message itself always follows: nothing the exchange numbered is lost.
 */
export type Fault =
  | { readonly kind: 'disconnect'; readonly meanMs: number }
  | { readonly kind: 'malformed'; readonly probability: number };

interface FaultKind {
  readonly parameter: string;
  /** Null where the parameter cannot be read; undefined parameter: the default. */
  readonly read: (parameter: string | undefined) => Fault | null;
}

const KINDS: Readonly<Record<Fault['kind'], FaultKind>> = {
  disconnect: {
    parameter: 'a mean time such as 30s',
    read: (parameter = '30s') => {
      const meanMs = duration(parameter);
      return meanMs === null ? null : { kind: 'disconnect', meanMs };
    },
  },
  malformed: {
    parameter: 'a probability such as 0.005',
    read: (parameter = '0.005') => {
      const probability = Number(parameter);
      return parameter !== '' && probability > 0 && probability <= 1
        ? { kind: 'malformed', probability }
        : null;
    },
  },
};

/** The faults that can be named, for messages and help. */
export const FAULT_NAMES: readonly string[] = Object.keys(KINDS);

/** A list of faults that cannot be read. */
export class FaultError extends Error {
  readonly code: 'unknown-fault' | 'bad-parameter' | 'repeated-fault';
  readonly fault: string;

  constructor(code: FaultError['code'], fault: string, expected: string) {
    super(`--faults: ${JSON.stringify(fault)} is not a fault known here; ${expected}`);
    this.name = 'FaultError';
    this.code = code;
    this.fault = fault;
  }
}

/**
 * Reads a list such as `disconnect:30s,malformed`; an empty list is none.
 * @throws FaultError on a name nobody knows, a parameter that cannot be read, or the same fault twice.
 */
export function parseFaults(list: string): Fault[] {
  const faults: Fault[] = [];
  for (const item of list.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const [name = '', parameter] = item.split(/:(.*)/s);
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name as Fault['kind']] : undefined;
    if (kind === undefined)
      throw new FaultError('unknown-fault', item, `known are: ${FAULT_NAMES.join(', ')}`);
    const fault = kind.read(parameter);
    if (fault === null)
      throw new FaultError('bad-parameter', item, `behind the colon goes ${kind.parameter}`);
    if (faults.some((known) => known.kind === fault.kind))
      throw new FaultError('repeated-fault', item, 'each may be named once');
    faults.push(fault);
  }
  return faults;
}

/** `30s`, `500ms`, `2m`, `1h` or plain seconds, in ms; null where it is none. */
function duration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'];
  const ms = Number(match?.[1]) * (unit ?? Number.NaN);
  return ms > 0 ? ms : null;
}

/** How one connection will suffer; made when it opens. */
export class FaultPlan {
  /** Ends the connection this many ms after it opened; null: never. */
  readonly disconnectMs: number | null;
  /** The end comes without a closing handshake. */
  readonly abrupt: boolean;
  readonly #malformed: number;
  readonly #random: Random;

  constructor(faults: readonly Fault[], random: Random) {
    const disconnect = faults.find((fault) => fault.kind === 'disconnect');
    this.disconnectMs = disconnect === undefined ? null : random.exponential(disconnect.meanMs);
    this.abrupt = random.chance(0.5);
    this.#malformed = faults.find((fault) => fault.kind === 'malformed')?.probability ?? 0;
    this.#random = random;
  }

  /** A broken copy of a JSON text to send before it; null most of the time. */
  broken(text: string): string | null {
    if (this.#malformed === 0 || !this.#random.chance(this.#malformed)) return null;
    // A beginning of an object or an array is never JSON; of a number it might be.
    if (text.length < 2 || (text[0] !== '{' && text[0] !== '[')) return null;
    return text.slice(0, 1 + this.#random.integer(text.length - 1));
  }
}
