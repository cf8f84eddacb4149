import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { listTree } from '../host/index.ts';
import { formatBytes } from '../monitor/index.ts';
import { parseDuration, print } from './io.ts';
import { record } from './record.ts';
import { query, renderResult } from './sql.ts';

/** The demo's first question: what was recorded, per exchange and market. */
const FIRST_ANSWER = `
  SELECT exchange, market, count(*) AS trades, count(DISTINCT symbol) AS symbols,
         round(sum(price * amount)) AS turnover, min(local_timestamp) AS first, max(local_timestamp) AS last
  FROM trades GROUP BY ALL ORDER BY ALL`;

async function sizes(data: string): Promise<{ files: number; bytes: number }> {
  const files = existsSync(data) ? await listTree(data) : [];
  return {
    files: files.length,
    bytes: files.reduce((sum, file) => sum + statSync(join(data, file)).size, 0),
  };
}

export const demoCommand = new Command('demo')
  .description(
    'Record all simulated exchanges for 30 seconds into ./demo-data, with the live table, and show what came of it',
  )
  .option('--for <time>', 'how long', parseDuration, 30_000)
  .option('--data <dir>', 'where to write', 'demo-data')
  .addHelpText('after', '\nExample:\n  npm run demo -- --for 20s')
  .action(async (options: { for: number; data: string }) => {
    const end = await record(undefined, { ...options, simulate: true });
    if (end.balance !== null) {
      const journal = await sizes(join(options.data, 'journal'));
      const store = await sizes(join(options.data, 'store'));
      const example = (await listTree(join(options.data, 'store', 'trades')))[0];
      await print(`
Recorded in ${options.data}:
  journal  ${journal.files} files, ${formatBytes(journal.bytes)}: every frame, byte-exact; read it with "zstd -dc FILE"
  store    ${store.files} files, ${formatBytes(store.bytes)}: Parquet, opens in pandas, polars and DuckDB
           e.g. ${join(options.data, 'store', 'trades', example ?? '')}

npm run -s feedtape -- sql --data ${options.data} "${FIRST_ANSWER.trim().replace(/\s+/g, ' ')}"

${renderResult(await query(options.data, FIRST_ANSWER))}

Next: npm run -s feedtape -- verify --data ${options.data}      npm start      npm run -s feedtape -- --help
`);
    }
    process.exit();
  });
