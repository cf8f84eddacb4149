import type { Stream } from '../record/index.ts';

/** Whether a feed is one of these; a `*` in a pattern stands for one or more digits. */
export function feedAllowed(feed: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('\\d+')}$`).test(feed);
  });
}

/**
 * The address to dial: the exchange's own scheme and host, or those of the config's `uri`, with `path` (which may
 * bring a query) behind it. A `uri` that already ends with the path is taken as it stands.
 */
export function dialUrl(base: string, path: string, uri?: string): string {
  if (uri === undefined) return base + path;
  const bare = path.split('?')[0] ?? path;
  const given = new URL(uri);
  if (given.search !== '' || (bare !== '' && given.pathname.endsWith(bare))) return uri;
  return uri.replace(/\/+$/, '') + path;
}

/** Splits streams into groups of at most `size`, in order. */
export function chunked<T>(items: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < items.length; start += size) groups.push(items.slice(start, start + size));
  return groups;
}

/** Groups items by a key, in order of first appearance. */
export function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** True where both are the same stream. */
export function sameStream(a: Stream, b: Stream): boolean {
  return a.market === b.market && a.channel === b.channel && a.feed === b.feed && a.symbol === b.symbol;
}
