import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EXCHANGES, type Exchange, type Market } from '../exchanges/index.ts';
import { isObject } from '../record/index.ts';
import type { Config, ExchangeConfig } from './config.ts';
import { EntryReader } from './entries.ts';
import { type JsonText, readJsonText } from './json-text.ts';
import { describeMessage, messageText } from './message.ts';
import { ConfigError, type ConfigProblem, type Path, Problems, shown } from './problem.ts';
import { resolveNaming } from './resolve.ts';
import { exchangeFrame, fileFrame, POOL_BYTES_MAX, settingsSchema } from './schema.ts';
import { readShape } from './shape.ts';

/** Largest config file, bytes. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export interface ReadConfigOptions {
  /** The exchanges to choose from; the registry where left out. */
  readonly exchanges?: readonly Exchange[];
}

/**
 * Reads and checks a config file: the first step of the program. Nothing is connected here.
 * @throws ConfigError with every problem found, also where the file cannot be read or is no JSON.
 */
export function readConfig(file: string, options: ReadConfigOptions = {}): Config {
  return parseConfig(readText(file), { ...options, file });
}

/**
 * The same for the text of a config; `file` names it in messages.
 * @throws ConfigError with every problem found.
 */
export function parseConfig(
  text: string,
  options: ReadConfigOptions & { readonly file?: string } = {},
): Config {
  const file = options.file ?? 'config';
  const json = readJsonText(text);
  if (!json.ok)
    throw new ConfigError(file, [
      { path: '', message: `not JSON: line ${json.line}, column ${json.column}: ${json.message}` },
    ]);
  const problems = new Problems();
  const config = checkConfig(json, problems, options.exchanges ?? EXCHANGES);
  if (problems.all.length > 0 || config === null) throw new ConfigError(file, problems.all);
  return config;
}

function checkConfig(
  json: Extract<JsonText, { ok: true }>,
  problems: Problems,
  known: readonly Exchange[],
): Config | null {
  for (const { path, line } of json.repeated)
    problems.add(path, `this key is given twice (again in line ${line}); expected it once`);
  const { value } = json;
  const bare = Array.isArray(value);
  const path: Path = bare ? [] : ['exchanges'];
  const file = readShape(fileFrame, bare ? { exchanges: value } : value, [], problems);
  // Where the file's own shape is wrong, its exchanges are looked at all the same: every problem in one go.
  const entries = file?.exchanges ?? listOf(value, 'exchanges');
  const reader = new EntryReader(problems);
  const exchanges = entries.map((entry, index) =>
    readExchange(entry, [...path, index], known, problems, reader),
  );
  if (file === null) return null;
  const good = exchanges.filter((exchange) => exchange !== null);
  const settings = settingsSchema.parse(file.settings);
  const { chunks, chunkBytes } = settings;
  if (chunks * chunkBytes > POOL_BYTES_MAX)
    problems.add(
      ['settings', 'chunks'],
      `found ${chunks}; expected at most ${Math.floor(POOL_BYTES_MAX / chunkBytes)}, of ${chunkBytes} bytes each`,
    );
  return { data: file.data, exchanges: good, settings };
}

/** A list within an object of which not everything is right. */
function listOf(value: unknown, key: string): readonly unknown[] {
  const list = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
}

/** The text of an object's own key, of which not everything is right. */
function textOf(value: unknown, key: string): string | undefined {
  const text = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof text === 'string' && text !== '' ? text.slice(0, 200) : undefined;
}

function readExchange(
  entry: unknown,
  path: Path,
  known: readonly Exchange[],
  problems: Problems,
  reader: EntryReader,
): ExchangeConfig | null {
  const shape = readShape(exchangeFrame, entry, path, problems);
  if (!isObject(entry)) return null;
  const uri = checkedUrl(textAt(entry, 'uri'), ['wss:', 'ws:'], [...path, 'uri'], problems);
  const rest = checkedUrl(textAt(entry, 'rest'), ['https:', 'http:'], [...path, 'rest'], problems);
  const naming = {
    name: textOf(entry, 'name'),
    exchange: textOf(entry, 'exchange'),
    market: textOf(entry, 'market'),
    url: uri,
  };
  const found = resolveNaming(naming, path, known, problems);
  const entries = listOf(entry, 'streams');
  const market = found?.market;
  const { streams, raw } = reader.read(entries, [...path, 'streams'], { exchange: found?.exchange, market });
  // An address may ask for streams itself: a known host's does by its meaning, another where the exchange plans a
  // link for the address alone.
  const asksByUrl =
    (found?.urlMeaning?.streams.length ?? 0) > 0 ||
    (found !== null &&
      market !== undefined &&
      uri !== undefined &&
      found.exchange.planLinks({ market: market.name, streams: [], uri: uri.href }).length > 0);
  if (shape !== null && entries.length === 0 && !asksByUrl) {
    const what = shape.streams === undefined ? 'missing' : 'found an empty list';
    problems.add([...path, 'streams'], `${what}; expected at least one stream entry`);
  }
  const ping = readPing(entry.ping, [...path, 'ping'], problems);
  if (shape === null || found === null || market === undefined) return null;
  return {
    name: shape.name ?? nameOf(found.exchange, market),
    exchange: found.exchange.name,
    market: market.name,
    ...(shape.uri === undefined ? {} : { uri: shape.uri }),
    ...(rest === undefined || shape.rest === undefined ? {} : { rest: shape.rest.replace(/\/+$/, '') }),
    ...(ping === undefined ? {} : { ping }),
    streams,
    raw,
  };
}

function textAt(entry: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const text = Object.hasOwn(entry, key) ? entry[key] : undefined;
  return typeof text === 'string' ? text : undefined;
}

function nameOf(exchange: Exchange, market: Market): string {
  return `${exchange.title} ${market.name}`;
}

/** The address, where it is one of these schemes and has no fragment (which a WebSocket refuses). */
function checkedUrl(
  text: string | undefined,
  schemes: readonly string[],
  path: Path,
  problems: Problems,
): URL | undefined {
  if (text === undefined || text === '') return undefined;
  const url = URL.parse(text);
  if (url !== null && schemes.includes(url.protocol) && url.hash === '' && !/\s/.test(text)) return url;
  const expected = schemes.map((scheme) => `${scheme}//`).join(' or ');
  const fault = url !== null && url.hash !== '' ? 'an address without "#"' : `an address with ${expected}`;
  problems.add(path, `found ${shown(text)}; expected ${fault}`);
  return undefined;
}

function readPing(ping: unknown, path: Path, problems: Problems): string | undefined {
  if (ping === undefined || ping === '' || (typeof ping !== 'object' && typeof ping !== 'string'))
    return undefined;
  const text = ping === null ? undefined : messageText(ping);
  if (text === null)
    problems.add(path, `found ${describeMessage(ping)}; expected a message, or write it as text`);
  return text ?? undefined;
}

/** Reads at most one byte more than allowed, so that even an endless device ends in a clear message. */
function readText(file: string): string {
  const bytes = Buffer.allocUnsafe(FILE_BYTES_MAX + 1);
  let length = 0;
  try {
    const handle = openSync(file, 'r');
    try {
      if (fstatSync(handle).isDirectory())
        throw refused(file, { path: '', message: 'this is a directory; expected a JSON file' });
      for (let got = 1; got > 0 && length < bytes.length; length += got)
        got = readSync(handle, bytes, length, bytes.length - length, null);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw refused(file, { path: '', message: readFault(error) }, error);
  }
  if (length > FILE_BYTES_MAX)
    throw refused(file, { path: '', message: `larger than ${FILE_BYTES_MAX} bytes, which no config is` });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
  } catch (error) {
    throw refused(file, { path: '', message: 'not UTF-8; expected a JSON file in UTF-8' }, error);
  }
}

function refused(file: string, problem: ConfigProblem, cause?: unknown): ConfigError {
  return new ConfigError(file, [problem], { cause });
}

function readFault(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'this file may not be read by this user';
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
