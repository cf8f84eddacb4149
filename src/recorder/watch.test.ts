import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Control, DecoderRequest, Exchange, Market } from '../exchanges/index.ts';
import { Frame, type Stream, StreamDictionary, type TapeEvent } from '../record/index.ts';
import { Watch } from './watch.ts';

const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;

const market: Market = {
  name: 'spot',
  aliases: [],
  websocket: 'wss://example.invalid',
  rest: 'https://example.invalid',
  channels: {
    trades: { defaultFeed: 't', feeds: ['t'], silenceMs: null, firstMessageMs: null },
    quotes: { defaultFeed: 'q', feeds: ['q'], silenceMs: 40_000, firstMessageMs: 60_000 },
  },
  limits: { streamsPerLink: 10, sendIntervalMs: 1, dialIntervalMs: 1, restIntervalMs: 1, source: 'test' },
  heartbeat: { intervalMs: 15_000, message: () => 'ping', answerMs: 10_000, idleMs: 60_000 },
  listing: { path: '/', read: () => [] },
  example: 'A',
};

function stream(channel: 'trades' | 'quotes', symbol: string): Stream {
  return { market: 'spot', channel, feed: channel === 'trades' ? 't' : 'q', symbol };
}

const A = stream('quotes', 'A');
const B = stream('quotes', 'B');
const QUIET = stream('trades', 'A');

/** A dialect made for this test: `sub <key> <symbols>`, `ping`; what comes in is a `Control` as JSON, or data. */
const exchange = {
  name: 'fake',
  markets: { spot: market },
  readRequest: (_market: string, text: string) => {
    const [word, key, symbols] = text.split(' ');
    if (word === 'ping') return { kind: 'ping' };
    if (word === 'explode') throw new Error('an unreadable request');
    if (word !== 'sub') return { kind: 'other' };
    const streams = (symbols ?? '')
      .split(',')
      .map((symbol) => (symbol === 'T' ? QUIET : stream('quotes', symbol)));
    return { kind: 'subscribe', key: key === '-' ? null : key, streams };
  },
  classify: (frame: Frame): Control | null => {
    const text = frame.text();
    if (text === 'explode') throw new Error('an unreadable answer');
    return text.startsWith('{') ? (JSON.parse(text) as Control) : null;
  },
  subscribe: (_market: string, streams: readonly Stream[], firstId: number) => [
    { text: `sub ${firstId} ${streams.map(({ symbol }) => symbol).join(',')}`, streams },
  ],
} as unknown as Exchange;

class World {
  readonly events: TapeEvent[] = [];
  readonly requests: DecoderRequest[] = [];
  readonly logs: string[] = [];
  readonly streams = new StreamDictionary();
  readonly #heard: number[] = [];
  now = START;
  readonly watch = new Watch(exchange, {
    streams: this.streams,
    heardAt: (code) => this.#heard[code] ?? 0,
    event: (_link, event) => this.events.push(event),
    request: (_link, request) => this.requests.push(request),
    log: (message) => this.logs.push(message),
  });

  constructor(streams: readonly Stream[] = [A, B]) {
    this.watch.upTo(this.now);
    this.watch.dialled(1, 'spot', streams, this.now);
  }

  /** Time goes on as chunks bring it: in small steps. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.now += SECOND;
      this.watch.upTo(this.now);
    }
  }

  hear(...streams: readonly Stream[]): void {
    for (const heard of streams) this.#heard[this.streams.codeOf(heard)] = this.now;
  }

  /** Time goes on while every stream speaks. */
  live(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.hear(A, B);
      this.pass(1);
    }
  }

  sent(text: string): void {
    this.watch.sent(this.#frame('sent', text));
  }

  control(control: Control): void {
    this.watch.received(this.#frame('received', JSON.stringify(control)));
  }

  received(text: string): void {
    this.watch.received(this.#frame('received', text));
  }

  #frame(kind: 'sent' | 'received', text: string): Frame {
    return new Frame().set(this.now, 1, 1, kind, Buffer.from(text));
  }

  refusedSymbols(): (string | null)[] {
    return this.events.flatMap((event) =>
      event.event === 'refused' ? event.streams.map(({ symbol }) => symbol) : [],
    );
  }

  texts(): string[] {
    return this.requests.flatMap((request) => (request.kind === 'send' ? [...request.texts] : []));
  }

  reconnects(): string[] {
    return this.requests.flatMap((request) => (request.kind === 'reconnect' ? [request.reason] : []));
  }
}

test('answers are matched by key, whatever their order; what is answered is not asked again', () => {
  const world = new World([QUIET]);
  world.sent('sub 1 T');
  world.sent('sub 2 T');
  world.control({ kind: 'ack', key: '2' });
  world.control({ kind: 'ack', key: 'unknown' });
  world.control({ kind: 'ack', key: '1' });
  world.pass(100);
  assert.deepEqual(world.requests, []);
  assert.deepEqual(world.events, []);

  world.sent('sub 3 A');
  world.sent('sub 4 B');
  world.control({ kind: 'refusal', key: '4', reason: 'no', transient: false });
  assert.deepEqual(world.refusedSymbols(), ['B']);
});

test('answers without a key come in the order of the requests', () => {
  const world = new World([]);
  world.sent('sub - A');
  world.sent('sub - B');
  world.control({ kind: 'ack', key: null });
  world.control({ kind: 'refusal', key: null, reason: 'no', transient: false });
  assert.deepEqual(world.refusedSymbols(), ['B']);
});

test('a request without an answer is a silence on the tape and is asked again, unless its streams speak', () => {
  const world = new World([QUIET]);
  world.sent('sub 1 T');
  world.pass(29);
  assert.equal(world.events.length, 0);
  world.pass(2);
  assert.deepEqual(world.texts(), ['sub 1 T']);
  const [silent] = world.events;
  assert.equal(silent?.event === 'silent' && silent.since, START);

  const speaking = new World([QUIET]);
  speaking.sent('sub 1 T');
  speaking.pass(5);
  speaking.hear(QUIET);
  speaking.pass(60);
  assert.deepEqual(speaking.requests, []);
  assert.equal(speaking.events.length, 0);
});

test('a refusal names its streams on the tape; refused streams are never called silent', () => {
  const world = new World([]);
  world.sent('sub 1 A,B');
  world.control({ kind: 'refusal', key: '1', reason: 'no such symbol', transient: false });
  assert.deepEqual(world.refusedSymbols(), ['A', 'B']);
  world.pass(500);
  assert.equal(world.events.length, 1);
  assert.deepEqual(world.requests, []);
});

test('of a request refused in part, the rest is asked again; a name that fits nothing refuses all of it', () => {
  const world = new World([]);
  world.sent('sub 1 A,B');
  world.control({ kind: 'refusal', key: '1', reason: 'no B', refused: ['B'], transient: false });
  assert.deepEqual(world.refusedSymbols(), ['B']);
  assert.deepEqual(world.texts(), ['sub 1000000 A']);

  const topic = new World([]);
  topic.sent('sub 1 A,B');
  topic.control({ kind: 'refusal', key: '1', reason: 'no q.A', refused: ['q.A'], transient: false });
  assert.deepEqual(topic.refusedSymbols(), ['A']);

  const unknown = new World([]);
  unknown.sent('sub 1 A,B');
  unknown.control({ kind: 'refusal', key: '1', reason: '?', refused: ['what'], transient: false });
  assert.deepEqual(unknown.refusedSymbols(), ['A', 'B']);
});

test('a refusal for now asks the same again and refuses nothing', () => {
  const world = new World([]);
  world.sent('sub 1 A');
  world.control({ kind: 'refusal', key: '1', reason: 'busy', transient: true });
  assert.deepEqual(world.texts(), ['sub 1 A']);
  assert.deepEqual(world.events, []);
});

test('a notice that asks for it reconnects; others are only said', () => {
  const world = new World();
  world.control({ kind: 'notice', text: 'lunch', act: 'none' });
  world.control({ kind: 'other' });
  assert.deepEqual(world.requests, []);
  world.control({ kind: 'notice', text: 'restart', act: 'reconnect' });
  assert.equal(world.reconnects().length, 1);
  assert.equal(world.logs.length, 2);
});

test('an unanswered ping closes the link after its deadline of tape time; a pong calls it off', () => {
  const answered = new World();
  answered.sent('ping');
  answered.live(9);
  answered.control({ kind: 'pong' });
  answered.live(30);
  assert.deepEqual(answered.reconnects(), []);

  const dead = new World();
  dead.sent('ping');
  dead.live(5);
  dead.sent('ping');
  dead.live(5);
  assert.deepEqual(dead.reconnects(), []);
  dead.live(1);
  assert.equal(dead.reconnects().length, 1, 'the first unanswered ping counts');
});

test('our own lag cuts nothing: deadlines run on tape time, and time that came in one leap moves them along', () => {
  const world = new World();
  world.live(1);
  world.sent('ping');
  world.sent('sub 1 A');
  // The recorder is busy for an hour: no time comes, and nothing is judged.
  assert.deepEqual(world.requests, []);
  // The ear did not read, or the clock was set: an hour at once, and the answers are read only now.
  world.now += 3600 * SECOND;
  world.watch.upTo(world.now);
  assert.deepEqual(world.requests, []);
  assert.deepEqual(world.events, []);
  world.pass(9);
  world.control({ kind: 'pong' });
  world.control({ kind: 'ack', key: '1' });
  world.live(20);
  assert.deepEqual(world.requests, []);
  world.sent('ping');
  world.live(11);
  assert.equal(world.reconnects().length, 1, 'deadlines hold again afterwards');
});

test('a stream that must speak has its first message by the one deadline and further ones by the other', () => {
  const world = new World([A, QUIET]);
  world.pass(60);
  assert.deepEqual(world.events, []);
  world.pass(2);
  assert.equal(world.events.length, 1, 'no first message; the quiet channel is never judged');
  assert.deepEqual(world.texts(), ['sub 1000000 A']);

  const later = new World([A]);
  later.hear(A);
  later.pass(39);
  assert.equal(later.events.length, 0);
  const heardAt = START;
  later.pass(2);
  const [silent] = later.events;
  assert.ok(silent?.event === 'silent');
  assert.equal(silent.since, heardAt);
  assert.deepEqual(silent.streams, [A]);
});

test('a silence is reported once per wait, asked again, then answered by a fresh link, ever more seldom', () => {
  const world = new World([A]);
  world.hear(A);
  const at: number[] = [];
  for (let second = 1; second <= 3600; second++) {
    const before = world.requests.length;
    world.pass(1);
    if (world.requests.length > before) at.push(second);
  }
  assert.deepEqual(
    world.requests.slice(0, 4).map(({ kind }) => kind),
    ['send', 'reconnect', 'send', 'reconnect'],
  );
  const waits = at.map((second, i) => second - (at[i - 1] ?? 0));
  for (const [i, seconds] of [40, 80, 160, 320, 640].entries())
    assert.ok(Math.abs((waits[i] ?? 0) - seconds) <= 2, `waits ${waits}`);
  assert.equal(world.events.length, world.requests.length);

  world.hear(A);
  const before = world.requests.length;
  world.pass(42);
  assert.equal(world.requests.at(-1)?.kind, 'send', 'after it spoke, it begins with asking again');
  assert.equal(world.requests.length, before + 1);
});

test('how often a stream was silent outlives its link, so that one dead symbol disturbs the others ever more seldom', () => {
  const world = new World([A, B]);
  const reconnectedAt: number[] = [];
  let link = 1;
  for (let second = 1; second <= 7200; second++) {
    const before = world.reconnects().length;
    world.hear(B);
    world.pass(1);
    if (world.reconnects().length === before) continue;
    reconnectedAt.push(second);
    world.watch.closed(link++);
    world.watch.dialled(link, 'spot', [A, B], world.now);
  }
  assert.ok(reconnectedAt.length >= 2 && reconnectedAt.length <= 4, `${reconnectedAt}`);
});

test('streams up are those heard on the present link, neither silent nor refused', () => {
  const world = new World([A, B]);
  assert.deepEqual(world.watch.counts('spot'), { asked: 2, up: 0 });
  world.hear(A, B);
  assert.deepEqual(world.watch.counts('spot'), { asked: 2, up: 2 });
  world.pass(1);
  world.watch.closed(1);
  assert.deepEqual(world.watch.counts('spot'), { asked: 0, up: 0 });
  world.watch.dialled(2, 'spot', [A, B], world.now);
  assert.deepEqual(world.watch.counts('spot'), { asked: 2, up: 0 }, 'what the last link heard is past');
  world.hear(A);
  assert.deepEqual(world.watch.counts('spot'), { asked: 2, up: 1 });
  assert.deepEqual(world.watch.counts('other'), { asked: 0, up: 0 });
});

test('an exchange’s code that throws stops nothing here, and is said once', () => {
  const world = new World();
  world.received('explode');
  world.received('explode');
  world.sent('explode');
  assert.equal(world.logs.length, 1);
  world.control({ kind: 'notice', text: 'restart', act: 'reconnect' });
  assert.equal(world.reconnects().length, 1);
});
