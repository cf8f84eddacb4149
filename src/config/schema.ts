import { z } from 'zod';
import { CHANNELS } from '../record/index.ts';
import { LOG_LEVELS } from './config.ts';

/**
 * The shape of a config file, as data: what `readConfig` checks first, and what the published JSON Schema is made
 * from. Each `error` says what is expected there, each description is what an editor shows.
 */

/** Words of the labelled form's `type`: the channels and their singular. */
export const SINGULARS = {
  trade: 'trades',
  quote: 'quotes',
  liquidation: 'liquidations',
  candle: 'candles',
} as const;

const KIB = 1024;
const MIB = 1024 * KIB;

/** All chunks together, bytes. */
export const POOL_BYTES_MAX = 2048 * MIB;

/** Longest address or path, and longest name. */
const TEXT_MAX = 10_000;
const NAME_MAX = 200;

function text(expected: string, description: string, most = TEXT_MAX) {
  const error = `${expected}, at most ${most} characters`;
  return z.string({ error }).min(1, { error }).max(most, { error }).meta({ description });
}

/** An optional whole number with bounds and a default. */
function whole(least: number, most: number, fallback: number, description: string) {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error }).default(fallback).meta({ description });
}

const MEMORY = 'an amount of memory such as "512MB" or "2GiB"';
const LEVEL = `one of ${LOG_LEVELS.join(', ')}`;

export const settingsSchema = z
  .strictObject(
    {
      syncMs: whole(10, 60_000, 250, 'Longest time until what was received is on disk, in milliseconds.'),
      frameBytesMax: whole(
        64 * KIB,
        256 * MIB,
        16 * MIB,
        'Largest message in bytes; a larger one closes its link.',
      ),
      fileBytesMax: whole(
        MIB,
        1024 * MIB,
        256 * MIB,
        'A journal file is sealed when it reaches this size in bytes.',
      ),
      chunkBytes: whole(
        16 * KIB,
        64 * MIB,
        256 * KIB,
        'Size in bytes of one chunk between ear and recorder.',
      ),
      chunks: whole(
        4,
        4096,
        64,
        'How many chunks there are, 2 GiB of them at most; when none is free, the sockets are read no further.',
      ),
      densePercent: whole(
        0,
        100,
        25,
        'Share of one core, in per cent, for writing sealed journal files again, denser; 0: they stay as they are.',
      ),
      memory: z
        .string({ error: MEMORY })
        .regex(/^[1-9]\d{0,5} ?(?:[KMG]i?B)$/, { error: MEMORY })
        .default('512MB')
        .meta({ description: 'Memory that the engine of the store (DuckDB) may take.' }),
      logLevel: z
        .enum(LOG_LEVELS, { error: LEVEL })
        .default('info')
        .meta({ description: 'Least serious log line that is written.' }),
    },
    { error: 'an object of settings' },
  )
  .meta({ description: 'What concerns the recorder as a whole. Everything has a default.' });

const CHANNEL = `a channel such as ${CHANNELS.join(', ')}, with a feed behind an @ where it is not the default one`;
const SYMBOL = 'a symbol as the exchange spells it; * stands for any characters';

export const semanticEntry = z
  .strictObject(
    {
      channels: z
        .array(
          z.string({ error: CHANNEL }).meta({
            anyOf: [{ enum: [...CHANNELS] }, { pattern: `^(${CHANNELS.join('|')})@.+$` }],
            examples: ['trades', 'book', 'quotes', 'ticker', 'book@depth'],
          }),
          { error: 'a list of channels' },
        )
        .min(1, { error: 'at least one channel' })
        .meta({
          description: 'What is asked for: channels, each with another feed than its default behind an @.',
        }),
      symbols: z
        .array(z.string({ error: SYMBOL }).meta({ pattern: '^\\S+$', examples: ['BTCUSDT', 'ETH*'] }), {
          error: 'a list of symbols',
        })
        .min(1, { error: 'at least one symbol' })
        .meta({
          description: 'Symbols as the exchange spells them. A * is resolved from its listing at start.',
        }),
    },
    { error: 'an object with channels and symbols' },
  )
  .meta({ id: 'semantic', description: 'Semantic: every channel of every symbol.' });

const MESSAGE = 'the message to send: an object, or its text';

export const labelledEntry = z
  .strictObject(
    {
      type: z.string({ error: 'a channel word such as "trades" or "trade"' }).meta({
        description: 'What the message asks for: a channel or its singular.',
        examples: [...CHANNELS, ...Object.keys(SINGULARS)],
      }),
      symbol: z
        .string({ error: SYMBOL })
        .meta({ pattern: '^[^\\s*]+$', description: 'The symbol that the message asks for.' }),
      market: text(
        'a market of the exchange',
        'The market that the message belongs to.',
        NAME_MAX,
      ).optional(),
      message: z
        .union([z.record(z.string(), z.unknown()), z.string().min(1)], { error: MESSAGE })
        .meta({ description: 'The message, sent as it stands.' }),
    },
    { error: 'an object with type, symbol, market and message' },
  )
  .meta({ id: 'labelled', description: 'A raw message, with a label that says what it asks for.' });

/** Keys that tell a semantic or labelled entry from a raw message. */
export const FORM_KEYS = ['channels', 'symbols', 'message'] as const;

const rawEntry = z.unknown().meta({
  id: 'raw',
  type: 'object',
  minProperties: 1,
  not: { anyOf: FORM_KEYS.map((key) => ({ required: [key] })) },
  description: 'A raw message: sent as it stands, its keys in this order.',
});

const rawText = z.string().min(1).meta({ description: 'A raw message as text: sent byte for byte.' });

const STREAMS = 'a list of stream entries';

export const exchangeSchema = z
  .strictObject(
    {
      name: text(
        'a name such as "Binance US" or "Bybit Spot"',
        'For people; also tells exchange and market where they are left out, as in "Binance US".',
        NAME_MAX,
      ).optional(),
      exchange: text('the name of an exchange', 'The exchange.', NAME_MAX).optional(),
      market: text(
        'the name of a market',
        'The market of the exchange; by default its first.',
        NAME_MAX,
      ).optional(),
      uri: text(
        'an address that begins with wss:// or ws://',
        'WebSocket address in place of the exchange’s own. May ask for streams itself (?streams=...).',
      ).optional(),
      rest: text(
        'an address that begins with https:// or http://',
        'REST base in place of the exchange’s own.',
      ).optional(),
      ping: z
        .union([z.string().min(1), z.record(z.string(), z.unknown()), z.array(z.unknown()).min(1)], {
          error: 'the heartbeat message: an object, a list, or its text',
        })
        .optional()
        .meta({ description: 'Heartbeat message in place of the exchange’s own.' }),
      streams: z
        .array(z.union([semanticEntry, labelledEntry, rawEntry, rawText]), { error: STREAMS })
        .optional()
        .meta({
          description: 'What to record. May be left out only where the uri asks for streams itself.',
        }),
    },
    { error: 'an object with name or exchange, and streams' },
  )
  .meta({ id: 'exchange', description: 'One market of an exchange to be recorded.' });

/** `exchangeSchema` with its entries left alone: each is then read by its own form, for clear messages. */
export const exchangeFrame = exchangeSchema.extend({
  streams: z.array(z.unknown(), { error: STREAMS }).optional(),
});

const EXCHANGES_LIST = 'a list of exchanges';

export const fileSchema = z
  .strictObject(
    {
      $schema: z
        .string({ error: 'the address of the JSON Schema' })
        .optional()
        .meta({ description: 'Address of this schema, for editors.' }),
      data: text('a directory', 'Data directory, relative to the working directory.').default('./data'),
      exchanges: z
        .array(exchangeSchema, { error: EXCHANGES_LIST })
        .min(1, { error: 'at least one exchange' })
        .meta({ description: 'The markets to record.' }),
      settings: settingsSchema.prefault({}),
    },
    { error: 'an object with exchanges, or a list of exchanges' },
  )
  .meta({ description: 'A Feedtape config.' });

/** `fileSchema` with its exchanges left alone. */
export const fileFrame = fileSchema.extend({
  exchanges: z.array(z.unknown(), { error: EXCHANGES_LIST }).min(1, { error: 'at least one exchange' }),
});
