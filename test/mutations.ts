/** Changes of a message, as a hostile or merely changed exchange would make them; seeded, so that a failure comes again. */
export type Random = () => number;

type Mutation = (message: Buffer, random: Random) => Buffer;

const pick = <T>(from: readonly T[], random: Random): T => from[Math.floor(random() * from.length)] as T;

function splice(message: Buffer, at: number, remove: number, insert: Buffer | string): Buffer {
  return Buffer.concat([message.subarray(0, at), Buffer.from(insert), message.subarray(at + remove)]);
}

const ODD_NUMBERS = [
  '1e5',
  '1E-7',
  '-0',
  '0.0',
  '-0.0',
  '00',
  '01',
  '1.',
  '.5',
  '+1',
  '1e400',
  '-1e-400',
  '9007199254740993',
  '12345678901234567890',
  '0.1000000000000000055',
  '123456789012345678.123456789',
  '1e22',
  '1e23',
  'Infinity',
  'NaN',
  '0x10',
  '1_000',
  '123456789.123456',
  '0.000001',
  '0.0000001',
  '1234567890123456',
  '999999999999999',
  '1784567890123',
  '1784567890123456',
  '17845678901234567',
  '4294967296',
  '2147483648',
  '-5',
  '5.50',
  '0.30',
  '100',
  '',
  ' 1',
  '1 ',
  '-',
];

const ODD_STRINGS = [
  '\\u0041',
  '\\"',
  '\\\\',
  '\\n',
  '\\ud83d\\ude00',
  '\\x',
  '\\u12',
  '\t',
  'é',
  '币',
  '\u2028',
  '',
  ' ',
];

const ODD_VALUES = [
  'null',
  'true',
  'false',
  '{}',
  '[]',
  '""',
  '0',
  '-1',
  '1.5',
  '"x"',
  '[[]]',
  '{"a":[1,{"b":null}]}',
  'nul',
  'tru',
  ',',
];

/** Positions of JSON values: behind a colon, a comma or an opening bracket. */
function valueAt(message: Buffer, random: Random): [number, number] {
  const text = message.toString('latin1');
  const found = [...text.matchAll(/(?<=[:,[])("(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|true|false|null)/g)];
  const match = pick(found, random);
  return match === undefined ? [0, 0] : [match.index, match[0].length];
}

const MUTATIONS: readonly Mutation[] = [
  (message, random) => message.subarray(0, Math.floor(random() * message.length)),
  (message, random) => splice(message, Math.floor(random() * message.length), 1, ''),
  (message, random) =>
    splice(message, Math.floor(random() * message.length), 0, Buffer.of(Math.floor(random() * 256))),
  (message, random) =>
    splice(message, Math.floor(random() * message.length), 1, Buffer.of(Math.floor(random() * 256))),
  (message, random) =>
    splice(
      message,
      Math.floor(random() * message.length),
      0,
      pick(['"', '\\', '{', '}', '[', ']', ',', ':', ' '], random),
    ),
  // Another value, another number, another text.
  (message, random) => splice(message, ...valueAt(message, random), pick(ODD_VALUES, random)),
  (message, random) => splice(message, ...valueAt(message, random), pick(ODD_NUMBERS, random)),
  (message, random) => splice(message, ...valueAt(message, random), `"${pick(ODD_NUMBERS, random)}"`),
  (message, random) => splice(message, ...valueAt(message, random), `"a${pick(ODD_STRINGS, random)}b"`),
  (message, random) => splice(message, ...valueAt(message, random), `"${decimal(random)}"`),
  (message, random) => splice(message, ...valueAt(message, random), decimal(random)),
  // A key written otherwise, white space, a byte that is no UTF-8.
  (message, random) => {
    const text = message.toString('latin1');
    const key = pick([...text.matchAll(/"[A-Za-z_0-9]+":/g)], random);
    if (key === undefined) return message;
    const escaped = `"\\u00${key[0].charCodeAt(1).toString(16)}${key[0].slice(2)}`;
    return splice(
      message,
      key.index,
      key[0].length,
      pick([escaped, `${key[0]} `, ` ${key[0].replace(':', ' :')}`], random),
    );
  },
  (message, random) =>
    splice(message, Math.floor(random() * message.length), 0, pick([' ', '\n', '\r\n\t ', '\u00a0'], random)),
  (message, random) =>
    splice(
      message,
      Math.floor(random() * message.length),
      0,
      Buffer.of(pick([0xff, 0xc3, 0xe2, 0x80], random)),
    ),
  // Nesting, and a message that goes on.
  (message, random) =>
    splice(message, ...valueAt(message, random), '['.repeat(70) + ']'.repeat(pick([70, 69, 71], random))),
  (message, random) =>
    splice(message, message.length, 0, pick([' ', '\n', '{}', ',', '}', ']', '\u0000'], random)),
  reordered,
  reordered,
  withKey,
];

function decimal(random: Random): string {
  const digits = (most: number): string =>
    Array.from({ length: Math.floor(random() * most) }, () => Math.floor(random() * 10)).join('');
  const sign = random() < 0.2 ? '-' : '';
  return `${sign}${digits(12)}${random() < 0.8 ? '.' : ''}${digits(14)}`;
}

/** Keys in another order, in every object. */
function reordered(message: Buffer, random: Random): Buffer {
  const shuffle = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffle);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, inner]) => [key, shuffle(inner)] as const);
    for (let i = entries.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [entries[i], entries[j]] = [
        entries[j] as (typeof entries)[number],
        entries[i] as (typeof entries)[number],
      ];
    }
    if (random() < 0.2) entries.splice(Math.floor(random() * entries.length), 1);
    return Object.fromEntries(entries);
  };
  return edited(message, shuffle);
}

/** A key more, or one that comes twice. */
function withKey(message: Buffer, random: Random): Buffer {
  const text = message.toString('latin1');
  const places = [...text.matchAll(/[{,](?=")/g)];
  const place = pick(places, random);
  if (place === undefined) return message;
  const key = pick(['new', 'e', 's', 'data', 'p', '__proto__', 'constructor', ''], random);
  return splice(message, place.index + 1, 0, `"${key}":${pick(ODD_VALUES, random)},`);
}

function edited(message: Buffer, edit: (value: unknown) => unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(edit(JSON.parse(message.toString()))));
  } catch {
    return message;
  }
}

/** One to three changes. */
export function mutated(message: Buffer, random: Random): Buffer {
  let result = message;
  for (let times = 1 + Math.floor(random() * random() * 3); times > 0; times--)
    result = pick(MUTATIONS, random)(result, random);
  return result;
}

/** A generator of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
