/** The event loop's next turn: messages, timers and the disk have had theirs when it resolves. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
