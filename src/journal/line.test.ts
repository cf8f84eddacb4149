import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRAME_MARKS, type Frame, type FrameKind } from '../record/index.ts';
import { LineBuffer } from './line.ts';
import { headBytes } from './line-head.ts';
import { readLines } from './read-lines.ts';

const kinds = Object.keys(FRAME_MARKS) as FrameKind[];

interface Line {
  time: number;
  link: number;
  ordinal: number;
  kind: FrameKind;
  payload: Buffer;
}

function write(lines: readonly Line[]): LineBuffer {
  const buffer = new LineBuffer(64);
  for (const { time, link, ordinal, kind, payload } of lines) {
    // In the middle of other bytes, as in a chunk.
    const chunk = Buffer.concat([Buffer.from('\n\xff'), payload, Buffer.from('\r\n')]);
    buffer.append(time, link, ordinal, kind, chunk, 3, 3 + payload.length);
  }
  return buffer;
}

function read(text: Buffer): { lines: Line[]; unreadable: number } {
  const lines: Line[] = [];
  const unreadable = readLines(text, (frame: Frame) => {
    const { time, link, ordinal, kind } = frame;
    lines.push({
      time,
      link,
      ordinal,
      kind,
      payload: Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
    });
  });
  return { lines, unreadable };
}

function line(payload: Buffer | string, kind: FrameKind = 'received'): Line {
  return { time: 1_795_341_600_123_456, link: 12, ordinal: 34, kind, payload: Buffer.from(payload) };
}

test('a line is the receive time, link, ordinal, mark and payload, and the mark has a star where the payload is base64', () => {
  const text = write([line('{"a":1}'), line('a\nb', 'rest'), line('', 'event'), line('é', 'sent')]).text();
  assert.equal(
    text.toString(),
    [
      '1795341600123456 12 34 < {"a":1}',
      '1795341600123456 12 34 =* YQpi',
      '1795341600123456 12 34 ! ',
      '1795341600123456 12 34 > é',
      '',
    ].join('\n'),
  );
});

test('every kind of payload comes back as it was: empty, binary, NUL, LF, CR, no UTF-8, above a MiB', () => {
  const big = Buffer.alloc(1_200_000, '{"x":"0123456789"},');
  const bigBinary = Buffer.alloc(1_200_000, Buffer.from([1, 2, 255, 0, 10]));
  const long = 'x'.repeat(300);
  const payloads = [
    '',
    '\n',
    '\r',
    'a\r\nb',
    '\0\0',
    '\u{1F600}',
    `${long}\n`,
    `\r${long}`,
    `${long}é`,
    Buffer.from([0xff]),
    Buffer.concat([Buffer.from(long), Buffer.from([0xc3])]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xc0, 0x80]),
    '* looks like base64',
    ' leading space',
    big,
    bigBinary,
  ];
  const lines = kinds.flatMap((kind) => payloads.map((payload) => line(payload, kind)));
  const buffer = write(lines);
  assert.deepEqual(read(buffer.text()), { lines, unreadable: 0 });
  assert.equal(
    buffer.text().filter((byte) => byte === 10).length,
    lines.length,
    'as many line feeds as frames',
  );
  assert.ok(isUtf8(buffer.text()) && !buffer.text().includes('\r'), 'the text is text');
});

/** Payloads side by side in one memory, with this much room before each and one byte behind it. */
function placed(lines: readonly { payload: Buffer; room: number }[]) {
  const memory = Buffer.concat(
    lines.flatMap(({ payload, room }) => [Buffer.alloc(room, 0xff), payload, Buffer.from([0xff])]),
  );
  let at = 0;
  const places = lines.map(({ payload, room }) => {
    const start = at + room;
    at = start + payload.length + 1;
    return { start, end: at - 1 };
  });
  return { memory, places };
}

test('lines made in place, copied together, are those that were copied one by one', () => {
  const time = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(999_999, 1e6, 1_795_341_600_123_456));
  const one = fc.record({
    time,
    link: fc.constantFrom(1, 9, 10, 12_345),
    ordinal: fc.oneof(fc.nat(12), fc.constantFrom(98, 99, 100, 101, 2 ** 30)),
    kind: fc.constantFrom(...kinds),
    payload: fc.constantFrom('', '{"a":1}', 'a\nb', 'é', 'x'.repeat(90)).map((text) => Buffer.from(text)),
    // Mostly the room that is right; else too much, too little; or no room is told.
    room: fc.constantFrom(0, 0, 0, 0, 1, -1),
    how: fc.constantFrom('in place', 'in place', 'in place', 'copied', 'elsewhere', 'released', 'asked'),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 40 }), (made) => {
      const lines = made.map((line) => ({
        ...line,
        room: headBytes(line.time, line.link, line.ordinal) + line.room,
      }));
      const [buffer, expected] = [new LineBuffer(64), new LineBuffer(64)];
      let { memory, places } = placed(lines);
      for (const [i, { time, link, ordinal, kind, payload, room, how }] of lines.entries()) {
        expected.append(time, link, ordinal, kind, payload, 0, payload.length);
        const { start, end } = places[i] as (typeof places)[number];
        if (how === 'copied') buffer.append(time, link, ordinal, kind, memory, start, end);
        else if (how === 'elsewhere') ({ memory, places } = placed(lines));
        if (how !== 'copied') buffer.appendInPlace(time, link, ordinal, kind, memory, start, end, room);
        if (how === 'asked') assert.ok(buffer.text().equals(expected.text()));
        if (how === 'released') {
          buffer.release();
          memory.fill(0xff, 0, end + 1);
        }
        assert.equal(buffer.length, expected.length);
      }
      assert.ok(buffer.text().equals(expected.text()));
      assert.deepEqual(buffer.counts(), expected.counts());
    }),
    { endOnFailure: true },
  );
});

test('memory that was given away before its lines were copied is an error, not other bytes', () => {
  const lines = new LineBuffer();
  const { memory, places } = placed([{ payload: Buffer.from('abc'), room: headBytes(5, 1, 1) }]);
  const own = new ArrayBuffer(memory.length);
  const chunk = Buffer.from(own);
  memory.copy(chunk);
  const { start = 0, end = 0 } = places[0] ?? {};
  lines.appendInPlace(5, 1, 1, 'received', chunk, start, end, start);
  structuredClone(own, { transfer: [own] });
  assert.throws(() => lines.text());
});

test('any frame comes back as it was', () => {
  const count = fc.oneof(fc.maxSafeNat(), fc.nat(1200), fc.constantFrom(2 ** 30 - 1, 2 ** 30, 999_999, 1e6));
  const payload = fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.string({ unit: 'binary', maxLength: 300 }));
  const lines = fc.array(
    fc.record({
      time: count,
      link: count,
      ordinal: count,
      kind: fc.constantFrom(...kinds),
      payload: payload.map((value) => Buffer.from(value as string)),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(lines, (made) => {
      const written = made.map((one) => ({ ...one }));
      const buffer = write(written);
      assert.deepEqual(read(buffer.text()), { lines: written, unreadable: 0 });
      const { frames, firstTime, lastTime, byLink } = buffer.counts();
      assert.equal(frames, written.length);
      assert.ok(isUtf8(buffer.text()) && !buffer.text().includes('\r'));
      if (written.length > 0) {
        assert.equal(firstTime, Math.min(...written.map(({ time }) => time)));
        assert.equal(lastTime, Math.max(...written.map(({ time }) => time)));
      }
      for (const [link, counted] of byLink)
        assert.equal(counted, written.filter((one) => one.link === link).length);
    }),
    { numRuns: 300 },
  );
});

test('a plain payload is a view on the text, not a copy', () => {
  const text = write([line('{"a":1}')]).text();
  readLines(text, (frame) => assert.equal(frame.bytes, text));
});

test('a buffer that is cleared holds nothing of before and gives back what a long line took', () => {
  const buffer = write([line(Buffer.alloc(100_000, 'a'))]);
  assert.ok(buffer.capacity > 100_000);
  buffer.clear();
  assert.equal(buffer.capacity, 64);
  assert.deepEqual(buffer.counts(), { frames: 0, firstTime: 0, lastTime: 0, byLink: new Map() });
  buffer.append(1, 5, 3, 'sent', Buffer.from('b'), 0, 1);
  assert.equal(buffer.text().toString(), '1 5 3 > b\n');
  assert.deepEqual(buffer.counts().byLink, new Map([[5, 1]]));
});

test('memory that is left keeps its text, and is written again once it is taken back', () => {
  const buffer = new LineBuffer(64);
  const write = (payload: string): Buffer => {
    buffer.append(1, 5, 2, 'sent', Buffer.from(payload), 0, payload.length);
    return buffer.text();
  };
  const first = write('a');
  const left = buffer.leave();
  assert.equal(buffer.text().length, 0);
  const second = write('b');
  assert.deepEqual([first, second].map(String), ['1 5 2 > a\n', '1 5 2 > b\n']);
  buffer.takeBack(left);
  buffer.takeBack(Buffer.alloc(10_000));
  buffer.leave();
  assert.equal(write('c').buffer, left.buffer, 'and what a long line took is not');
});

test('digits are right where ordinals rise, jump, fall and gain a digit, on links in turn', () => {
  const buffer = new LineBuffer(64);
  const expected: string[] = [];
  const add = (time: number, link: number, ordinal: number): void => {
    buffer.append(time, link, ordinal, 'sent', Buffer.from('x'), 0, 1);
    expected.push(`${time} ${link} ${ordinal} > x\n`);
  };
  for (let i = 0; i < 1200; i++) add(1_795_341_600_999_000 + i, 3 + (i % 3), Math.floor(i / 3));
  for (const ordinal of [0, 9, 10, 8, 99, 100, 101, 1_099_999_999, 1_100_000_000, 2 ** 30 - 1, 2 ** 30])
    add(ordinal, 7, ordinal);
  for (const time of [999_999, 1e6, 1_000_001, 5, 2e6]) add(time, 9, Number.MAX_SAFE_INTEGER);
  assert.equal(buffer.text().toString(), expected.join(''));
});

test('the text may be asked for at any time, and payloads that need base64 stand among those that do not', () => {
  const payloads = ['{}', 'a\nb', '', '\r', 'é', ' ', 'x'.repeat(500), `${'y'.repeat(300)}\n`].map((text) =>
    Buffer.from(text),
  );
  payloads.push(Buffer.from([0xc3]), Buffer.from([0xa9]), Buffer.from([255, 10, 13]));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(payloads.length - 1), fc.boolean()), { maxLength: 40 }), (steps) => {
      const buffer = new LineBuffer(64);
      const lines: Line[] = [];
      for (const [index, isAsked] of steps) {
        const made = { ...line(payloads[index] ?? ''), ordinal: lines.length };
        lines.push(made);
        buffer.append(made.time, made.link, made.ordinal, made.kind, made.payload, 0, made.payload.length);
        if (isAsked) assert.deepEqual(read(buffer.text()), { lines, unreadable: 0 });
      }
      assert.deepEqual(read(buffer.text()), { lines, unreadable: 0 });
      assert.equal(buffer.length, buffer.text().length);
    }),
    { numRuns: 200 },
  );
});

test('bytes of an earlier use do not complete a payload', () => {
  const buffer = write([line('aé')]);
  buffer.clear();
  const torn = line(Buffer.from([97, 0xc3]));
  buffer.append(torn.time, torn.link, torn.ordinal, torn.kind, torn.payload, 0, 2);
  assert.equal(buffer.text().toString('latin1'), '1795341600123456 12 34 <* YcM=\n');
  assert.deepEqual(read(buffer.text()), { lines: [torn], unreadable: 0 });
});

test('a frame whose numbers are no counts is refused', () => {
  for (const bad of [-1, 1.5, Number.NaN, 2 ** 53])
    for (const numbers of [
      [bad, 1, 1],
      [1, bad, 1],
      [1, 1, bad],
    ] as const)
      assert.throws(
        () => new LineBuffer().append(numbers[0], numbers[1], numbers[2], 'sent', Buffer.alloc(0), 0, 0),
        RangeError,
      );
});

test('lines that are no frames are counted and the others are read', () => {
  const good = '5 6 7 < ok';
  const bad = [
    '',
    'x',
    '5',
    '5 6',
    '5 6 7',
    '5 6 7 ',
    '5 6 7 <',
    '5 6 7 ?  a',
    '5 6 7 <<a',
    '5 6 7 <*',
    '5 6 7 <*a',
    '5 6 7 <* YQ',
    '5 6 7 <* Y!==',
    '-5 6 7 < a',
    '5.5 6 7 < a',
    '99999999999999999999 6 7 < a',
    '9999999999999999 6 7 < a',
    ' 5 6 7 < a',
    '5  6 7 < a',
  ];
  for (const one of bad) {
    const { lines, unreadable } = read(Buffer.from(`${good}\n${one}\n${good}\n`));
    assert.equal(unreadable, 1, JSON.stringify(one));
    assert.equal(lines.length, 2, JSON.stringify(one));
  }
  assert.equal(read(Buffer.from(`${good}\n${good}`)).unreadable, 1, 'a last line without its line feed');
});

test('bytes of any kind are lines or no lines, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { lines, unreadable } = read(Buffer.from(bytes));
      assert.ok(lines.length + unreadable <= bytes.length + 1);
    }),
  );
});
