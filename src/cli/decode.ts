import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import type { RowObject } from '../record/index.ts';
import { CorpusReader } from '../recorder/index.ts';
import { EXIT, print, UsageError } from './io.ts';

/** Output is handed on when this many characters are there. */
const BLOCK = 1 << 16;

export const decodeCommand = new Command('decode')
  .description('Read messages and print their normalized rows as NDJSON, times in µs')
  .argument(
    '[file]',
    'a capture (one JSON object a line: open, sent, recv, http), or raw messages; standard input without it',
  )
  .option('--exchange <name>', 'raw lines, one message a line: the exchange')
  .option('--market <name>', 'raw lines: the market')
  .addHelpText(
    'after',
    `
A capture names its connections: {"t":"open","conn":"1","url":"wss://..."}, then {"t":"recv","conn":"1","data":"..."}.
Exits 1 if a frame could not be decoded for any reason but not-handled.

Examples:
  feedtape decode capture.jsonl
  feedtape decode --exchange binance --market spot messages.txt`,
  )
  .action(async (file: string | undefined, options: { exchange?: string; market?: string }) => {
    let out = '';
    let failed = 0;
    const reader = new CorpusReader((row: RowObject) => {
      if (row.table === 'undecoded' && row.reason !== 'not-handled') failed++;
      out += `${JSON.stringify(row)}\n`;
    });
    const raw = options.exchange !== undefined || options.market !== undefined;
    if (raw) {
      if (options.exchange === undefined || options.market === undefined)
        throw new UsageError('raw lines need both --exchange and --market');
      try {
        reader.openRaw(options.exchange, options.market);
      } catch (error) {
        throw new UsageError((error as Error).message);
      }
    }
    const input = file === undefined || file === '-' ? process.stdin : createReadStream(file);
    try {
      for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (raw) reader.rawLine(line);
        else reader.captureLine(line);
        if (out.length > BLOCK) {
          await print(out);
          out = '';
        }
      }
    } catch (error) {
      await print(out);
      throw new UsageError(`${file ?? 'standard input'}: ${(error as Error).message}`);
    }
    await print(out);
    for (const [path, count] of reader.drift())
      process.stderr.write(`news: ${count} messages have a field that is not described here: ${path}\n`);
    if (failed > 0) {
      process.stderr.write(`${failed} frames could not be decoded: see the undecoded rows\n`);
      process.exitCode = EXIT.wrong;
    }
  });
