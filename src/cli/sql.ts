import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { createViews, openEngine } from '../store/index.ts';
import { EXIT, print, UsageError } from './io.ts';

type Cell = string | number | boolean | null;

/** A result as plain cells: big integers that fit become numbers, everything else that is no scalar becomes text. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

function cell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : value.toString();
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return String(value);
}

/**
 * Runs SQL over a data directory, with a view per table and `gaps`. The engine is in memory and spills into a
 * temporary directory of its own.
 * @throws Error with DuckDB's message.
 */
export async function query(data: string, sql: string): Promise<QueryResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'feedtape-sql-'));
  try {
    const { instance, connection } = await openEngine({
      memory: '2GB',
      threads: 2,
      temporaryDirectory: scratch,
    });
    try {
      await createViews(connection, data);
      const reader = await connection.runAndReadAll(sql);
      return { columns: reader.columnNames(), rows: reader.getRows().map((row) => row.map(cell)) };
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A result as an aligned table: numbers to the right. */
export function renderResult({ columns, rows }: QueryResult): string {
  const texts = rows.map((row) => row.map((value) => (value === null ? 'NULL' : String(value))));
  const widths = columns.map((name, i) => Math.max(name.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const isNumber = columns.map(
    (_, i) => rows.length > 0 && rows.every((row) => row[i] === null || typeof row[i] === 'number'),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => (isNumber[i] === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [
    line(columns),
    rule,
    ...texts.map(line),
    `(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`,
  ].join('\n');
}

function csvCell(value: Cell): string {
  const text = value === null ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function render(result: QueryResult, format: string): string {
  if (format === 'json')
    return result.rows
      .map((row) =>
        JSON.stringify(Object.fromEntries(result.columns.map((name, i) => [name, row[i] ?? null]))),
      )
      .join('\n');
  if (format === 'csv')
    return [result.columns, ...result.rows].map((row) => row.map(csvCell).join(',')).join('\n');
  return renderResult(result);
}

export const sqlCommand = new Command('sql')
  .description(
    'Ask the recorded data: DuckDB with a view per table (trades, book, quotes, tickers, gap_events, undecoded) and the view gaps',
  )
  .argument('<query>', 'SQL, in quotes')
  .option('--data <dir>', 'the data directory', './data')
  .addOption(
    new Option('--format <format>', 'how to print').choices(['table', 'json', 'csv']).default('table'),
  )
  .addHelpText(
    'after',
    '\nExample:\n  feedtape sql "select exchange, market, count(*) from trades group by all order by all"',
  )
  .action(async (sql: string, options: { data: string; format: string }) => {
    if (!existsSync(options.data))
      throw new UsageError(`there is no data directory ${options.data}: name one with --data`);
    try {
      const text = render(await query(options.data, sql), options.format);
      await print(text === '' ? '' : `${text}\n`);
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n`);
      process.exitCode = EXIT.wrong;
    }
  });
