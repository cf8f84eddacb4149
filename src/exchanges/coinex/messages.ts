import { isObject } from '../../record/index.ts';
import type { WireChannel } from './requests.ts';

/*
 * A push that its shape refuses is looked at again: is it built otherwise, or is only one of its numbers no decimal?
 */

/** A market's name, which every push must have. */
export function isMarketName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** What may stand for a decimal: text in all samples, a number just in case. */
function isDecimalValue(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

/** Whether the `deal_list` of a refused push is built as one (protocols/coinex.md 7.3). */
export function isDealList(list: unknown): boolean {
  return Array.isArray(list) && list.every(isDeal);
}

function isDeal(entry: unknown): boolean {
  return (
    isObject(entry) && isDealId(entry.deal_id) && isDecimalValue(entry.price) && isDecimalValue(entry.amount)
  );
}

/** A number above 2^53 has lost its last digits already: better no trade than a wrong id. */
function isDealId(id: unknown): boolean {
  if (typeof id === 'string') return /^\d+$/.test(id);
  return Number.isSafeInteger(id) && (id as number) >= 0;
}

/** Whether the `depth` of a refused push is built as one (protocols/coinex.md 7.4). */
export function isDepth(depth: unknown): boolean {
  return isObject(depth) && isSide(depth.bids) && isSide(depth.asks);
}

function isSide(side: unknown): boolean {
  return side === undefined || side === null || (Array.isArray(side) && side.every(isLevel));
}

function isLevel(level: unknown): boolean {
  return Array.isArray(level) && isDecimalValue(level[0]) && isDecimalValue(level[1]);
}

/** Whether the `state_list` of a refused push is built as one (protocols/coinex.md 7.1). */
export function isStateList(list: unknown): list is { readonly market: string }[] {
  return Array.isArray(list) && list.every((entry) => isObject(entry) && isMarketName(entry.market));
}

/** What can be seen of a push whose text is broken: its channel, and its market where that far is whole. */
export interface Glimpse {
  readonly channel: WireChannel;
  readonly market: string | null;
}

/** Looks at the beginning of a broken push, in the order of keys that all samples have. Null where nothing is seen. */
export function glimpse(text: string): Glimpse | null {
  const seen = /^\{"method":"(deals|depth|bbo|state)\.update"(?:,"data":\{"market":"([^"\\]+)")?/.exec(text);
  return seen === null ? null : { channel: seen[1] as WireChannel, market: seen[2] ?? null };
}
