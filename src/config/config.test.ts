import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FAKES } from './fake-exchanges.ts';
import { type Config, ConfigError, type ConfigProblem, parseConfig, readConfig } from './index.ts';

const STREAMS = [{ channels: ['trades'], symbols: ['BTCUSDT'] }];

function parsed(value: unknown): Config {
  return parseConfig(JSON.stringify(value), { exchanges: FAKES });
}

function problemsOfText(text: string): readonly ConfigProblem[] {
  try {
    parseConfig(text, { exchanges: FAKES });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

function problemsOf(value: unknown): readonly ConfigProblem[] {
  return problemsOfText(JSON.stringify(value));
}

/** The problems of one exchange entry, by path below it. */
function faults(entry: object): Record<string, string> {
  const problems = problemsOf([{ exchange: 'acme', streams: STREAMS, ...entry }]);
  return Object.fromEntries(
    problems.map(({ path, message, hint }) => [
      path.replace('[0].', ''),
      hint === undefined ? message : `${message} (${hint}?)`,
    ]),
  );
}

/** The problems of stream entries, by path below `streams`. */
function streamFaults(...streams: readonly unknown[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(faults({ streams })).map(([path, text]) => [path.replace('streams', ''), text]),
  );
}

describe('a good config', () => {
  test('a full object keeps what it says and gets every default', () => {
    const config = parsed({
      $schema: '../schema/feedtape.schema.json',
      exchanges: [{ exchange: 'acme', market: 'us', streams: STREAMS }],
      settings: { syncMs: 100 },
    });
    assert.deepEqual(config, {
      data: './data',
      exchanges: [
        {
          name: 'Acme us',
          exchange: 'acme',
          market: 'us',
          streams: [{ channel: 'trades', feed: 'deal', symbol: 'BTCUSDT' }],
          raw: [],
        },
      ],
      settings: {
        syncMs: 100,
        frameBytesMax: 16 * 1024 * 1024,
        fileBytesMax: 256 * 1024 * 1024,
        chunkBytes: 256 * 1024,
        chunks: 64,
        densePercent: 25,
        memory: '512MB',
        logLevel: 'info',
      },
    });
  });

  test('a bare array of exchanges is a config of its own', () => {
    const config = parsed([
      { name: 'Acme', streams: STREAMS },
      { name: 'TwinEx', streams: STREAMS },
    ]);
    assert.deepEqual(
      config.exchanges.map(({ name, exchange, market }) => [name, exchange, market]),
      [
        ['Acme', 'acme', 'spot'],
        ['TwinEx', 'twinex', 'spot'],
      ],
    );
    assert.equal(config.data, './data');
    assert.equal(config.settings.chunks, 64);
  });

  test('semantic entries give every channel of every symbol, the feed behind the first @, wildcards kept', () => {
    const [entry] = parsed([
      { name: 'Acme', streams: [{ channels: ['book@depth.200', 'trades'], symbols: ['ETH*', 'tBTCUSD'] }] },
    ]).exchanges;
    assert.deepEqual(entry?.streams, [
      { channel: 'book', feed: 'depth.200', symbol: 'ETH*' },
      { channel: 'book', feed: 'depth.200', symbol: 'tBTCUSD' },
      { channel: 'trades', feed: 'deal', symbol: 'ETH*' },
      { channel: 'trades', feed: 'deal', symbol: 'tBTCUSD' },
    ]);
  });

  test('two feeds of a symbol are two streams', () => {
    const streams = [{ channels: ['trades', 'trades@aggDeal'], symbols: ['BTCUSDT'] }];
    assert.equal(parsed([{ name: 'Acme', streams }]).exchanges[0]?.streams.length, 2);
  });

  test('a raw object is sent as its JSON, keys in order; a text as it stands', () => {
    const text = '  {"op" : "x"} ';
    const config = parseConfig(
      `[{"name":"Acme","streams":[{"op":"subscribe","args":["a.b"],"__proto__":{"x":1},"b":1.50},${JSON.stringify(text)}]}]`,
      { exchanges: FAKES },
    );
    assert.deepEqual(config.exchanges[0]?.raw, [
      { text: '{"op":"subscribe","args":["a.b"],"__proto__":{"x":1},"b":1.5}' },
      { text },
    ]);
  });

  test('a raw message may have keys named channel and symbol', () => {
    const message = { event: 'subscribe', channel: 'trades', symbol: 'tBTCUSD' };
    const [entry] = parsed([{ name: 'TwinEx', streams: [message] }]).exchanges;
    assert.deepEqual(entry?.raw, [{ text: JSON.stringify(message) }]);
  });

  test('a labelled raw message carries its label, with the singular as with the plural', () => {
    for (const type of ['trade', 'trades']) {
      const message = { method: 'deals.subscribe', params: { list: ['BTCUSDT'] }, id: 1 };
      const streams = [{ type, symbol: 'BTCUSDT', market: 'perpetual', message }];
      const [entry] = parsed([{ name: 'Acme Futures', streams }]).exchanges;
      assert.deepEqual(entry?.raw, [
        {
          text: JSON.stringify(message),
          label: { market: 'usdm', channel: 'trades', feed: 'deal', symbol: 'BTCUSDT' },
        },
      ]);
    }
  });

  test('the message of a label is sent with every key it has', () => {
    const text =
      '[{"name":"Acme","streams":[{"type":"quote","symbol":"A","message":{"z":1,"__proto__":2,"a":3}}]}]';
    const [entry] = parseConfig(text, { exchanges: FAKES }).exchanges;
    assert.equal(entry?.raw[0]?.text, '{"z":1,"__proto__":2,"a":3}');
  });

  test('uri, rest and ping are taken over; ping as text or as JSON', () => {
    const entry = { name: 'Acme', uri: 'ws://localhost:9/x', rest: 'http://localhost:9/', streams: STREAMS };
    const [one] = parsed([{ ...entry, ping: { op: 'ping', req_id: '1' } }]).exchanges;
    assert.equal(one?.uri, 'ws://localhost:9/x');
    assert.equal(one?.rest, 'http://localhost:9');
    assert.equal(one?.ping, '{"op":"ping","req_id":"1"}');
    assert.equal(parsed([{ ...entry, ping: 'ping' }]).exchanges[0]?.ping, 'ping');
  });

  test('an address that asks for streams itself needs no stream entries', () => {
    const uri = 'wss://acme.test/us?streams=deal.BTCUSDT';
    assert.equal(parsed([{ uri, streams: [] }]).exchanges[0]?.market, 'us');
    assert.equal(parsed([{ uri }]).exchanges[0]?.streams.length, 0);
    assert.ok('streams' in faults({ uri: 'wss://acme.test/spot', streams: [] }));
  });
});

describe('names', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ name: 'Acme' }, 'acme spot'],
    [{ name: 'ACME us' }, 'acme us'],
    [{ name: 'acme.us' }, 'acme us'],
    [{ name: 'AcmeUS' }, 'acme us'],
    [{ name: 'acme_usd-m' }, 'acme usdm'],
    [{ name: 'Acme COIN-M Futures' }, 'acme coinm'],
    [{ name: 'Acme Coin Futures' }, 'acme coinm'],
    [{ name: 'Acme.io Perpetual' }, 'acme usdm'],
    [{ name: 'Acme exchange, public data' }, 'acme spot'],
    [{ name: 'Twin Ex (derivatives)' }, 'twinex derivatives'],
    [{ name: 'my recorder', exchange: 'Acme' }, 'acme spot'],
    [{ name: 'my us recorder', exchange: 'acme' }, 'acme us'],
    [{ name: 'Acme us', market: 'usdm' }, 'acme usdm'],
    [{ exchange: 'acme', market: 'Futures' }, 'acme usdm'],
    [{ uri: 'wss://acme.test/coinm' }, 'acme coinm'],
    [{ name: 'Acme', uri: 'wss://acme.test/coinm' }, 'acme coinm'],
    [{ name: 'Acme turbo', uri: 'wss://acme.test/coinm' }, 'acme coinm'],
    [{ name: 'Acme us', uri: 'wss://proxy.test/coinm' }, 'acme us'],
    [{ exchange: 'twinex', market: 'derivatives', uri: 'wss://twinex.test/ws' }, 'twinex derivatives'],
  ];
  for (const [entry, expected] of cases)
    test(`${JSON.stringify(entry)} is ${expected}`, () => {
      const [read] = parsed([{ ...entry, streams: STREAMS }]).exchanges;
      assert.equal(`${read?.exchange} ${read?.market}`, expected);
    });

  const refused: readonly (readonly [object, string, RegExp, string | undefined])[] = [
    [{ name: 'Acne' }, 'name', /"Acne" names no exchange known here; expected acme or twinex/, 'acme'],
    [{ name: 'Kraken' }, 'name', /names no exchange/, undefined],
    [{}, '', /"exchange" is missing; expected acme or twinex/, undefined],
    [{ exchange: 'amce' }, 'exchange', /no exchange is called "amce"/, 'acme'],
    [{ exchange: 'acme', market: 'sopt' }, 'market', /Acme has no market "sopt"; expected spot, us/, 'spot'],
    [{ exchange: 'acme', market: 'constructor' }, 'market', /no market "constructor"/, undefined],
    [{ name: 'Acme Futurez' }, 'name', /"futurez" is no market of Acme/, undefined],
    [{ name: 'Acme Spott' }, 'name', /"spott" is no market of Acme/, 'spot'],
    [{ name: 'Acme US Spot' }, 'name', /the name says spot or us; give "market"/, undefined],
    [{ name: 'Acme TwinEx' }, 'name', /the name says Acme or TwinEx; give "exchange"/, undefined],
    [
      { name: 'TwinEx', exchange: 'acme' },
      'name',
      /the name says TwinEx, but "exchange" says Acme/,
      undefined,
    ],
    [
      { exchange: 'acme', market: 'spot', uri: 'wss://acme.test/us' },
      'uri',
      /this address is Acme us, but "market" says spot/,
      undefined,
    ],
    [{ name: 'Acme Spot', uri: 'wss://acme.test/us' }, 'uri', /but the name says spot/, undefined],
    [
      { name: 'TwinEx', uri: 'wss://acme.test/us' },
      'uri',
      /acme.test is an address of Acme, not of TwinEx/,
      undefined,
    ],
  ];
  for (const [entry, path, message, hint] of refused)
    test(`${JSON.stringify(entry)} is refused`, () => {
      const problems = problemsOf([{ ...entry, streams: STREAMS }]);
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.equal(problems[0]?.path, path === '' ? '[0]' : `[0].${path}`);
      assert.match(problems[0]?.message ?? '', message);
      assert.equal(problems[0]?.hint, hint);
    });
});

describe('a bad config', () => {
  test('all problems are reported at once, each with its path', () => {
    const problems = problemsOf({
      dat: './data',
      settings: { syncMS: 5, chunks: 1, logLevel: 'inof' },
      exchanges: [
        {
          exchange: 'acme',
          markt: 'spot',
          streams: [{ channels: ['trades', 'bok'], symbols: ['BTC USDT', 'A'] }],
        },
        { exchange: 'amce', uri: 'https://x.test', streams: [5] },
        { exchange: 'acme', market: 'us', rest: 'ftp://x', streams: [{ channels: [], symbols: 'BTCUSDT' }] },
        7,
      ],
    });
    assert.deepEqual(
      problems.map(({ path, hint }) => (hint === undefined ? path : `${path} -> ${hint}`)),
      [
        'settings.chunks',
        'settings.logLevel -> info',
        'settings.syncMS -> syncMs',
        'dat -> data',
        'exchanges[0].markt -> market',
        'exchanges[0].streams[0].channels[1] -> book',
        'exchanges[0].streams[0].symbols[0]',
        'exchanges[1].uri',
        'exchanges[1].exchange -> acme',
        'exchanges[1].streams[0]',
        'exchanges[2].rest',
        'exchanges[2].streams[0].channels',
        'exchanges[2].streams[0].symbols',
        'exchanges[3]',
      ],
    );
  });

  test('the message lists every problem for a person', () => {
    const text = '[{"exchange":"acme","streams":[{"channels":["tradez"],"symbols":["A"]}],"x":1}]';
    assert.throws(() => parseConfig(text, { exchanges: FAKES, file: 'my.json' }), {
      code: 'bad-config',
      message: [
        'my.json: 2 problems in this config',
        '  [0].x: unknown key; expected name, exchange, market, uri, rest, ping or streams',
        '  [0].streams[0].channels[0]: "tradez" is no channel; expected trades, book or quotes',
        '    did you mean "trades"?',
      ].join('\n'),
    });
  });

  test('what is shown cannot steer a terminal', () => {
    const evil = '\u001b[2J\u009b31m\u202eabc';
    const problems = problemsOf([{ exchange: evil, [evil]: 1, streams: STREAMS }]);
    const printed = new ConfigError(evil, problems).message.replaceAll('\n', '');
    assert.equal(problems.length, 2);
    assert.doesNotMatch(printed, /[\p{Cc}\p{Cf}]/u);
  });

  test('channels', () => {
    const of = (...channels: unknown[]) => streamFaults({ channels, symbols: ['A'] });
    assert.deepEqual(of('trade'), {
      '[0].channels[0]': '"trade" is no channel; expected trades, book or quotes (trades?)',
    });
    assert.deepEqual(of('ticker'), {
      '[0].channels[0]': 'Acme spot has no ticker here; expected trades, book or quotes',
    });
    assert.deepEqual(of('trades@agDeal'), {
      '[0].channels[0]': 'Acme spot has no feed "agDeal" of trades; expected deal or aggDeal (aggDeal?)',
    });
    for (const feed of ['', 'depth.', 'depth.5x', 'depthx5', 'deal'])
      assert.deepEqual(Object.keys(of(`book@${feed}`)), ['[0].channels[0]'], feed);
    assert.deepEqual(Object.keys(of('__proto__', 'constructor', 5, null)), [
      '[0].channels[2]',
      '[0].channels[3]',
    ]);
    assert.deepEqual(Object.keys(of('__proto__', 'constructor')), ['[0].channels[0]', '[0].channels[1]']);
  });

  test('symbols', () => {
    const of = (...symbols: unknown[]) => Object.keys(streamFaults({ channels: ['trades'], symbols }));
    assert.deepEqual(
      of('', 'A B', 'A\u0000', 'A\n', 'x'.repeat(101)),
      [0, 1, 2, 3, 4].map((n) => `[0].symbols[${n}]`),
    );
    assert.deepEqual(of('tBTCUSD', 'tBTCF0:USTF0', '币安人生USDT', 'BTC-26DEC25-90000-C', '*'), []);
    assert.deepEqual(streamFaults({ channels: ['trades'], symbols: ['btcusdt'] }), {
      '[0].symbols[0]': 'found "btcusdt"; the exchange spells symbols like BTCUSDT (BTCUSDT?)',
    });
  });

  test('a stream asked for twice is told with both places', () => {
    const trades = { channels: ['trades'], symbols: ['A'] };
    assert.deepEqual(streamFaults(trades, { op: 'x' }, trades), {
      '[2]': 'trades of A (deal) is asked for already at [0].streams[0]; expected each stream once',
    });
    assert.deepEqual(streamFaults({ channels: ['trades', 'trades@deal'], symbols: ['A', 'B', 'A'] }), {
      '[0].channels[1]': '"trades@deal" is the same as [0].streams[0].channels[0]; expected each stream once',
      '[0].symbols[2]': '"A" is the same as [0].streams[0].symbols[0]; expected each stream once',
    });
    assert.deepEqual(Object.keys(streamFaults(trades, { op: 'subscribe', args: ['deal.A'] })), ['[1]']);
    const twice = problemsOf([
      { name: 'Acme', streams: [trades] },
      { name: 'Acme spot', streams: [trades] },
    ]);
    assert.deepEqual(
      twice.map(({ path }) => path),
      ['[1].streams[0]'],
    );
    assert.deepEqual(
      problemsOf([
        { name: 'Acme', streams: [trades] },
        { name: 'Acme us', streams: [trades] },
      ]),
      [],
    );
  });

  test('more streams than any exchange has', () => {
    const symbols = Array.from({ length: 40_000 }, (_, n) => `A${n}`);
    assert.deepEqual(streamFaults({ channels: ['trades', 'book', 'quotes'], symbols }), {
      '[0]': '120000 streams in one entry; expected at most 100000 in a config',
    });
  });

  test('stream entries of no known form', () => {
    for (const entry of [5, null, true, []]) assert.deepEqual(Object.keys(streamFaults(entry)), ['[0]']);
    assert.match(streamFaults({ chanels: ['trades'], symbol: 'A' })['[0].chanels'] ?? '', /channels\?/);
    assert.match(streamFaults({ channel: ['trades'], symbols: ['A'] })['[0].channel'] ?? '', /channels\?/);
    assert.match(streamFaults({ type: 'trade', symbol: 'A', mesage: {} })['[0].mesage'] ?? '', /message\?/);
    assert.match(streamFaults('trades')['[0]'] ?? '', /is a channel, not a message/);
    assert.match(streamFaults({})['[0]'] ?? '', /empty message/);
    assert.match(streamFaults('')['[0]'] ?? '', /empty text/);
  });

  test('labelled raw messages', () => {
    const good = { type: 'trade', symbol: 'A', market: 'spot', message: { op: 'x' } };
    assert.deepEqual(streamFaults(good), {});
    const hint = streamFaults({ ...good, type: 'trads' })['[0].type'];
    assert.equal(hint, '"trads" is no channel; expected trades, book or quotes (trades?)');
    assert.match(streamFaults({ ...good, market: 'sopt' })['[0].market'] ?? '', /spot\?/);
    assert.match(
      streamFaults({ ...good, market: 'us' })['[0].market'] ?? '',
      /"us" is market us, but .* spot/,
    );
    assert.match(streamFaults({ ...good, symbol: 'A*' })['[0].symbol'] ?? '', /only beside "channels"/);
    for (const message of [5, null, [], {}, ''])
      assert.deepEqual(
        Object.keys(streamFaults({ ...good, message })),
        ['[0].message'],
        JSON.stringify(message),
      );
    assert.deepEqual(Object.keys(streamFaults({ message: {} })), ['[0].type', '[0].symbol']);
  });

  test('numbers that would change on the way out of a raw message', () => {
    for (const number of ['12345678901234567890', '1e400', '-9007199254740993'])
      assert.deepEqual(
        problemsOfText(`[{"name":"Acme","streams":[{"op":"x","args":[${number}]}]}]`).map(({ path }) => path),
        ['[0].streams[0]'],
      );
  });

  test('addresses', () => {
    for (const uri of [
      'https://x.test',
      'acme.test',
      'wss://',
      'wss://x.test/#a',
      ' wss://x.test',
      'javascript:1',
    ])
      assert.deepEqual(Object.keys(faults({ uri })), ['uri'], uri);
    for (const rest of ['wss://x.test', 'x', 'file:///etc/passwd'])
      assert.deepEqual(Object.keys(faults({ rest })), ['rest'], rest);
    assert.deepEqual(Object.keys(faults({ uri: 5, rest: [], ping: 7 })), ['uri', 'rest', 'ping']);
    assert.deepEqual(Object.keys(faults({ uri: '', ping: {} })), ['uri', 'ping']);
  });

  test('settings out of bounds or of another type', () => {
    const bad = {
      syncMs: 9,
      frameBytesMax: 1.5,
      fileBytesMax: '1',
      chunkBytes: -1,
      chunks: null,
      memory: '5',
    };
    const problems = problemsOf({ exchanges: [{ name: 'Acme', streams: STREAMS }], settings: bad });
    assert.deepEqual(
      problems.map(({ path }) => path),
      Object.keys(bad).map((key) => `settings.${key}`),
    );
    assert.equal(problems[0]?.message, 'found 9; expected a whole number from 10 to 60000');
  });

  test('chunks that together take more memory than there may be', () => {
    const exchanges = [{ name: 'Acme', streams: STREAMS }];
    const chunkBytes = 1024 * 1024;
    assert.deepEqual(problemsOf({ exchanges, settings: { chunkBytes, chunks: 2049 } }), [
      {
        path: 'settings.chunks',
        message: 'found 2049; expected at most 2048, of 1048576 bytes each',
      },
    ]);
    assert.deepEqual(problemsOf({ exchanges, settings: { chunkBytes, chunks: 2048 } }), []);
  });

  test('documents that are no config at all', () => {
    for (const value of [5, null, 'x', true, {}, []])
      assert.ok(problemsOf(value).length > 0, JSON.stringify(value));
    assert.deepEqual(problemsOf({}), [
      { path: 'exchanges', message: 'missing; expected a list of exchanges' },
    ]);
    assert.deepEqual(problemsOf([]), [
      { path: 'exchanges', message: 'found an empty list; expected at least one exchange' },
    ]);
  });

  test('keys given twice', () => {
    const problems = problemsOfText('[{"name":"Acme","streams":["x"],\n"name":"TwinEx"}]');
    assert.deepEqual(problems, [
      { path: '[0].name', message: 'this key is given twice (again in line 2); expected it once' },
    ]);
  });
});

describe('reading the file', () => {
  test('a file that is not there, a directory, no UTF-8, no JSON, too large: each a ConfigError that says so', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const written = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const cases: readonly (readonly [string, RegExp])[] = [
      [join(folder, 'none.json'), /there is no such file/],
      [folder, /this is a directory/],
      ['\u0000', /cannot be read/],
      ['/dev/zero', /larger than 4194304 bytes/],
      [written('latin.json', Uint8Array.of(0x22, 0xe9, 0x22)), /not UTF-8/],
      [written('empty.json', ''), /line 1, column 1: the file is empty/],
      [written('comma.json', '[\n  {"name": "Acme",\n  }]'), /line 3, column 3: a comma before "}"/],
      [written('deep.json', '['.repeat(100_000)), /nested deeper than 64 levels/],
      [written('wide.json', `[${'1,'.repeat(100_000)}1]`), /more than 50000 values/],
    ];
    for (const [file, message] of cases)
      assert.throws(
        () => readConfig(file, { exchanges: FAKES }),
        (error: unknown) => error instanceof ConfigError && message.test(error.message),
        file,
      );
    const good = written('good.json', `\ufeff${JSON.stringify([{ name: 'Acme', streams: STREAMS }])}`);
    assert.equal(readConfig(good, { exchanges: FAKES }).exchanges.length, 1);
  });
});
