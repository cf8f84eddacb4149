import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkPlan, Market } from '../exchanges/index.ts';
import type { Disk, Socket, SocketEvents, TimerHandle, Timers } from '../host/index.ts';
import type { RestAnswer, TapeEvent } from '../record/index.ts';
import { LinkKeeper, LinkNumbers, Pacer, RequestLimiter } from './index.ts';

/** Virtual time: nothing runs until `advance`. */
class VirtualTimers implements Timers {
  nowMs = 0;
  #next = 1;
  readonly #due = new Map<number, { at: number; run: () => void }>();

  set(ms: number, run: () => void): TimerHandle {
    const timer = this.#next++;
    this.#due.set(timer, { at: this.nowMs + ms, run });
    return { timer };
  }

  clear(handle: TimerHandle): void {
    this.#due.delete(handle.timer as number);
  }

  advance(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const [first] = [...this.#due]
        .filter(([, { at }]) => at <= end)
        .sort((a, b) => a[1].at - b[1].at || a[0] - b[0]);
      if (first === undefined) break;
      this.#due.delete(first[0]);
      this.nowMs = Math.max(this.nowMs, first[1].at);
      first[1].run();
    }
    this.nowMs = end;
  }
}

class FakeSocket implements Socket {
  readonly sent: string[] = [];
  bytesReceived = 0;
  ended = '';
  readonly url: string;
  readonly events: SocketEvents;

  constructor(url: string, events: SocketEvents) {
    this.url = url;
    this.events = events;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number): void {
    this.ended = `close ${code}`;
  }

  terminate(): void {
    this.ended = 'terminate';
    this.events.closed(1006, '', null);
  }

  paused = false;

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** A disk that holds one small file in memory. */
function memoryDisk(): { disk: Disk; files: Map<string, Buffer> } {
  const files = new Map<string, Buffer>();
  const unused = (): never => assert.fail('not used here');
  const disk: Disk = {
    create: unused,
    openToAppend: unused,
    readPart: unused,
    rename: unused,
    truncate: unused,
    list: unused,
    remove: unused,
    read: async (path) => files.get(path) ?? assert.fail(`no file ${path}`),
    replace: async (path, bytes) => {
      files.set(path, Buffer.from(bytes));
    },
    exists: async (path) => files.has(path),
  };
  return { disk, files };
}

const market: Market = {
  name: 'spot',
  aliases: [],
  websocket: 'wss://example.invalid',
  rest: 'https://example.invalid',
  channels: {},
  limits: {
    streamsPerLink: 10,
    sendIntervalMs: 200,
    dialIntervalMs: 1000,
    restIntervalMs: 100,
    source: 'test',
  },
  heartbeat: { intervalMs: 15_000, message: (n) => `ping ${n}`, answerMs: 10_000, idleMs: 20_000 },
  listing: { path: '/', read: () => [] },
  example: 'BTCUSDT',
};

const plan: LinkPlan = {
  exchange: 'test',
  market: 'spot',
  url: 'wss://example.invalid/ws',
  rest: 'https://example.invalid',
  streams: [],
  greeting: ['hello'],
  subscribe: [
    { text: 'subscribe 1', streams: [] },
    { text: 'subscribe 2', streams: [] },
  ],
};

interface World {
  readonly timers: VirtualTimers;
  readonly sockets: FakeSocket[];
  readonly tape: { link: number; what: string }[];
  readonly asked: string[];
  readonly keeper: LinkKeeper;
  /** What REST answers with next, and whether a dial throws. */
  readonly answer: { status: number; retryAfterMs: number | null; dialThrows: boolean };
  /** Lets promises settle: the link number is reserved asynchronously. */
  settle(): Promise<void>;
}

async function world(of: Market = market, ping: string | null = null): Promise<World> {
  const timers = new VirtualTimers();
  const sockets: FakeSocket[] = [];
  const tape: { link: number; what: string }[] = [];
  const asked: string[] = [];
  const answer = { status: 200, retryAfterMs: null, dialThrows: false } as World['answer'];
  const numbers = await LinkNumbers.open(memoryDisk().disk, '/data');
  const keeper = new LinkKeeper(
    plan,
    of,
    {
      timers,
      numbers,
      random: () => 0.5,
      clock: { now: () => timers.nowMs * 1000 },
      log: () => undefined,
      http: {
        get: async (url) => {
          asked.push(`${timers.nowMs} ${url}`);
          return { status: answer.status, body: '{}', retryAfterMs: answer.retryAfterMs };
        },
      },
      dialer: {
        dial: (url, events) => {
          if (answer.dialThrows) throw new SyntaxError('no address');
          const socket = new FakeSocket(url, events);
          sockets.push(socket);
          return socket;
        },
      },
      tape: {
        received: (link, payload) => tape.push({ link, what: `< ${payload}` }),
        sent: (link, text) => tape.push({ link, what: `> ${text}` }),
        rest: (link, answer: RestAnswer) => tape.push({ link, what: `= ${answer.status} ${answer.url}` }),
        event: (link, event: TapeEvent) => tape.push({ link, what: `! ${event.event}` }),
      },
    },
    { dial: new Pacer(1000, timers), rest: new Pacer(100, timers) },
    ping,
  );
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { timers, sockets, tape, asked, answer, keeper, settle };
}

async function opened(of?: Market, ping?: string): Promise<World & { socket: FakeSocket }> {
  const made = await world(of, ping);
  made.keeper.start();
  await made.settle();
  const [socket] = made.sockets;
  assert.ok(socket);
  socket.events.opened({});
  return { ...made, socket };
}

test('a fresh link greets first, then subscribes, each message at its pace, all of it on the tape', async () => {
  const { timers, socket, tape } = await opened();
  assert.deepEqual(socket.sent, ['hello']);
  timers.advance(199);
  assert.deepEqual(socket.sent, ['hello']);
  timers.advance(201);
  assert.deepEqual(socket.sent, ['hello', 'subscribe 1', 'subscribe 2']);
  assert.deepEqual(
    tape.map(({ what }) => what),
    ['! dialled', '! opened', '> hello', '> subscribe 1', '> subscribe 2'],
  );
});

test('it pings at its interval, and a line without one byte is cut after the idle deadline', async () => {
  const { timers, socket } = await opened();
  socket.bytesReceived = 10;
  timers.advance(15_000);
  assert.equal(socket.sent.at(-1), 'ping 1');
  socket.bytesReceived = 20;
  timers.advance(15_000);
  assert.equal(socket.ended, '', 'bytes came: it lives');
  timers.advance(8000);
  assert.equal(socket.ended, 'terminate');
});

test('it reconnects for ever, each dial a new link number, with waits that double up to thirty seconds', async () => {
  const { timers, sockets, tape, keeper, settle } = await world();
  keeper.start();
  const dialledAt: number[] = [];
  for (let i = 0; i < 12; i++) {
    while (sockets.length <= i) {
      timers.advance(50);
      await settle();
    }
    dialledAt.push(timers.nowMs);
    sockets[i]?.events.closed(1006, '', new Error('refused'));
  }
  const waits = dialledAt.slice(1).map((at, i) => at - (dialledAt[i] ?? 0));
  assert.ok((waits[0] ?? 0) >= 350 && (waits[0] ?? 0) <= 1100, `first wait ${waits[0]}`);
  assert.ok((waits[4] ?? 0) > (waits[2] ?? 0) * 2);
  for (const wait of waits.slice(8)) assert.ok(wait >= 15_000 && wait <= 31_000, `late wait ${wait}`);
  const links = tape.filter(({ what }) => what === '! dialled').map(({ link }) => link);
  assert.deepEqual(links, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.equal(tape.filter(({ what }) => what === '! closed').length, 12);
});

test('requests: the first at once, the same one while it waits is dropped, repeats wait longer, a dead link’s are ignored', async () => {
  const { timers, asked, keeper, settle, socket } = await opened();
  socket.bytesReceived++;
  const ask = (link: number): void => keeper.request(link, { kind: 'rest', stream: 1, path: '/depth' });
  ask(keeper.link);
  timers.advance(1);
  await settle();
  assert.equal(asked.length, 1);
  ask(keeper.link);
  ask(keeper.link);
  timers.advance(490);
  assert.equal(asked.length, 1, 'the second waits');
  timers.advance(200);
  assert.equal(asked.length, 2, 'and goes once');
  ask(keeper.link + 1);
  timers.advance(5000);
  assert.equal(asked.length, 2, 'another link’s request is not ours');
});

test('a request to reconnect closes the socket and dials again', async () => {
  const { timers, keeper, socket, sockets, settle } = await opened();
  keeper.request(keeper.link, { kind: 'reconnect', reason: 'a sequence broke' });
  assert.equal(socket.ended, 'close 1000');
  socket.events.closed(1000, '', null);
  timers.advance(2000);
  await settle();
  assert.equal(sockets.length, 2);
});

test('a stop closes with 1000, waits for the close, and dials no more', async () => {
  const { timers, keeper, socket, sockets, settle } = await opened();
  let stopped = false;
  const stopping = keeper.stop().then(() => {
    stopped = true;
  });
  await settle();
  assert.equal(socket.ended, 'close 1000');
  assert.equal(stopped, false);
  socket.events.closed(1000, '', null);
  await stopping;
  timers.advance(100_000);
  await settle();
  assert.equal(sockets.length, 1);
  assert.equal(keeper.state, 'stopped');
});

test('an exchange that does not answer the close is left after a second', async () => {
  const { timers, keeper, socket } = await opened();
  const stopping = keeper.stop();
  timers.advance(1000);
  await stopping;
  assert.equal(socket.ended, 'terminate');
});

test('link numbers are reserved before they are given, and never given twice across restarts', async () => {
  const { disk, files } = memoryDisk();
  const given = new Set<number>();
  for (let run = 0; run < 3; run++) {
    const numbers = await LinkNumbers.open(disk, '/data');
    for (let i = 0; i < 70; i++) {
      const number = await numbers.take();
      assert.ok(!given.has(number));
      given.add(number);
      assert.ok(Number(files.get('/data/state/next-link')?.toString()) > number, 'reserved on disk first');
    }
  }
  files.set('/data/state/next-link', Buffer.from('garbage'));
  await assert.rejects(LinkNumbers.open(disk, '/data'), /should hold the next free link number/);
});

test('the limiter starts over after a calm minute', () => {
  const limiter = new RequestLimiter();
  const waits: (number | null)[] = [];
  let now = 0;
  for (let i = 0; i < 8; i++) {
    const wait = limiter.wait('k', now);
    waits.push(wait);
    now += wait ?? 0;
    limiter.started('k', now);
  }
  assert.deepEqual(waits, [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
  assert.equal(limiter.wait('k', now + 61_000), 0);
});

test('an exchange that accepts and closes at once is dialled ever more seldom: opening alone proves nothing', async () => {
  const { timers, sockets, keeper, settle } = await world();
  keeper.start();
  const dialledAt: number[] = [];
  for (let i = 0; i < 8; i++) {
    while (sockets.length <= i) {
      timers.advance(50);
      await settle();
    }
    dialledAt.push(timers.nowMs);
    sockets[i]?.events.opened({});
    timers.advance(100);
    sockets[i]?.events.closed(1000, 'busy', null);
  }
  assert.ok((dialledAt[7] ?? 0) - (dialledAt[6] ?? 0) > 15_000, `${dialledAt}`);
  const before = sockets.length;
  while (sockets.length === before) {
    timers.advance(50);
    await settle();
  }
  const proven = sockets.at(-1);
  proven?.events.opened({});
  for (let i = 0; i < 31 && proven !== undefined; i++) {
    proven.bytesReceived++;
    timers.advance(1000);
  }
  proven?.events.closed(1006, '', null);
  timers.advance(600);
  await settle();
  assert.equal(sockets.length, before + 2, 'half a minute open proves the line');
});

test('while the ear reads no socket no line is called dead, and a link that opens meanwhile waits too', async () => {
  const { timers, keeper, socket, sockets, settle } = await opened();
  keeper.pause();
  assert.equal(socket.paused, true);
  timers.advance(60_000);
  assert.equal(socket.ended, '', 'what we do not read is no silence');
  socket.events.closed(1006, '', null);
  timers.advance(5000);
  await settle();
  const next = sockets.at(-1);
  assert.notEqual(next, socket);
  next?.events.opened({});
  assert.equal(next?.paused, true);
  keeper.resume();
  assert.equal(next?.paused, false);
  timers.advance(21_000);
  assert.equal(next?.ended, 'terminate', 'from then on its silence counts again');
});

test('a request that waited when its link closed does not keep the next link from asking', async () => {
  const { timers, asked, keeper, settle, socket, sockets } = await opened();
  const ask = (): void => keeper.request(keeper.link, { kind: 'rest', stream: 1, path: '/depth' });
  ask();
  timers.advance(1);
  ask();
  socket.events.closed(1006, '', null);
  timers.advance(5000);
  await settle();
  sockets.at(-1)?.events.opened({});
  assert.equal(asked.length, 1);
  ask();
  timers.advance(1);
  assert.equal(asked.length, 2);
});

test('REST that says "too many" is left alone as long as it says, however much is wished meanwhile', async () => {
  const { timers, asked, answer, keeper, settle, socket } = await opened();
  const ask = (stream: number): void => keeper.request(keeper.link, { kind: 'rest', stream, path: '/depth' });
  answer.status = 429;
  answer.retryAfterMs = 7000;
  ask(1);
  timers.advance(1);
  await settle();
  answer.status = 200;
  for (let second = 0; second < 6; second++) {
    socket.bytesReceived++;
    ask(10 + second);
    timers.advance(1000);
  }
  assert.equal(asked.length, 1);
  timers.advance(1050);
  await settle();
  assert.equal(asked.length, 2, 'then one at a time');
});

test('a pacer pauses for the longest of several wishes', () => {
  const timers = new VirtualTimers();
  const pacer = new Pacer(100, timers);
  let runs = 0;
  pacer.pause(5000);
  pacer.pause(10);
  pacer.add(() => runs++);
  timers.advance(4999);
  assert.equal(runs, 0);
  timers.advance(1);
  assert.equal(runs, 1);
  pacer.pause(Number.MAX_VALUE);
  pacer.add(() => runs++);
  timers.advance(3 * 86_400_000);
  assert.equal(runs, 2, 'no exchange can stop us for ever');
});

test('a ping of the config is sent where the exchange has none of its own', async () => {
  const heartbeat = { intervalMs: null, message: null, answerMs: 10_000, idleMs: 1e9 };
  const { timers, socket } = await opened({ ...market, heartbeat }, 'hello?');
  timers.advance(41_000);
  assert.deepEqual(
    socket.sent.filter((text) => text === 'hello?'),
    ['hello?', 'hello?'],
  );
  const silent = await opened({ ...market, heartbeat });
  silent.timers.advance(41_000);
  assert.deepEqual(silent.socket.sent, ['hello', 'subscribe 1', 'subscribe 2']);
});

test('an address that cannot even be dialled is a closed link on the tape, and is tried again', async () => {
  const { timers, tape, answer, sockets, keeper, settle } = await world();
  answer.dialThrows = true;
  keeper.start();
  await settle();
  assert.deepEqual(
    tape.map(({ what }) => what),
    ['! dialled', '! closed'],
  );
  answer.dialThrows = false;
  timers.advance(2000);
  await settle();
  assert.equal(sockets.length, 1);
});

test('nothing is said on a link that we are closing: the tape holds what was really sent', async () => {
  const { timers, keeper, socket } = await opened();
  keeper.request(keeper.link, { kind: 'reconnect', reason: 'a sequence broke' });
  timers.advance(900);
  assert.deepEqual(socket.sent, ['hello']);
});
