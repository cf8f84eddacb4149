import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pino, { type Logger } from 'pino';
import type { Recording } from '../recorder/index.ts';
import { RecordingView } from './recording-view.ts';

/** A recording as far as the view looks at it. */
interface Shown {
  recovered: unknown[];
  links: unknown[];
  status: unknown[];
  listingError: string;
}

function shown(over: Partial<Shown> = {}): Shown {
  return { recovered: [], links: [], status: [], listingError: '', ...over };
}

/** Time that goes on when it is told to, and what was logged meanwhile. */
class Hours {
  now = 0;
  readonly lines: Record<string, unknown>[] = [];
  readonly logger: Logger = pino(
    { base: null, timestamp: false },
    { write: (line) => this.lines.push(JSON.parse(line)) },
  );
  readonly #context: TestContext;

  constructor(context: TestContext) {
    this.#context = context;
    context.mock.timers.enable({ apis: ['setInterval'] });
    context.mock.method(performance, 'now', () => this.now);
  }

  pass(ms: number): void {
    this.now += ms;
    this.#context.mock.timers.tick(ms);
  }
}

function link(over: Record<string, unknown> = {}): Record<string, unknown> {
  const plan = { exchange: 'binance', market: 'spot', streams: [1] };
  return { plan, state: 'open', wasOpen: true, lastError: '', ...over };
}

test('without a terminal, each line says the rates since the line before', (t) => {
  const hours = new Hours(t);
  const recording = shown({ links: [link()] });
  const end = new RecordingView(null, hours.logger).show(recording as unknown as Recording);
  for (const frames of [5000, 25_000]) {
    recording.status = [
      { exchange: 'binance', market: 'spot', frames, bytes: frames * 100, gapsOpen: 0, gaps: 0 },
    ];
    hours.pass(10_000);
  }
  end();
  hours.pass(60_000);
  assert.deepEqual(
    hours.lines.map(({ msg, framesPerSecond, bytesPerSecond }) => [msg, framesPerSecond, bytesPerSecond]),
    [
      ['recording', 500, 50_000],
      ['recording', 2000, 200_000],
    ],
  );
});

test('who cannot reach any exchange is told once why and what to do; who could before is not', (t) => {
  const hours = new Hours(t);
  const dead = shown({ links: [link({ state: 'waiting', wasOpen: false, lastError: 'refused\u001b[2J' })] });
  new RecordingView('Try the demo.', hours.logger).show(dead as unknown as Recording);
  hours.pass(2500);
  assert.deepEqual(hours.lines, []);
  hours.pass(500);
  hours.pass(5000);
  const told = hours.lines.filter(({ level }) => level === 40);
  assert.deepEqual(
    told.map(({ msg }) => msg),
    ['no exchange can be reached (refused\ufffd[2J). Trying on for ever, Ctrl-C stops. Try the demo.'],
  );
  const broken = shown({ links: [link({ state: 'waiting', lastError: 'gone' })] });
  new RecordingView('Try the demo.', hours.logger).show(broken as unknown as Recording);
  hours.pass(9000);
  assert.equal(hours.lines.filter(({ level }) => level === 40).length, 1);
});

test('what a start mended is said, with what was cut and what is damaged', (t) => {
  const hours = new Hours(t);
  const file = {
    file: 'bybit/x',
    blocks: 2,
    frames: 9,
    rows: 8,
    cutBytes: 7,
    cutFile: 'x.cut',
    damages: ['block 3'],
  };
  const whole = { ...file, file: 'bybit/y', cutBytes: 0, cutFile: null, damages: [] };
  new RecordingView(null, hours.logger).show(shown({ recovered: [file, whole] }) as unknown as Recording)();
  assert.deepEqual(
    hours.lines.map(({ msg }) => msg),
    [
      'recovered bybit/x: 2 blocks, 9 frames, 8 rows made again, cut 7 bytes of an unfinished block (kept as x.cut)',
      '  damage: block 3',
      'recovered bybit/y: 2 blocks, 9 frames, 8 rows made again',
    ],
  );
});
