import type { LinkPlan } from '../exchanges/index.ts';
import type { Pacer } from './pacer.ts';

/** A link as the subscriber sees it. */
export interface OpenedLink {
  send(text: string): void;
}

/**
 * Sends a fresh link what its plan asks for: the greeting first, then the subscriptions, paced within the
 * exchange's limits. Answers are understood by the recorder, not here.
 */
export function routeSubscribe(plan: LinkPlan, link: OpenedLink, pacer: Pacer): void {
  for (const text of plan.greeting) pacer.add(() => link.send(text));
  for (const message of plan.subscribe) pacer.add(() => link.send(message.text));
}
