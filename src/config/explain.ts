import { EXCHANGES, type Exchange, type LinkPlan, type Market } from '../exchanges/index.ts';
import type { Config, ExchangeConfig, StreamRequest } from './config.ts';
import { marketOf, planExchange } from './plan-exchange.ts';
import { hasWildcard } from './wildcards.ts';

/** Columns of text; words are wrapped here. */
const WIDTH = 110;
/** Width of the first column, indent included. */
const LABEL = 13;
/** Links shown of one market; the rest are counted. */
const LINKS_SHOWN = 6;
/** Symbols shown of one feed; the rest are counted. */
const SYMBOLS_SHOWN = 20;

/**
 * The plan of a config as a person reads it: for each market its links with address, streams and feeds, what of the
 * limits they use, the heartbeat, and which symbols are resolved at start. What `validate` prints.
 */
export function explainPlan(config: Config, exchanges: readonly Exchange[] = EXCHANGES): string {
  const lines: string[] = [];
  const all: LinkPlan[] = [];
  let patterns = 0;
  /** Where each text about limits was printed first: markets of an exchange mostly share theirs. */
  const printed = new Map<string, string>();
  for (const entry of config.exchanges) {
    const { exchange, market } = marketOf(entry, exchanges);
    const { plans } = planExchange(entry, undefined, exchanges);
    const asked = entry.streams.filter(hasWildcard);
    all.push(...plans);
    patterns += new Set(asked.map(({ symbol }) => symbol)).size;
    const title = `${exchange.name} ${market.name}`;
    lines.push(tells(title, entry.name) ? title : `${title}  (${entry.name})`);
    lines.push(...explainLinks(plans, market));
    if (asked.length > 0) lines.push(...explainPatterns(entry, market, asked));
    const rules = explainRules(entry, market);
    const first = printed.get(rules.join());
    printed.set(rules.join(), first ?? title);
    lines.push(...(first === undefined ? rules : labelled('limits', `and heartbeat as ${first}`)), '');
  }
  lines.push(total(config, all, patterns), `data goes to ${config.data}`);
  return lines.join('\n');
}

function total(config: Config, plans: readonly LinkPlan[], patterns: number): string {
  const counts = [counted(config.exchanges.length, 'market')];
  if (plans.length > 0) counts.push(counted(plans.length, 'link'), counted(streamCount(plans), 'stream'));
  if (patterns > 0) counts.push(`${counted(patterns, 'pattern')} to resolve at start`);
  return counts.join(', ');
}

function streamCount(plans: readonly LinkPlan[]): number {
  return plans.reduce((sum, plan) => sum + plan.streams.length, 0);
}

function explainLinks(plans: readonly LinkPlan[], market: Market): string[] {
  const lines = plans.slice(0, LINKS_SHOWN).flatMap((plan, index) => explainLink(plan, index + 1, market));
  const hidden = plans.slice(LINKS_SHOWN);
  if (hidden.length === 0) return lines;
  const text = `and ${counted(hidden.length, 'more link')} with ${counted(streamCount(hidden), 'stream')}`;
  return [...lines, ...labelled('', text)];
}

function explainRules(entry: ExchangeConfig, market: Market): string[] {
  return [
    ...labelled('heartbeat', heartbeatOf(entry, market)),
    ...labelled('limits', limitsOf(market)),
    ...labelled('', market.limits.source),
  ];
}

function explainLink(plan: LinkPlan, number: number, market: Market): string[] {
  const used = `${plan.streams.length} of ${counted(market.limits.streamsPerLink, 'stream')}`;
  const texts = counted(plan.greeting.length + plan.subscribe.length, 'message');
  const lines = [...labelled(`link ${number}`, plan.url), ...labelled('', `${used}, ${texts} to send`)];
  lines.push(...feedTable(plan.streams));
  for (const { text, streams } of plan.subscribe)
    if (streams.length === 0) lines.push(...labelled('raw', shortened(text)));
  return lines;
}

/** One line for each channel and feed, with its symbols. */
function feedTable(streams: readonly StreamRequest[]): string[] {
  const groups = new Map<string, { channel: string; feed: string; symbols: string[] }>();
  for (const { channel, feed, symbol } of streams) {
    const key = `${channel} ${feed}`;
    const group = groups.get(key) ?? { channel, feed, symbols: [] };
    group.symbols.push(symbol);
    groups.set(key, group);
  }
  const all = [...groups.values()];
  const channelWidth = Math.max(0, ...all.map(({ channel }) => channel.length));
  const feedWidth = Math.max(0, ...all.map(({ feed }) => feed.length));
  return all.flatMap(({ channel, feed, symbols }) => {
    const head = `${channel.padEnd(channelWidth)}  ${feed.padEnd(feedWidth)}  `;
    return hanging(' '.repeat(LABEL) + head, listed(symbols));
  });
}

function explainPatterns(
  entry: ExchangeConfig,
  market: Market,
  patterns: readonly StreamRequest[],
): string[] {
  const listing = (entry.rest ?? market.rest) + market.listing.path;
  return [...labelled('at start', `symbols looked up in ${listing}`), ...feedTable(patterns)];
}

function heartbeatOf(entry: ExchangeConfig, market: Market): string {
  const { intervalMs, message, answerMs, idleMs } = market.heartbeat;
  const closed = `closed after ${duration(idleMs)} without a byte`;
  const own = message === null ? undefined : message(1);
  const text = entry.ping ?? own;
  if (intervalMs === null || text === undefined) {
    const unused = entry.ping === undefined ? '' : ' (the ping given is not sent)';
    return `the exchange pings${unused}; ${closed}`;
  }
  const whose = entry.ping === undefined ? '' : ', as given';
  const answer = `answered within ${duration(answerMs)}`;
  return `${shortened(text)} every ${duration(intervalMs)}${whose}, ${answer}; ${closed}`;
}

function limitsOf({ limits }: Market): string {
  return [
    `${counted(limits.streamsPerLink, 'stream')} a link`,
    `a message every ${duration(limits.sendIntervalMs)}`,
    `a dial every ${duration(limits.dialIntervalMs)}`,
    `a REST request every ${duration(limits.restIntervalMs)}`,
  ].join(', ');
}

/** Whether a title holds every word of a name, so that the name need not be printed. */
function tells(title: string, name: string): boolean {
  const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const known = new Set(words(title));
  return words(name).every((word) => known.has(word));
}

function listed(symbols: readonly string[]): string {
  const more = symbols.length - SYMBOLS_SHOWN;
  const shown = symbols.slice(0, SYMBOLS_SHOWN).join(' ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function labelled(label: string, text: string): string[] {
  return hanging(`  ${label}`.padEnd(LABEL), text);
}

/** `head` and the words of `text` behind it, wrapped under themselves. */
function hanging(head: string, text: string): string[] {
  const lines: string[] = [];
  let line = head;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(head.length);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}

function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  return ms < 120_000 ? `${ms / 1000} s` : `${Math.round(ms / 6000) / 10} min`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const TEXT_SHOWN = 80;

/** A message on one line; control characters were refused or are escaped in JSON. */
function shortened(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
  return line.length > TEXT_SHOWN ? `${line.slice(0, TEXT_SHOWN)}…` : line;
}
