import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { headBytes } from '../journal/index.ts';
import { ChunkReader, ChunkWriter, ENTRY_KINDS, type EntryKind } from './chunk.ts';
import { moving } from './chunk-memory.ts';
import { type Chunk, Ear } from './ear.ts';

const entry = fc.record({
  time: fc.integer({ min: 0, max: 2 ** 52 }),
  link: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  kind: fc.constantFrom(...ENTRY_KINDS),
  room: fc.integer({ min: 0, max: 60 }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

test('what is written into a chunk is read back, in order, byte for byte; what does not fit is refused', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const writer = new ChunkWriter(new Uint8Array(new ArrayBuffer(4096), 1024, 2048));
      const taken = entries.filter(({ time, link, kind, room, payload }) => {
        if (!writer.fits(payload.length)) return false;
        writer.add(time, link, kind, room, Buffer.from(payload));
        return true;
      });
      const reader = new ChunkReader(writer.bytes, writer.entries);
      for (const expected of taken) {
        assert.ok(reader.next());
        const { time, link, kind, room } = reader;
        assert.deepEqual({ time, link, kind, room, payload: expected.payload }, { ...expected });
        assert.deepEqual(new Uint8Array(reader.bytes.subarray(reader.start, reader.end)), expected.payload);
        // Room is nobody else's: the recorder makes its line there.
        reader.bytes.fill(0xff, reader.start - room, reader.start);
        reader.bytes[reader.end] = 0xff;
      }
      assert.equal(reader.next(), false);
    }),
  );
});

interface Heard {
  readonly link: number;
  readonly kind: EntryKind;
  readonly text: string;
}

/** An ear whose chunks are held back until they are returned, as a slow recorder does. */
function heldBack(chunks: number): {
  ear: Ear;
  out: Chunk[];
  calls: string[];
  heard: () => Heard[];
  time: { now: number };
} {
  const out: Chunk[] = [];
  const calls: string[] = [];
  const time = { now: 1000 };
  const ear = new Ear({
    clock: { now: () => time.now++ },
    chunkBytes: 256,
    chunks,
    deliver: (chunk) => out.push(chunk),
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
  });
  const heard = (): Heard[] => {
    const found: Heard[] = [];
    for (const { bytes, entries } of out) {
      const reader = new ChunkReader(bytes, entries);
      while (reader.next())
        found.push({
          link: reader.link,
          kind: reader.kind,
          text: reader.bytes.toString('utf8', reader.start, reader.end),
        });
    }
    return found;
  };
  return { ear, out, calls, heard, time };
}

function hear(ear: Ear, link: number, payload: Buffer, binary: boolean, readAt: number): void {
  const read = Buffer.concat([Buffer.from('before'), payload, Buffer.from('behind')]);
  ear.received(link, read, Uint32Array.of(6, 6 + payload.length), 1, binary, readAt);
}

test('the room before a payload is what the head of its line takes', () => {
  const { ear, out, time } = heldBack(64);
  const clock = 1_795_341_600_123_456;
  time.now = clock;
  for (let i = 0; i < 120; i++) {
    hear(ear, 7, Buffer.from('m'), false, clock);
    if (i % 3 === 0) ear.event(123, { event: 'late', ms: 1 });
  }
  ear.flush();
  const ordinals = new Map<number, number>();
  for (const { bytes, entries } of out) {
    const reader = new ChunkReader(bytes, entries);
    while (reader.next()) {
      const ordinal = (ordinals.get(reader.link) ?? 0) + 1;
      ordinals.set(reader.link, ordinal);
      assert.equal(reader.room, headBytes(reader.time, reader.link, ordinal));
    }
  }
  assert.equal(ordinals.get(7), 120);
});

test('messages that come together, from the memory for reads and over as many chunks as they take, are as those that come one by one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 12 }), {
        maxLength: 8,
      }),
      fc.boolean(),
      fc.nat(1000),
      fc.boolean(),
      (reads, binary, place, isPoolFull) => {
        const [together, singly] = [heldBack(isPoolFull ? 4 : 64), heldBack(isPoolFull ? 4 : 64)];
        for (const payloads of reads) {
          const read = Buffer.concat(payloads.flatMap((payload) => [Buffer.from('--'), payload]));
          const bytes = together.ear.reads.subarray(place, place + read.copy(together.ear.reads, place));
          let end = 0;
          const spans = payloads.flatMap(({ length }) => {
            end += 2 + length;
            return [end - length, end];
          });
          const readAt = together.time.now++;
          singly.time.now++;
          together.ear.received(7, bytes, Uint32Array.from(spans), payloads.length, binary, readAt);
          for (const payload of payloads) hear(singly.ear, 7, Buffer.from(payload), binary, readAt);
        }
        for (const { ear } of [together, singly]) ear.flush();
        const entries = ({ out }: { out: Chunk[] }) =>
          out.map(({ bytes, entries, upTo }) => {
            const reader = new ChunkReader(bytes, entries);
            return {
              upTo,
              entries: Array.from({ length: entries }, () => {
                reader.next();
                const { time, link, kind, room, start, end } = reader;
                return { time, link, kind, room, payload: reader.bytes.toString('latin1', start, end) };
              }),
            };
          });
        assert.deepEqual(entries(together), entries(singly));
        const count = reads.flat().length;
        assert.equal(together.ear.receivedFrames, count);
        assert.equal(together.ear.counts().get(7) ?? 0, count);
      },
    ),
  );
});

test('with no free chunk the ear stops its sockets, loses nothing that was read, and says afterwards how late stamps may be', () => {
  const { ear, out, calls, heard, time } = heldBack(2);
  const texts = Array.from({ length: 40 }, (_, i) => `message ${i} ${'x'.repeat(60)}`);
  for (const text of texts) hear(ear, 7, Buffer.from(text), false, time.now++);
  ear.flush();
  assert.deepEqual([...new Set(calls)], ['pause']);
  const { length } = calls;
  assert.deepEqual(
    heard().map(({ text }) => text),
    texts,
  );
  time.now += 5000;
  for (const { bytes } of out.splice(0)) ear.release(bytes);
  assert.deepEqual(calls.slice(length), ['resume']);
  hear(ear, 7, Buffer.from('after'), false, time.now++);
  ear.flush();
  const [late, after] = heard();
  assert.deepEqual(late?.kind, 'event');
  assert.match(late?.text ?? '', /"event":"late","ms":[5-9]/);
  assert.equal(after?.text, 'after');
  assert.equal(ear.counts().get(7), 41);
});

test('a message larger than a chunk travels in one of its own', () => {
  const { ear, heard, time } = heldBack(4);
  const large = 'y'.repeat(5000);
  hear(ear, 1, Buffer.from('small'), false, time.now++);
  hear(ear, 1, Buffer.from(large), true, time.now++);
  hear(ear, 1, Buffer.from('small again'), false, time.now++);
  ear.flush();
  assert.deepEqual(heard(), [
    { link: 1, kind: 'text', text: 'small' },
    { link: 1, kind: 'binary', text: large },
    { link: 1, kind: 'text', text: 'small again' },
  ]);
});

test('large messages take as many places of the pool as their size: they cannot go past its bound', () => {
  const { ear, out, calls, time } = heldBack(8);
  for (let i = 0; i < 3; i++) hear(ear, 1, Buffer.alloc(1000), true, time.now++);
  assert.deepEqual([...new Set(calls)], ['pause']);
  ear.flush();
  for (const { bytes } of out.splice(0)) ear.release(bytes);
  assert.equal(calls.at(-1), 'resume');
  assert.equal(ear.chunksOut, 0);
});

test('whatever was out, all of the pool is used again afterwards', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ length: fc.nat(1500), released: fc.nat(3) }), { maxLength: 60 }),
      (steps) => {
        const { ear, out, time } = heldBack(8);
        // As another thread gives them back: the same memory by other objects.
        const release = (count: number) => {
          for (const { bytes } of out.splice(0, count))
            ear.release(structuredClone(bytes, { transfer: moving([bytes]) }));
        };
        for (const { length, released } of steps) {
          hear(ear, 1, Buffer.alloc(length), true, time.now++);
          release(released);
        }
        ear.flush();
        release(out.length);
        assert.equal(ear.paused, false);
        for (let i = 0; i < 8; i++) {
          hear(ear, 1, Buffer.from('m'), false, time.now++);
          ear.flush();
        }
        assert.equal(ear.paused, false);
        const chunks = out.map(({ bytes }) => bytes);
        assert.ok(chunks.every(({ buffer }) => buffer === ear.reads.buffer));
        assert.equal(new Set(chunks.map(({ byteOffset }) => byteOffset)).size, 8);
        assert.deepEqual(moving(chunks), []);
      },
    ),
  );
});

test('a chunk that is not of the pool moves along, one of the pool stays', () => {
  const { ear, out, time } = heldBack(4);
  hear(ear, 1, Buffer.from('small'), false, time.now++);
  hear(ear, 1, Buffer.alloc(600), true, time.now++);
  ear.flush();
  const [small, large] = out.map(({ bytes }) => bytes);
  assert.ok(small !== undefined && large !== undefined);
  assert.deepEqual(moving([small, large]), [large.buffer]);
});

test('chunks of a length that is no multiple of eight bytes are made longer', () => {
  const out: Chunk[] = [];
  const ear = new Ear({
    clock: { now: () => 1 },
    chunkBytes: 16_385,
    chunks: 4,
    deliver: (chunk) => out.push(chunk),
    pause: () => undefined,
    resume: () => undefined,
  });
  hear(ear, 1, Buffer.from('m'), false, 1);
  ear.flush();
  assert.equal(out[0]?.bytes.length, 16_392);
});

test('the pool does not grow: a recorder that is always behind never has more than the pool waiting for it', () => {
  const { ear, out, time } = heldBack(8);
  for (let round = 0; round < 200; round++) {
    while (!ear.paused) hear(ear, 1, Buffer.alloc(200), true, time.now++);
    // What a socket had read before it was paused.
    hear(ear, 1, Buffer.alloc(200), true, time.now++);
    ear.flush();
    for (const { bytes } of out.splice(0, 2)) ear.release(bytes);
    assert.ok(out.length <= 16, `${out.length} chunks wait after ${round} rounds`);
    while (ear.paused) for (const { bytes } of out.splice(0, 1)) ear.release(bytes);
  }
});

test('while the recorder has chunks waiting, none is handed over half full', () => {
  const { ear, out, heard, time } = heldBack(64);
  for (let i = 0; i < 40; i++) {
    hear(ear, 1, Buffer.from(`${i}`), false, time.now++);
    ear.tick();
  }
  const { length } = out;
  assert.ok(length >= 3 && length < 20, `${length} chunks`);
  for (const { bytes } of out.slice()) ear.release(bytes);
  ear.tick();
  assert.equal(out.length, length + 1);
  assert.equal(heard().length, 40);
  ear.tick();
  assert.equal(out.at(-1)?.entries, 0, 'an empty one says how far time has come');
});

test('while sockets are not read, time stands still for the recorder: what they hold is not in', () => {
  const { ear, out, time } = heldBack(2);
  while (!ear.paused) hear(ear, 1, Buffer.alloc(200), true, time.now++);
  const paused = time.now;
  time.now += 60_000_000;
  hear(ear, 1, Buffer.from('read before'), false, time.now++);
  ear.flush();
  assert.ok((out.at(-1)?.upTo ?? Number.POSITIVE_INFINITY) <= paused);
  for (const { bytes } of out.splice(0)) ear.release(bytes);
  ear.flush();
  assert.ok((out.at(-1)?.upTo ?? 0) > paused);
});

test('no entry is older than a time up to which everything was said to be in', () => {
  for (const chunks of [4, 256]) {
    const { ear, out, time } = heldBack(chunks);
    for (let read = 0; read < 30; read++) {
      const readAt = time.now;
      time.now += 40;
      for (let n = 0; n < 3; n++) hear(ear, 1, Buffer.alloc(60), false, readAt);
      // One of these is what a chunk is handed over for.
      for (let n = 0; n < 3; n++) ear.sent(1, 'y'.repeat(read * 2));
      if (read % 7 === 6) for (const { bytes } of out.slice(-2)) ear.release(bytes);
    }
    ear.flush();
    let upTo = 0;
    for (const chunk of out) {
      const reader = new ChunkReader(chunk.bytes, chunk.entries);
      while (reader.next()) assert.ok(reader.time >= upTo, `${reader.time} after ${upTo}`);
      upTo = chunk.upTo;
    }
    assert.ok(out.length > 10);
  }
});

test('messages of one read share its stamp, and no stamp goes back behind one that was given', () => {
  const { ear, out } = heldBack(8);
  const stamps: [number, number][] = [
    [1, 5000],
    [1, 5000],
    [2, 4990],
    [2, 6000],
  ];
  for (const [link, readAt] of stamps) hear(ear, link, Buffer.from('m'), false, readAt);
  ear.flush();
  const [chunk] = out;
  const reader = new ChunkReader(chunk?.bytes ?? new Uint8Array(0), chunk?.entries ?? 0);
  const times: number[] = [];
  while (reader.next()) times.push(reader.time);
  assert.deepEqual(times, [5000, 5000, 5000, 6000]);
  assert.ok((chunk?.upTo ?? 0) >= 6000);
});
