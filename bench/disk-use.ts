import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';

/** The tables a flood fills, with the columns that Tardis' CSV files have for the same rows. */
const CSV_COLUMNS: Readonly<Record<string, string>> = {
  trades: `exchange, symbol, epoch_us("timestamp") AS "timestamp", epoch_us(local_timestamp) AS local_timestamp,
    id, side, price, amount`,
  book: `exchange, symbol, epoch_us(coalesce("timestamp", local_timestamp)) AS "timestamp",
    epoch_us(local_timestamp) AS local_timestamp, is_snapshot, side, price, amount`,
  quotes: `exchange, symbol, epoch_us(coalesce("timestamp", local_timestamp)) AS "timestamp",
    epoch_us(local_timestamp) AS local_timestamp, ask_amount, ask_price, bid_price, bid_amount`,
};

/** Bytes on disk of one table's rows. */
export interface TableBytes {
  readonly table: string;
  readonly rows: number;
  readonly storeBytes: number;
  /** The same rows as CSV, in order of receive time, through gzip at level 6. */
  readonly csvGzipBytes: number;
}

/** Bytes of all files below a directory whose names end so; 0 where there is none. One may go while they are counted. */
export function bytesBelow(directory: string, ending: string): number {
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .reduce((sum, path) => sum + (statSync(join(directory, path), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** What the journal of a data directory takes, without the decoder states beside it. */
export function journalBytes(data: string): number {
  return bytesBelow(join(data, 'journal'), '.tape.zst');
}

/** What the finished tables of a data directory take, beside the same rows as gzipped CSV. */
export async function tableBytes(data: string): Promise<TableBytes[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const tables: TableBytes[] = [];
  for (const [table, columns] of Object.entries(CSV_COLUMNS)) {
    const directory = join(data, 'store', table);
    if (!existsSync(directory)) continue;
    const csv = join(data, `${table}.csv`);
    const source = `FROM read_parquet('${join(directory, '**', '*.parquet')}')`;
    await connection.run(
      `COPY (SELECT ${columns} ${source} ORDER BY local_timestamp, link, frame, row) TO '${csv}' (HEADER)`,
    );
    const [[rows] = []] = (await connection.runAndReadAll(`SELECT count(*) ${source}`)).getRows();
    tables.push({
      table,
      rows: Number(rows),
      storeBytes: bytesBelow(directory, '.parquet'),
      csvGzipBytes: await gzippedSize(csv),
    });
  }
  connection.closeSync();
  instance.closeSync();
  return tables;
}

async function gzippedSize(path: string): Promise<number> {
  let size = 0;
  for await (const bytes of createReadStream(path).pipe(createGzip({ level: 6 })))
    size += (bytes as Buffer).length;
  return size;
}
