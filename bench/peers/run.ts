import { parseArgs } from 'node:util';
import { Child, here, startFlood } from '../child.ts';
import { type Figure, machine, medianFigure, table, thousands } from '../figures.ts';
import { Recording, recordFlood } from '../record-flood.ts';

/**
 * `npm run bench:peers`: `feedtape record`, which stores everything, beside tardis-dev and ccxt, which store nothing, on
 * the same flood in turns.
 *
 *     npm run bench:peers -- [--runs 5] [--trades N] [--diffs N]
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    trades: { type: 'string', default: '8000000' },
    diffs: { type: 'string', default: '2000000' },
  },
});
const runs = Number(values.runs);

/** A peer: its name, and the arguments of its process before port and number of messages. */
type Peer = readonly [name: string, script: string, ...args: string[]];

const PEERS = {
  trades: [
    ['tardis-dev `stream`', 'tardis.ts', 'raw'],
    ['tardis-dev `streamNormalized`, trades', 'tardis.ts', 'trades'],
    ['ccxt `watchTrades`', 'ccxt.ts'],
  ],
  deltas: [['tardis-dev `streamNormalized`, book changes', 'tardis.ts', 'book']],
  usdm: [['tardis-dev `streamNormalized`, book changes', 'tardis.ts', 'usdm']],
} as const satisfies Readonly<Record<string, readonly Peer[]>>;

/** Peers would take loopback through a proxy, where the environment names one. */
const NO_PROXY = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /_proxy$/i.test(name))
    .map((name) => [name, undefined]),
);

async function runPeer(
  [, script, ...args]: Peer,
  flood: Child,
  port: number,
  messages: number,
): Promise<Figure> {
  const peer = new Child([here(`peers/${script}`), ...args, String(port), String(messages)], NO_PROXY);
  const figure = JSON.parse(await peer.next('read')) as Figure;
  await Promise.all([flood.next('go'), flood.next('sent'), flood.next('gone'), peer.exit]);
  return figure;
}

async function compare(mode: keyof typeof PEERS, messages: number): Promise<void> {
  const { flood, port } = await startFlood(mode, ['--messages', String(messages)]);
  const ours: Figure[] = [];
  const theirs = PEERS[mode].map((peer) => ({ peer, figures: [] as Figure[] }));
  for (let run = 0; run < runs; run++) {
    for (const { peer, figures } of theirs) figures.push(await runPeer(peer, flood, port, messages));
    using recording = new Recording(mode, port);
    ours.push(await recordFlood(recording, flood, messages));
  }
  await flood.stop();
  const record = medianFigure(ours);
  const row = (name: string, figure: Figure): string[] => [
    name,
    thousands(figure.messagesPerSecond),
    figure.cpuMicrosPerMessage.toFixed(2),
    (record.messagesPerSecond / figure.messagesPerSecond).toFixed(2),
    (figure.cpuMicrosPerMessage / record.cpuMicrosPerMessage).toFixed(2),
  ];
  process.stdout.write(`## ${mode}, ${messages} messages\n\n`);
  process.stdout.write(
    `${table(
      ['', 'messages/s', 'CPU µs per message', 'rate of record / this', 'CPU of this / record'],
      [
        ...theirs.map(({ peer, figures }) => row(peer[0], medianFigure(figures))),
        row('`feedtape record`, everything on disk', record),
      ],
    )}\n`,
  );
}

process.stdout.write(`${machine()}, median of ${runs}\n\n`);
await compare('trades', Number(values.trades));
await compare('deltas', Number(values.diffs));
await compare('usdm', Number(values.diffs));
