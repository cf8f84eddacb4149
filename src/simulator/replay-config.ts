import { writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject, parseJson } from '../record/index.ts';
import type { Capture, RecordedConnection } from './capture.ts';

const SCHEMA = fileURLToPath(new URL('../../schema/feedtape.schema.json', import.meta.url));

/**
 * Writes the config that repeats a capture against its replay on `port`: one entry per recorded connection, its
 * messages as raw streams in order, without pings (the link has its own). What a config cannot say is noted.
 */
export async function writeReplayConfig(
  path: string,
  capture: Capture,
  port: number,
  note: (text: string) => void,
): Promise<void> {
  const exchanges = capture.connections.flatMap((recorded, index) => {
    const entry = entryOf(recorded, index + 1, port, note);
    return entry === null ? [] : [entry];
  });
  const $schema = relative(dirname(resolve(path)), SCHEMA);
  await writeFile(path, `${JSON.stringify({ $schema, exchanges }, null, 2)}\n`);
}

function entryOf(
  recorded: RecordedConnection,
  number: number,
  port: number,
  note: (text: string) => void,
): object | null {
  const { exchange, market, url, lines } = recorded;
  if (exchange === null) {
    note(`${recorded.conn} is not in the config: no exchange known here has the address ${url.origin}`);
    return null;
  }
  const streams: object[] = [];
  for (const line of lines) {
    if (line.kind !== 'sent' || exchange.readRequest(market, line.text).kind === 'ping') continue;
    const message = parseJson(line.text);
    if (isObject(message)) streams.push(message);
    else
      note(`${recorded.conn}: not in the config, because it is no JSON object: ${line.text.slice(0, 200)}`);
  }
  const restPath = new URL(exchange.markets[market]?.rest ?? 'http://localhost').pathname.replace(/\/+$/, '');
  return {
    name: `${exchange.title} ${market} ${number}`,
    exchange: exchange.name,
    market,
    uri: `ws://127.0.0.1:${port}${url.pathname}${url.search}`,
    rest: `http://127.0.0.1:${port}${restPath}`,
    streams,
  };
}
