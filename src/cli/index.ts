/**
 * The one binary, `feedtape`: a file per command. Results go to stdout, everything else to stderr.
 *
 * Exit codes: 0 fine, 1 it looked and found something wrong, 2 wrong usage or config, 130 second signal.
 */
import { Command, CommanderError } from 'commander';
import { EXIT, packageVersion } from './io.ts';

/** The commands, in the order of the help. Only the file of the one that is asked for is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  record: async () => (await import('./record.ts')).recordCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  validate: async () => (await import('./validate.ts')).validateCommand,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  decode: async () => (await import('./decode.ts')).decodeCommand,
  cat: async () => (await import('./cat.ts')).catCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  sql: async () => (await import('./sql.ts')).sqlCommand,
};

/** What is printed without a stack: errors that say themselves what to do, by their names. */
const EXPECTED: Readonly<Record<string, number>> = {
  UsageError: EXIT.usage,
  ConfigError: EXIT.usage,
  DataDirectoryError: EXIT.wrong,
};

const program = new Command('feedtape')
  .description(
    'Records crypto market data from many exchanges at once, keeps every message, and proves what it kept.',
  )
  .version(packageVersion())
  .showHelpAfterError('(feedtape --help tells more)');
const [asked = ''] = process.argv.slice(2);
// What is neither a command nor a wish for the version is one for help, or a mistake: both are answered with all commands.
for (const [name, load] of Object.entries(COMMANDS))
  if (name === asked || (!Object.hasOwn(COMMANDS, asked) && !['--version', '-V'].includes(asked)))
    program.addCommand((await load()).exitOverride());
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
  const expected = error instanceof Error && Object.hasOwn(EXPECTED, error.name) ? error : null;
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  else if (expected !== null) {
    process.stderr.write(`${expected.message}\n`);
    process.exitCode = EXPECTED[expected.name] ?? EXIT.wrong;
  } else throw error;
}
