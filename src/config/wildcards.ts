import type { StreamRequest } from './config.ts';

/** Whether a request's symbol stands for more than itself, so that the listing is needed to plan it. */
export function hasWildcard(request: StreamRequest): boolean {
  return request.symbol.includes('*');
}

export interface ResolvedRequests {
  /** One symbol each, without `*`, each stream once, in the order of the requests. */
  readonly streams: readonly StreamRequest[];
  /** For a person: one for each pattern that matches nothing. */
  readonly problems: readonly string[];
}

/**
 * Replaces symbols with a `*` by those of a listing that match, in the listing's order. Symbols without one are
 * kept whether listed or not: the exchange will say.
 */
export function resolveWildcards(
  requests: readonly StreamRequest[],
  symbols: readonly string[],
): ResolvedRequests {
  const streams = new Map<string, StreamRequest>();
  const matches = new Map<string, readonly string[]>();
  const add = (request: StreamRequest): void => {
    const key = `${request.channel} ${request.feed} ${request.symbol}`;
    if (!streams.has(key)) streams.set(key, request);
  };
  for (const request of requests) {
    if (!hasWildcard(request)) {
      add(request);
      continue;
    }
    const found = matches.get(request.symbol) ?? symbols.filter(matcher(request.symbol));
    matches.set(request.symbol, found);
    for (const symbol of found) add({ ...request, symbol });
  }
  const problems = [...matches]
    .filter(([, found]) => found.length === 0)
    .map(([pattern]) => `none of the ${symbols.length} symbols of the exchange's listing matches ${pattern}`);
  return { streams: [...streams.values()], problems };
}

/** Matches a whole symbol, `*` for any run of characters; linear in the symbol, whatever the pattern. */
function matcher(pattern: string): (symbol: string) => boolean {
  const [head = '', ...parts] = pattern.split('*');
  const tail = parts.pop() ?? '';
  return (symbol) => {
    if (!symbol.startsWith(head) || !symbol.endsWith(tail)) return false;
    let at = head.length;
    for (const part of parts) {
      const found = symbol.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= symbol.length - tail.length;
  };
}
