import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecoderHost, Exchange, LinkContext, LinkDecoder, Outcome } from '../exchanges/index.ts';
import {
  type Frame,
  type Json,
  type RowObject,
  Rows,
  rowObject,
  type Stream,
  type TapeEvent,
  textFrame,
} from '../record/index.ts';
import { Session } from './session.ts';

/**
 * A made-up exchange whose messages are words: `trade <id> <price>`, `snapshot`, `delta`, `breach`, `throw`,
 * `throw-late` (after a row was written).
 */
class WordDecoder implements LinkDecoder {
  readonly #host: DecoderHost;
  readonly #trades: number;
  readonly #book: number;
  valid: boolean;

  constructor(host: DecoderHost, state?: Json) {
    this.#host = host;
    this.#trades = host.stream('trades', 'trade', 'BTC');
    this.#book = host.stream('book', 'depth', 'BTC');
    this.valid = state === true;
  }

  sent(): void {
    this.valid = false;
  }

  rest(): Outcome {
    return 'control';
  }

  received(frame: Frame): Outcome {
    const [word, id = '', price = ''] = frame.text().split(' ');
    const { rows } = this.#host;
    if (word === 'trade') {
      this.#host.heard(this.#trades);
      if (!this.#host.trades.isNew(this.#trades, id)) return 'repeat';
      rows.trade(this.#trades, frame.time, id, 'buy', Number(price), 1);
      return 'rows';
    }
    if (word === 'throw' || word === 'throw-late') {
      this.#host.heard(this.#trades);
      if (word === 'throw-late') {
        this.#host.trades.isNew(this.#trades, '77');
        rows.trade(this.#trades, frame.time, '77', 'buy', 1, 1);
      }
      throw new Error('made on purpose');
    }
    this.#host.heard(this.#book);
    if (word === 'breach') {
      this.valid = false;
      this.#host.broken(this.#book, { cause: 'sequence', detail: 'hole', fromSequence: 1, toSequence: 3 });
      this.#host.request({ kind: 'rest', stream: this.#book, path: '/depth' });
      return 'held';
    }
    if (word === 'snapshot') {
      this.valid = true;
      this.#host.proven(this.#book);
    }
    if (word === 'delta' && this.valid) this.#host.proven(this.#book);
    rows.beginBook(this.#book, frame.time, word === 'snapshot', 'feed', 1, 1, this.valid);
    rows.level('bid', 1, 1);
    return 'rows';
  }

  invalidate(): void {
    this.valid = false;
  }

  openingSnapshots(): void {
    if (!this.valid) return;
    this.#host.rows.beginBook(this.#book, Number.NaN, true, 'ours', 1, 1, true);
    this.#host.rows.level(null, 1, 1);
  }

  routing(): Json {
    return null;
  }

  state(): Json {
    return this.valid;
  }
}

const words = {
  name: 'words',
  decoderVersion: 3,
  markets: {},
  readRequest: () => ({ kind: 'other' }),
  openDecoder: (_link: LinkContext, host: DecoderHost, state?: Json) => new WordDecoder(host, state),
} as unknown as Exchange;

const streams: Stream[] = [
  { market: 'spot', channel: 'trades', feed: 'trade', symbol: 'BTC' },
  { market: 'spot', channel: 'book', feed: 'depth', symbol: 'BTC' },
];

class Tape {
  readonly rows: RowObject[] = [];
  readonly requests: unknown[] = [];
  session: Session;
  #time = 1000;
  readonly #ordinals = new Map<number, number>();

  constructor() {
    this.session = this.#open();
  }

  #open(): Session {
    const sink = new Rows((batch, names) => {
      for (let i = 0; i < batch.count; i++) this.rows.push(rowObject(batch, i, names, 'words'));
    });
    return new Session(words, sink, {
      request: (link, frame, request) => this.requests.push({ link, frame, request }),
    });
  }

  /** Goes on in a fresh session from the state alone, as another process would. */
  restart(): void {
    const state = JSON.parse(JSON.stringify(this.session.state())) as Json;
    this.session = this.#open();
    assert.equal(this.session.restore(state), true);
  }

  line(link: number, kind: Frame['kind'], text: string): Outcome | null {
    const ordinal = (this.#ordinals.get(link) ?? 0) + 1;
    this.#ordinals.set(link, ordinal);
    const outcome = this.session.line(textFrame(this.#time++, link, ordinal, kind, text));
    this.session.rows.flush();
    return outcome;
  }

  event(link: number, event: TapeEvent): void {
    this.line(link, 'event', JSON.stringify(event));
  }

  dial(link: number): void {
    this.event(link, { event: 'dialled', exchange: 'words', market: 'spot', url: 'ws://x', streams });
  }

  closed(link: number, stopping = false): void {
    this.event(link, { event: 'closed', code: 1006, reason: 'lost', by: 'network', stopping });
  }

  of(table: string): RowObject[] {
    return this.rows.filter((row) => row.table === table);
  }
}

test('a decoder that throws ends that frame alone: its rows and ids are taken back, the next message decodes', () => {
  const tape = new Tape();
  tape.dial(7);
  assert.equal(tape.line(7, 'received', 'trade 1 10'), 'rows');
  assert.equal(tape.line(7, 'received', 'throw-late'), 'undecoded');
  assert.equal(tape.line(7, 'received', 'trade 77 11'), 'rows', 'the id of the failed frame is free again');
  assert.deepEqual(
    tape.of('trades').map((row) => row.id),
    ['1', '77'],
  );
  const [undecoded] = tape.of('undecoded');
  assert.deepEqual(
    [undecoded?.reason, undecoded?.sample, undecoded?.frame],
    ['decoder-error', 'throw-late', 3],
  );
  assert.deepEqual(
    tape.of('gap_events').map((row) => [row.event, row.cause, row.channel]),
    [
      ['opened', 'decoder-error', 'trades'],
      ['closed', 'decoder-error', 'trades'],
    ],
  );
  assert.equal(tape.session.decoderErrors, 1);
});

test('a disconnect opens one gap per stream, from the last frame; trades end it with their next message, a book when it is proven', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.line(1, 'received', 'snapshot');
  tape.line(1, 'received', 'trade 1 10');
  tape.closed(1);
  tape.dial(2);
  tape.line(2, 'received', 'delta');
  tape.line(2, 'received', 'trade 2 10');
  tape.line(2, 'received', 'snapshot');
  const gaps = tape
    .of('gap_events')
    .map((row) => [row.event, row.channel, row.gap_id, row.from_timestamp, row.to_timestamp]);
  assert.deepEqual(gaps, [
    ['opened', 'trades', '1-4', 1002, null],
    ['opened', 'book', '1-4', 1002, null],
    ['closed', 'trades', '1-4', 1002, 1006],
    ['closed', 'book', '1-4', 1002, 1007],
  ]);
});

test('a stream that another open link carries too has no gap when one of them closes', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.dial(2);
  tape.line(1, 'received', 'trade 1 10');
  tape.closed(1);
  assert.deepEqual(tape.of('gap_events'), []);
  tape.closed(2);
  assert.equal(tape.of('gap_events').length, 2);
});

test('a sequence break opens a gap with its numbers, once, and its request names link and frame', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.line(1, 'received', 'snapshot');
  tape.line(1, 'received', 'breach');
  tape.line(1, 'received', 'breach');
  const [gap, ...more] = tape.of('gap_events');
  assert.deepEqual([gap?.cause, gap?.from_sequence, gap?.to_sequence], ['sequence', 1, 3]);
  assert.deepEqual(more, []);
  assert.deepEqual(tape.requests[0], {
    link: 1,
    frame: 3,
    request: { kind: 'rest', stream: 1, path: '/depth' },
  });
});

test('a run that was killed ends in the next file’s first line; one that stopped says not-running itself', () => {
  const killed = new Tape();
  killed.dial(1);
  killed.line(1, 'received', 'trade 1 10');
  killed.restart();
  killed.event(9, { event: 'file', format: 1, exchange: 'words', links: [] });
  assert.deepEqual(
    killed.of('gap_events').map((row) => [row.cause, row.gap_id, row.from_timestamp]),
    [
      ['not-running', '9-1', 1001],
      ['not-running', '9-1', 1001],
    ],
  );
  const stopped = new Tape();
  stopped.dial(1);
  stopped.closed(1, true);
  assert.equal(stopped.of('gap_events')[0]?.cause, 'not-running');
});

test('state taken between any two lines goes on with the same rows in another process', () => {
  const script = [
    'snapshot',
    'trade 1 10',
    'delta',
    'breach',
    'trade 1 10',
    'trade 2 11',
    'snapshot',
    'throw',
    'trade 3 1',
  ];
  const play = (restartAt: number): RowObject[] => {
    const tape = new Tape();
    tape.dial(1);
    for (const [index, text] of script.entries()) {
      if (index === restartAt) tape.restart();
      tape.line(1, 'received', text);
    }
    tape.closed(1);
    return tape.rows;
  };
  const whole = play(-1);
  assert.ok(whole.length > 8);
  for (let at = 0; at < script.length; at++) assert.deepEqual(play(at), whole, `restart before line ${at}`);
});

test('a state of another decoder version is left aside, and books wait for a snapshot', () => {
  const tape = new Tape();
  tape.dial(1);
  const state = { ...(tape.session.state() as Record<string, Json>), decoderVersion: 2 };
  const fresh = new Session(words, new Rows(() => undefined));
  assert.equal(fresh.restore(state), false);
  assert.deepEqual(fresh.openLinks(), []);
});

test('a frame of a link nobody dialled is kept and counted as no-context', () => {
  const tape = new Tape();
  assert.equal(tape.line(5, 'received', 'trade 1 10'), 'undecoded');
  assert.equal(tape.of('undecoded')[0]?.reason, 'no-context');
});

test('a file’s first line opens its links with their routing, and every valid book begins with our snapshot', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.line(1, 'received', 'snapshot');
  const links = tape.session.openLinks();
  assert.deepEqual(links, [{ link: 1, market: 'spot', url: 'ws://x', streams, routing: null }]);
  tape.event(9, { event: 'file', format: 1, exchange: 'words', links });
  const ours = tape.of('book').at(-1);
  assert.deepEqual([ours?.origin, ours?.link, ours?.frame], ['ours', 9, 1]);
  const alone = new Tape();
  alone.event(9, { event: 'file', format: 1, exchange: 'words', links });
  assert.equal(
    alone.line(1, 'received', 'trade 5 10'),
    'rows',
    'the file can be read without the one before',
  );
});

test('a damaged stretch makes every open stream doubtful from the last good frame on', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.line(1, 'received', 'snapshot');
  tape.session.damaged('block 3 is damaged');
  tape.session.rows.flush();
  assert.deepEqual(
    tape.of('gap_events').map((row) => [row.cause, row.channel, row.from_timestamp]),
    [
      ['damaged', 'trades', 1001],
      ['damaged', 'book', 1001],
    ],
  );
});

test('a silence reported on a book ends with the next message that its rule accepts', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.line(1, 'received', 'snapshot');
  tape.event(1, { event: 'silent', streams: [streams[1] as Stream], since: 1001, detail: 'quiet' });
  tape.line(1, 'received', 'delta');
  assert.deepEqual(
    tape.of('gap_events').map((row) => [row.event, row.cause, row.channel]),
    [
      ['opened', 'silent', 'book'],
      ['closed', 'silent', 'book'],
    ],
  );
});

test('a skipped frame is counted and never decoded; its link’s books are distrusted until they are proven again', () => {
  const tape = new Tape();
  tape.dial(1);
  tape.line(1, 'received', 'snapshot');
  tape.session.skip(textFrame(2000, 1, 3, 'received', 'snapshot'));
  tape.session.rows.flush();
  assert.equal(tape.session.counts.undecoded, 1);
  assert.deepEqual(
    tape.of('undecoded').map((row) => [row.reason, row.frame]),
    [['decoder-error', 3]],
  );
  assert.deepEqual(
    tape.of('gap_events').map((row) => [row.event, row.cause, row.channel]),
    [
      ['opened', 'decoder-error', 'trades'],
      ['opened', 'decoder-error', 'book'],
    ],
  );
  tape.line(1, 'received', 'delta');
  assert.equal(tape.of('book').at(-1)?.valid, false);
  tape.line(1, 'received', 'snapshot');
  assert.deepEqual(
    [tape.of('gap_events').at(-1)?.event, tape.of('gap_events').at(-1)?.channel],
    ['closed', 'book'],
  );
});
