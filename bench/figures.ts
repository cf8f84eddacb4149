import { cpus, release } from 'node:os';

/** What one run of one program measured. */
export interface Figure {
  readonly messagesPerSecond: number;
  readonly cpuMicrosPerMessage: number;
}

/** The middle value; of an even number, the lower middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

export function medianFigure(figures: readonly Figure[]): Figure {
  return {
    messagesPerSecond: median(figures.map((figure) => figure.messagesPerSecond)),
    cpuMicrosPerMessage: median(figures.map((figure) => figure.cpuMicrosPerMessage)),
  };
}

/** A Markdown table; every column but the first is right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...rows];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

export function thousands(value: number): string {
  return `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)} k`;
}

/** The machine and the day, for the head of every result. */
export function machine(): string {
  const [first] = cpus();
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${first?.model.trim() ?? 'unknown'}, Linux ${release()}, Node ${process.versions.node}`;
}
