import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import * as ws from 'ws';
import { FastLane } from './fast-lane.ts';
import { payloads } from './payloads.ts';

const MAX = 4000;

/** The part of `ws` that reads frames; its types leave it out. */
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: object) => Writable;
};

/** What a connection brought, as lines. */
interface Heard {
  readonly events: string[];
  readonly receiver: Writable;
}

function listening(): Heard {
  const events: string[] = [];
  const receiver = new Receiver({ maxPayload: MAX, skipUTF8Validation: true, allowSynchronousEvents: true });
  const told = (kind: string) => (payload: Buffer) => events.push(`${kind} ${payload.toString('latin1')}`);
  receiver.on('message', (payload: Buffer, binary: boolean) =>
    events.push(`${binary ? 'binary' : 'text'} ${payload.toString('latin1')}`),
  );
  receiver.on('ping', told('ping'));
  receiver.on('pong', told('pong'));
  receiver.on('conclude', (code: number) => events.push(`close ${code}`));
  receiver.on('error', (error: Error) => events.push(`error ${error.message}`));
  return { events, receiver };
}

function frame(first: number, payload: Buffer, isMasked = false): Buffer {
  const { length } = payload;
  const mask = isMasked ? 0x80 : 0;
  const header =
    length < 126
      ? Buffer.from([first, mask | length])
      : length < 65_536
        ? Buffer.from([first, mask | 126, length >> 8, length & 255])
        : Buffer.from([first, mask | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]);
  return Buffer.concat([header, isMasked ? Buffer.from([0, 0, 0, 0]) : Buffer.alloc(0), payload]);
}

const payload = fc
  .oneof(fc.nat(10), fc.constantFrom(0, 124, 125, 126, 127, 300, MAX, MAX), fc.nat(600))
  .map((length) => Buffer.alloc(length, `${length}`));
const data = fc.tuple(fc.constantFrom(0x81, 0x82), payload).map(([first, bytes]) => frame(first, bytes));
const control = fc.constantFrom(0x89, 0x8a).map((first) => frame(first, Buffer.from('p')));
const fragments = fc
  .tuple(payload, payload, fc.boolean())
  .map(([one, two, isAsked]) =>
    Buffer.concat([
      frame(0x01, one.subarray(0, 1500)),
      isAsked ? frame(0x89, Buffer.from('between')) : Buffer.alloc(0),
      frame(0x80, two.subarray(0, 1500)),
    ]),
  );
const wrong = fc.constantFrom(
  frame(0x81, Buffer.alloc(MAX + 1, 'x')),
  frame(0x81, Buffer.alloc(70_000, 'x')),
  frame(0x83, Buffer.from('reserved')),
  frame(0xc1, Buffer.from('compressed')),
  frame(0x81, Buffer.from('masked'), true),
  frame(0x80, Buffer.from('goes on from nothing')),
  Buffer.concat([frame(0x01, Buffer.from('begun')), frame(0x81, Buffer.from('another'))]),
  Buffer.concat([Buffer.from([0x89, 126, 0, 1]), Buffer.from('p')]),
  frame(0x88, Buffer.from([3, 232])),
  frame(0x88, Buffer.alloc(0)),
  frame(0x88, Buffer.from([1])),
);
const usual = fc.oneof(
  { weight: 6, arbitrary: data },
  { weight: 2, arbitrary: control },
  { weight: 1, arbitrary: fragments },
);
const stream = fc
  .tuple(fc.array(usual, { maxLength: 30 }), fc.option(wrong), fc.array(usual, { maxLength: 5 }))
  .map(([before, fault, behind]) =>
    Buffer.concat([...before, ...(fault === null ? [] : [fault]), ...behind]),
  );

test('whatever comes, in whatever pieces: the same messages in the same order as by ws alone', async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.oneof(fc.nat(12), fc.nat(900))), async (bytes, cuts) => {
      const alone = listening();
      alone.receiver.write(bytes);
      const both = listening();
      const lane = new FastLane({
        payloadBytesMax: MAX,
        forward: (piece) => void both.receiver.write(piece),
        messages: (read, spans, count, binary) => {
          for (const payload of payloads(read, spans, count))
            both.events.push(`${binary ? 'binary' : 'text'} ${payload.toString('latin1')}`);
        },
      });
      let isEnded = false;
      both.receiver.on('error', () => {
        isEnded = true;
      });
      let at = 0;
      for (const size of [...cuts, bytes.length]) {
        if (size > 0 && !isEnded) lane.take(bytes.subarray(at, at + size));
        at += size;
        await new Promise(setImmediate);
      }
      assert.deepEqual(both.events, alone.events);
    }),
    { numRuns: 1000 },
  );
});

test('what is whole and plain does not go through ws at all', () => {
  const messages: string[] = [];
  let calls = 0;
  const lane = new FastLane({
    payloadBytesMax: 100_000,
    forward: () => assert.fail('nothing is left to ws'),
    messages: (read, spans, count) => {
      calls++;
      messages.push(...payloads(read, spans, count).map(String));
    },
  });
  const take = (...lengths: readonly number[]): void => {
    messages.length = 0;
    calls = 0;
    const texts = lengths.map((length) => 'x'.repeat(length));
    lane.take(Buffer.concat(texts.map((text) => frame(0x81, Buffer.from(text)))));
    assert.deepEqual(messages, texts);
  };
  take(3, 0, 200, 125, 126, 127, 65_535);
  assert.equal(calls, 1);
  for (const last of [0, 1]) take(70_000, 9, last);
});

test('as many messages as there are in a read come, in several calls where they are many', () => {
  const texts = Array.from({ length: 5000 }, (_, n) => `${n}`);
  const messages: string[] = [];
  let calls = 0;
  const lane = new FastLane({
    payloadBytesMax: MAX,
    forward: () => assert.fail('nothing is left to ws'),
    messages: (read, spans, count) => {
      calls++;
      messages.push(...payloads(read, spans, count).map(String));
    },
  });
  lane.take(Buffer.concat(texts.map((text) => frame(0x81, Buffer.from(text)))));
  assert.deepEqual(messages, texts);
  assert.ok(calls > 1 && calls < 50, `${calls} calls`);
});
