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

/** Errors that say themselves what to do are printed without a stack; by their names, since their classes may not be loaded. */
const EXPECTED: ReadonlyMap<string, number> = new Map([
  ['UsageError', EXIT.usage],
  ['ConfigError', EXIT.usage],
  ['DataDirectoryError', EXIT.wrong],
]);

const program = new Command('feedtape')
  .description(
    'Records crypto market data from many exchanges at once, keeps every message, and proves what it kept.',
  )
  .version(packageVersion())
  .showHelpAfterError('(feedtape --help tells more)');
const [asked = ''] = process.argv.slice(2);
// Help, and mistakes, are answered with all commands.
const isOne = Object.hasOwn(COMMANDS, asked) || asked === '--version' || asked === '-V';
for (const [name, load] of Object.entries(COMMANDS))
  if (!isOne || name === asked) program.addCommand((await load()).exitOverride());
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
  else if (error instanceof Error && EXPECTED.has(error.name)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXPECTED.get(error.name);
  } else throw error;
}
