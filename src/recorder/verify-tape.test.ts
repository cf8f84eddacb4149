import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { LineBuffer, type PackedBlock, packBlock, placeBlock } from '../journal/index.ts';
import { TapeVerifier } from './verify-tape.ts';

/** A file of one block, of lines `<link> <ordinal>`; `seal` adds a seal block, a writer's or a repair's. */
function tape(lines: string, seal: { ordinal: number; repaired: boolean } | null, time = 1000): Buffer {
  const counted = lines.split(', ').map((line) => line.split(' ').map(Number) as [number, number]);
  const block = blockOf(
    counted.map(([link, ordinal]) => [link, ordinal, 'x']),
    time,
  );
  const headerCrc = placeBlock(block, { ordinal: 1, previousCrc: 0, seal: false });
  if (seal === null) return block.bytes;
  const frames: Record<string, number> = {};
  for (const [link] of counted) frames[link] = (frames[link] ?? 0) + 1;
  const sha256 = createHash('sha256').update(block.bytes).digest('hex');
  const event = JSON.stringify({ event: 'sealed', blocks: 1, frames, sha256, repaired: seal.repaired });
  const sealBlock = blockOf([[1, seal.ordinal, event]], time);
  placeBlock(sealBlock, { ordinal: 2, previousCrc: headerCrc, seal: true });
  return Buffer.concat([block.bytes, sealBlock.bytes]);
}

function blockOf(lines: readonly (readonly [number, number, string])[], time: number): PackedBlock {
  const buffer = new LineBuffer();
  for (const [link, ordinal, text] of lines) {
    const bytes = Buffer.from(text);
    buffer.append(time, link, ordinal, text === 'x' ? 'received' : 'event', bytes, 0, bytes.length);
  }
  return packBlock(buffer.text(), lines.length, time, time);
}

function faultsOf(...files: Buffer[]): string[] {
  const tapes = new TapeVerifier();
  return files.flatMap((bytes, i) => tapes.check(`file ${i + 1}`, bytes, false).faults);
}

const sealedAt = (ordinal: number, repaired = false) => ({ ordinal, repaired });

test('ordinals count on from file to file: a line, a whole file or the begin of a link that is not there is told', () => {
  const first = tape('1 1, 2 1, 2 2', sealedAt(2));
  const second = tape('1 3, 2 3', sealedAt(4));
  const third = tape('1 5, 2 4, 3 1', sealedAt(6));
  assert.deepEqual(faultsOf(first, second, third), []);
  assert.deepEqual(faultsOf(second, third), [], 'older files may have been taken away');
  assert.deepEqual(faultsOf(first, third), [
    'file 2: link 1 goes from frame 2 to 5',
    'file 2: link 2 goes from frame 2 to 4',
  ]);
  assert.deepEqual(faultsOf(first, tape('1 3, 3 2', sealedAt(4))), ['file 2: link 3 begins with frame 2']);
  assert.deepEqual(faultsOf(tape('1 1, 2 2, 2 4, 2 4', sealedAt(2))), [
    'file 1: link 2 goes from frame 2 to 4',
    'file 1: link 2 goes from frame 4 to 4',
  ]);
});

test('the line a repair sealed with counts for no link, and behind an unsealed file anything may follow', () => {
  const repaired = tape('1 1, 2 1', sealedAt(2, true));
  assert.deepEqual(faultsOf(repaired, tape('1 2, 2 2', sealedAt(3))), []);
  const behindRefused = tape('1 3, 2 2', sealedAt(4));
  assert.deepEqual(faultsOf(repaired, behindRefused), [], 'the seal that the disk refused had a number');
  assert.deepEqual(faultsOf(repaired, tape('1 4, 2 2', sealedAt(5))), [
    'file 2: link 1 goes from frame 1 to 4',
  ]);
  assert.deepEqual(faultsOf(tape('1 1, 2 1, 2 2', null), tape('1 2, 2 2', sealedAt(3))), []);
});

test('a block that is there in part ends an unsealed file with a note, a finished one with a fault', () => {
  const whole = tape('1 1', sealedAt(2));
  for (const cut of [1, 40, 100]) {
    const torn = whole.subarray(0, whole.length - cut);
    const live = new TapeVerifier().check('it', torn, false);
    assert.deepEqual(live.faults, []);
    assert.match(live.notes[0] ?? '', /its last block is not whole/);
    const finished = new TapeVerifier().check('it', torn, true);
    assert.match(finished.faults.join('\n'), /it: block 2 is damaged \(torn.*\nit: its seal is gone/);
  }
});

test('lines out of order are named up to a bound, then counted', () => {
  const lines = Array.from({ length: 100 }, () => '2 1').join(', ');
  const faults = faultsOf(tape(`1 1, ${lines}`, sealedAt(2)));
  assert.equal(faults.length, 21);
  assert.equal(faults.at(-1), 'file 1: 79 more lines are out of order');
});
