/** The event loop's next turn: messages, timers and the disk have had theirs when it resolves. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** How long a pause is, ms. */
const PAUSE_MS = 25;

/** A while, for what can do nothing now and need not be quick. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
}
