/** One line of the live table, ready to be shown. */
export interface LiveRow {
  readonly exchange: string;
  readonly market: string;
  readonly links: string;
  readonly streamsUp: number;
  readonly streamsAsked: number;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly journalBytes: number;
  readonly lastTrade: string;
  readonly lagMsP50: number | null;
  readonly lagMsP99: number | null;
  readonly gaps: string;
}

/** Bytes for people: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  for (const [unit, size] of [
    ['kB', 1e3],
    ['MB', 1e6],
    ['GB', 1e9],
  ] as const)
    if (bytes < size * 1000 || unit === 'GB') return `${(bytes / size).toFixed(1)} ${unit}`;
  return `${bytes} B`;
}

/** Text from outside, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

function formatMs(ms: number | null): string {
  if (ms === null) return '-';
  if (Math.abs(ms) < 10) return ms.toFixed(1);
  return String(Math.round(ms));
}

const COLUMNS: readonly {
  readonly title: string;
  readonly right?: true;
  readonly text: (row: LiveRow) => string;
}[] = [
  { title: 'exchange', text: (row) => row.exchange },
  { title: 'market', text: (row) => row.market },
  { title: 'links', text: (row) => row.links },
  { title: 'streams', right: true, text: (row) => `${row.streamsUp}/${row.streamsAsked}` },
  { title: 'frames/s', right: true, text: (row) => row.framesPerSecond.toFixed(0) },
  { title: 'MB/s', right: true, text: (row) => (row.bytesPerSecond / 1e6).toFixed(3) },
  { title: 'journal', right: true, text: (row) => formatBytes(row.journalBytes) },
  { title: 'last trade', text: (row) => row.lastTrade },
  { title: 'lag p50', right: true, text: (row) => formatMs(row.lagMsP50) },
  { title: 'p99 ms', right: true, text: (row) => formatMs(row.lagMsP99) },
  { title: 'gaps', right: true, text: (row) => row.gaps },
];

/** The table as lines of text, aligned; each line is cut to `width` characters. */
export function renderTable(rows: readonly LiveRow[], width: number): string[] {
  const cells = rows.map((row) => COLUMNS.map((column) => printable(column.text(row))));
  const widths = COLUMNS.map((column, i) =>
    Math.max(column.title.length, ...cells.map((line) => (line[i] ?? '').length)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) =>
        COLUMNS[i]?.right === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd()
      .slice(0, width);
  return [line(COLUMNS.map((column) => column.title)), ...cells.map(line)];
}

/** Draws lines over the ones drawn before, on a terminal. */
export class LiveScreen {
  readonly #write: (text: string) => void;
  #drawn = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  draw(lines: readonly string[]): void {
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#write(`${up}${lines.map((line) => `\u001b[2K${line}`).join('\n')}\n\u001b[J`);
    this.#drawn = lines.length;
  }

  /** Writes a line above the table: the next draw begins below it. */
  above(line: string): void {
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#write(`${up}\u001b[J${line}\n`);
    this.#drawn = 0;
  }
}
