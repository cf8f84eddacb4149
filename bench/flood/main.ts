import { parseArgs } from 'node:util';
import { MODES } from './script.ts';
import { FloodServer } from './server.ts';

/**
 * The flood, in a process of its own. Every connection gets the same messages.
 *
 *     node bench/flood/main.ts trades|deltas|usdm|quotes|mix [--messages N] [--rate N] [--for SECONDS]
 *
 * `--rate` is for each connection. Prints a line per event: `port N`; and per connection `go` (the flood begins),
 * `sent N of M due` (all handed over, or the client left; M less N it was too slow for), `gone`.
 */
const { values, positionals } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    rate: { type: 'string' },
    for: { type: 'string' },
  },
  allowPositionals: true,
});
const mode = MODES.find((known) => known === positionals[0]);
if (mode === undefined) throw new Error(`expected one of ${MODES.join(', ')}, got "${positionals[0] ?? ''}"`);

const pace = {
  messages: values.for === undefined ? Number(values.messages) : Number.POSITIVE_INFINITY,
  rate: values.rate === undefined ? null : Number(values.rate),
  forMs: values.for === undefined ? null : Number(values.for) * 1000,
};
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
say(`port ${await new FloodServer(mode, pace, say).listen()}`);
