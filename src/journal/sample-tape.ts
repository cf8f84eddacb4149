import { type Frame, type FrameKind, textFrame } from '../record/index.ts';
import { CrashDisk, seeded, turn } from './crash-disk.ts';
import { LineBuffer } from './line.ts';
import { headBytes } from './line-head.ts';
import { JournalWriter } from './writer.ts';

/** 2026-11-22T10:00:00Z, µs. */
export const SAMPLE_START = 1_795_341_600_000_000;
export const SAMPLE_DIRECTORY = '/data/journal/binance';

const KINDS: readonly FrameKind[] = ['received', 'gzip', 'sent', 'rest', 'event'];

/** A line as a test compares it. */
export function lineOf(frame: Frame): string {
  const payload = frame.bytes.toString('latin1', frame.start, frame.end);
  return `${frame.time} ${frame.link} ${frame.ordinal} ${frame.kind} ${payload}`;
}

/** Trades of a made-up symbol on two links, some of them with a line break or bytes that are no UTF-8. */
export function sampleFrames(count: number, seed = 1): Frame[] {
  const random = seeded(seed);
  const ordinals = [0, 0];
  let time = SAMPLE_START;
  return Array.from({ length: count }, (_, i) => {
    time += Math.floor(random() * 900);
    const link = random() < 0.5 ? 0 : 1;
    const ordinal = (ordinals[link] ?? 0) + 1;
    ordinals[link] = ordinal;
    const kind = KINDS[i % 7] ?? 'received';
    const price = (100 + random() * 50).toFixed(2);
    const text = `{"e":"trade","s":"AAABBB","t":${i},"p":"${price}","q":"${random().toFixed(6)}"}`;
    const frame = textFrame(time, link + 7, ordinal, kind, i % 11 === 3 ? `${text}\n` : text);
    if (i % 13 === 5) frame.set(time, link + 7, ordinal, kind, Buffer.from([0, 0xff, 0xfe, i & 255]));
    return frame;
  });
}

export interface SampleTape {
  readonly bytes: Buffer;
  readonly path: string;
  readonly frames: Frame[];
  /** The lines of each block, the seal's included. */
  readonly blocks: string[];
}

/** A file of `blocks` blocks of `framesPerBlock` frames, and a seal. */
export async function sampleTape(blocks: number, framesPerBlock = 20, isSealed = true): Promise<SampleTape> {
  const disk = new CrashDisk();
  const writer = new JournalWriter({ disk, directory: SAMPLE_DIRECTORY, exchange: 'binance' });
  const frames = sampleFrames(blocks * framesPerBlock);
  const begun = writer.beginFile(SAMPLE_START, null);
  const texts: string[] = [];
  for (let at = 0; at < frames.length; at += framesPerBlock) {
    const block = frames.slice(at, at + framesPerBlock);
    for (const frame of block) appendTo(writer, frame);
    writer.flush();
    texts.push(textOf(block));
  }
  const { path } = await begun;
  if (isSealed) {
    const time = frames.at(-1)?.time ?? SAMPLE_START;
    const sealed = await writer.seal({ time, link: 1, ordinal: 1 });
    texts.push(`${time} 1 1 ! ${JSON.stringify(sealed?.seal)}\n`);
  }
  await writer.close();
  await turn();
  return { bytes: await disk.read(path), path, frames, blocks: texts };
}

/** Appends a frame that a test made. */
export function appendTo(
  target: { append: LineBuffer['append'] },
  { time, link, ordinal, kind, bytes, start, end }: Frame,
): void {
  target.append(time, link, ordinal, kind, bytes, start, end);
}

/**
 * The same in place, as from a chunk: the payloads stand behind rooms for their heads, some of another size than the head
 * will be. The memory is something else's afterwards.
 */
export function appendInPlaceTo(
  target: Pick<LineBuffer, 'appendInPlace' | 'release'>,
  frames: readonly Frame[],
): void {
  const rooms = frames.map(
    ({ time, link, ordinal }, index) => headBytes(time, link, ordinal) + (index % 5 === 3 ? 1 : 0),
  );
  const size = frames.reduce((sum, { start, end }, i) => sum + (rooms[i] as number) + end - start + 1, 0);
  const memory = Buffer.alloc(size, '#');
  let at = 0;
  const starts = frames.map(({ bytes, start, end }, index) => {
    const begins = at + (rooms[index] as number);
    at = begins + bytes.copy(memory, begins, start, end) + 1;
    return begins;
  });
  for (const [index, { time, link, ordinal, kind, start, end }] of frames.entries()) {
    const begins = starts[index] as number;
    const room = rooms[index] as number;
    target.appendInPlace(time, link, ordinal, kind, memory, begins, begins + end - start, room);
  }
  target.release();
  memory.fill('#');
}

export function textOf(frames: readonly Frame[]): string {
  const lines = new LineBuffer();
  for (const frame of frames) appendTo(lines, frame);
  return lines.text().toString('latin1');
}
