/**
 * One connection's life: dial, greet, subscribe, heartbeat, silence of the line, backoff, orderly close.
 * Everything that happens goes to the tape; nothing that arrives is understood here.
 */
export { Backoff } from './backoff.ts';
export { RequestLimiter } from './limiter.ts';
export { LinkKeeper, type LinkState, type LinkWorld, type MarketPacers, restPauseMs } from './link.ts';
export { LinkNumbers } from './numbers.ts';
export { Pacer } from './pacer.ts';
export { type OpenedLink, routeSubscribe } from './subscribe.ts';
export type { Tape } from './tape.ts';
