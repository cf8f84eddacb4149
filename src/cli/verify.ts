import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { type VerifyReport, verifyData } from '../recorder/index.ts';
import { EXIT, print, UsageError } from './io.ts';

function render(data: string, report: VerifyReport): string {
  const lines = [
    `${data}: ${report.files} journal files (${report.sealed} sealed), ${report.blocks} blocks, ${report.frames} frames`,
  ];
  for (const [exchange, { rows, control, repeat, held, undecoded }] of Object.entries(report.outcomes))
    lines.push(
      `${exchange}: frames received ${rows + control + repeat + held + undecoded} = with rows ${rows} + control ${control} + repeats ${repeat} + held ${held} + undecoded ${undecoded}`,
    );
  const tables = Object.entries(report.rows).filter(([, count]) => count > 0);
  if (tables.length > 0)
    lines.push(
      `store = f(journal), rows compared: ${tables.map(([table, count]) => `${table} ${count}`).join(', ')}`,
    );
  lines.push(
    `book checksums matched ${report.checksums.matched}, failed ${report.checksums.failed}; gap events ${report.gaps}`,
  );
  for (const [path, count] of Object.entries(report.drift))
    lines.push(`news: ${count} messages have a field that is not described here: ${path}`);
  for (const note of report.notes) lines.push(`note: ${note}`);
  for (const fault of report.faults) lines.push(`FAULT: ${fault}`);
  lines.push(report.faults.length === 0 ? 'no fault found' : `${report.faults.length} faults found`);
  return `${lines.join('\n')}\n`;
}

export const verifyCommand = new Command('verify')
  .description('Prove the data: block checksums, order, seals, and that the store is what the journal gives')
  .option('--data <dir>', 'the data directory', './data')
  .addHelpText('after', '\nExits 1 if anything is wrong.\n\nExample:\n  feedtape verify --data demo-data')
  .action(async ({ data }: { data: string }) => {
    if (!existsSync(data)) throw new UsageError(`there is no data directory ${data}: name one with --data`);
    const report = await verifyData(data);
    await print(render(data, report));
    if (report.faults.length > 0) process.exitCode = EXIT.wrong;
  });
