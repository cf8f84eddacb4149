import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { catLines } from '../journal/index.ts';
import { EXIT, print, UsageError } from './io.ts';

export const catCommand = new Command('cat')
  .description('Print journal files as text: receive time (µs), link, ordinal, kind, payload')
  .argument('<file...>', 'journal files (*.tape.zst)')
  .option('--raw', 'print payloads alone, one a line')
  .addHelpText(
    'after',
    '\nDamage is named on stderr, and what follows it is printed; exits 1 then.\n\nExample:\n  feedtape cat data/journal/binance/2026-11-22/10-*.tape.zst | grep depthUpdate | head',
  )
  .action(async (files: string[], options: { raw?: boolean }) => {
    for (const file of files) {
      let bytes: Buffer;
      try {
        bytes = await readFile(file);
      } catch (error) {
        throw new UsageError(`${file}: ${(error as Error).message}`);
      }
      for (const part of catLines(bytes, options.raw === true)) {
        if (Buffer.isBuffer(part)) await print(part);
        else {
          process.stderr.write(
            `${file}: block ${part.ordinal} is damaged (${part.reason}): ${part.detail}\n`,
          );
          process.exitCode = EXIT.wrong;
        }
      }
    }
  });
