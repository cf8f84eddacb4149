import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeDisk } from '../host/index.ts';
import { CrashDisk } from './crash-disk.ts';
import { hourOf, isSealed, listJournal, removeTemporary, statePathOf, tapePath } from './files.ts';
import { readTape } from './reader.ts';
import { appendTo, lineOf, SAMPLE_START, sampleFrames } from './sample-tape.ts';
import { JournalWriter } from './writer.ts';

test('the path of a tape tells exchange, date, hour and start, in UTC', () => {
  assert.equal(
    tapePath('/j/bybit', SAMPLE_START + 61_000_001),
    '/j/bybit/2026-11-22/10-1795341661000001.tape.zst',
  );
  assert.equal(tapePath('/j/bybit', 0), '/j/bybit/1970-01-01/00-0.tape.zst');
  assert.equal(statePathOf('/j/00-0.tape.zst'), '/j/00-0.state.zst');
  assert.throws(() => statePathOf('/j/00-0.parquet'), /is no tape/);
  assert.throws(() => tapePath('/j', -1), RangeError);
  assert.equal(hourOf(SAMPLE_START) + 1, hourOf(SAMPLE_START + 3_600_000_000));
});

test('a journal lists its files by exchange and start, and passes over whatever else lies there', async () => {
  const disk = new CrashDisk();
  const names = [
    'bybit/2026-11-22/10-1795341600000000.tape.zst',
    'bybit/2026-11-22/10-1795341600000000.state.zst',
    'bybit/2026-11-22/10-1795341600000000.tape.zst.cut',
    'bybit/2026-11-22/11-1795345200000000.tape.zst',
    'bybit/2026-11-22/11-1795345200000000.state.zst.tmp',
    'bybit/2026-11-22/12-1795348800000000.state.zst',
    'bybit/2026-11-21/09-1795250000000000.tape.zst',
    'bybit/2026-11-22/notes.txt',
    'bybit/2026-11-23',
    'bybit/other/10-1795341600000000.tape.zst',
    'binance/2026-11-22/10-1795341600000001.tape.zst',
    'README',
    'stray',
  ];
  for (const name of names)
    disk.files.set(`/j/${name}`, { bytes: Buffer.from(name), durable: 0, isPoisoned: false });
  const files = await listJournal(disk, '/j');
  assert.deepEqual(
    files.map(({ exchange, date, hour, start, hasState }) => [exchange, date, hour, start, hasState]),
    [
      ['binance', '2026-11-22', 10, 1795341600000001, false],
      ['bybit', '2026-11-21', 9, 1795250000000000, false],
      ['bybit', '2026-11-22', 10, 1795341600000000, true],
      ['bybit', '2026-11-22', 11, 1795345200000000, false],
    ],
  );
  const left = '/j/bybit/2026-11-22/11-1795345200000000.state.zst.tmp';
  assert.deepEqual(await removeTemporary(disk, '/j/bybit'), [left]);
  assert.deepEqual(
    [...disk.files.keys()],
    names.map((name) => `/j/${name}`).filter((path) => path !== left),
  );
  assert.deepEqual(await listJournal(disk, '/nowhere'), []);
});

test('on a real disk a file is written, sealed, listed and read back', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'feedtape-journal-'));
  try {
    const writer = new JournalWriter({
      disk: nodeDisk,
      directory: join(directory, 'binance'),
      exchange: 'binance',
      blockBytes: 4096,
    });
    const frames = sampleFrames(500);
    await writer.beginFile(SAMPLE_START, Buffer.from('{}'));
    for (const frame of frames) appendTo(writer, frame);
    await writer.durable();
    const [file] = await listJournal(nodeDisk, directory);
    assert.ok(file?.hasState);
    assert.equal(await isSealed(nodeDisk, file.path), false);
    await writer.seal({ time: SAMPLE_START + 1e6, link: 1, ordinal: 1 });
    await writer.close();
    assert.equal(await isSealed(nodeDisk, file.path), true);
    const lines: string[] = [];
    const summary = await readTape(nodeDisk, file.path, (frame) => lines.push(lineOf(frame)));
    assert.deepEqual(lines.slice(0, -1), frames.map(lineOf));
    assert.deepEqual([summary.damages, summary.sealFaults], [[], []]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
