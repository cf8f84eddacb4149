/**
 * The config: reads a file, says everything that is wrong with it at once, and turns it into link plans.
 *
 * Guarantees: `readConfig` returns a checked `Config` (every exchange, market, channel and feed is one that the
 * registry knows, every default is filled in) or throws a `ConfigError`, whatever the file holds. Nothing is
 * connected here: symbols with a `*` are resolved by whoever has the exchange's listing, with `resolveWildcards`.
 *
 * The file's format is in docs/config.md and schema/feedtape.schema.json.
 */
export type { Config, ExchangeConfig, LogLevel, Settings, StreamRequest } from './config.ts';
export { explainPlan } from './explain.ts';
export { configJsonSchema } from './json-schema.ts';
export { type ExchangePlan, planExchange } from './plan-exchange.ts';
export { ConfigError, type ConfigProblem } from './problem.ts';
export { parseConfig, type ReadConfigOptions, readConfig } from './read-config.ts';
export { hasWildcard, type ResolvedRequests, resolveWildcards } from './wildcards.ts';
