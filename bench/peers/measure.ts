/**
 * Reads until `total` messages came and prints `read <json>` as bench/reader.ts does. The clock starts with the first,
 * as the plain readers' does with the opened connection; CPU is that of the whole process, all its threads.
 */
export async function measure<T>(
  items: AsyncIterable<T>,
  total: number,
  messagesIn: (item: T) => number,
): Promise<void> {
  let seen = 0;
  let started = 0;
  let cpuAtStart = process.cpuUsage();
  for await (const item of items) {
    const before = seen;
    seen += messagesIn(item);
    if (before === 0 && seen > 0) {
      started = performance.now();
      cpuAtStart = process.cpuUsage();
    }
    if (seen >= total) break;
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuAtStart);
  const figure = { messagesPerSecond: seen / seconds, cpuMicrosPerMessage: (user + system) / seen };
  process.stdout.write(`read ${JSON.stringify(figure)}\n`, () => process.exit());
}
