/**
 * The one binary, `feedtape`: a file per command. Results go to stdout, everything else to stderr.
 *
 * Exit codes: 0 fine, 1 it looked and found something wrong, 2 wrong usage or config, 130 second signal.
 */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/index.ts';
import { DataDirectoryError } from '../recorder/index.ts';
import { catCommand } from './cat.ts';
import { decodeCommand } from './decode.ts';
import { demoCommand } from './demo.ts';
import { EXIT, packageVersion, UsageError } from './io.ts';
import { recordCommand } from './record.ts';
import { simulateCommand } from './simulate.ts';
import { sqlCommand } from './sql.ts';
import { validateCommand } from './validate.ts';
import { verifyCommand } from './verify.ts';

const program = new Command('feedtape')
  .description(
    'Records crypto market data from many exchanges at once, keeps every message, and proves what it kept.',
  )
  .version(packageVersion())
  .showHelpAfterError('(feedtape --help tells more)');

for (const command of [
  recordCommand,
  demoCommand,
  validateCommand,
  simulateCommand,
  decodeCommand,
  catCommand,
  verifyCommand,
  sqlCommand,
])
  program.addCommand(command.exitOverride());
program.exitOverride();

// A reader that stops early (`feedtape cat ... | head`) is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.fine);
  throw error;
});

// A closed terminal or log pipe is no reason to stop recording; its messages are lost with it.
process.stderr.on('error', () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  else if (error instanceof UsageError || error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.usage;
  } else if (error instanceof DataDirectoryError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.wrong;
  } else throw error;
}
