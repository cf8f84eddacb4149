import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { Child, endChildren, here, startFlood } from './child.ts';
import { journalBytes, tableBytes } from './disk-use.ts';
import type { Figure } from './figures.ts';
import { MODES, type Mode, Script } from './flood/script.ts';
import { Tape } from './flood/tape.ts';
import { Recording, recordFlood } from './record-flood.ts';

/** Benchmarks run as small tests too, so that they never rot. */
const MESSAGES = 2000;

const tablesOf: Readonly<Record<Mode, readonly string[]>> = {
  trades: ['trades'],
  deltas: ['book'],
  usdm: ['book'],
  quotes: ['quotes'],
  mix: ['trades', 'book', 'quotes'],
};

// Whatever failed: no child keeps the test's process alive.
after(endChildren);

suite('a small flood', () => {
  for (const mode of MODES)
    test(`of ${mode} is recorded and accounted for to the last message, proven and weighed`, async () => {
      const { flood, port } = await startFlood(mode, ['--messages', String(MESSAGES)]);
      using recording = new Recording(mode, port);
      const figure = await recordFlood(recording, flood, MESSAGES);
      await flood.stop();
      assert.ok(figure.messagesPerSecond > 0 && figure.cpuMicrosPerMessage > 0);
      await recording.verify();
      assert.ok(journalBytes(recording.data) > 0);
      const tables = await tableBytes(recording.data);
      assert.deepEqual(
        tables.map(({ table }) => table),
        tablesOf[mode],
      );
      for (const { rows, storeBytes, csvGzipBytes } of tables)
        assert.ok(rows > 0 && storeBytes > 0 && csvGzipBytes > 0);
    });

  test('is read to its end by each plain reader', async () => {
    const { flood, port } = await startFlood('trades', ['--messages', String(MESSAGES)]);
    for (const kind of ['bare', 'ws', 'ws-json']) {
      const reader = new Child([here('reader.ts'), kind, String(port), String(MESSAGES)]);
      const figure = JSON.parse(await reader.next('read')) as Figure;
      assert.ok(figure.messagesPerSecond > 0, kind);
    }
    await flood.stop();
  });
});

test('the small benchmarks of shapes and books run, and print a line for each thing they measure', async () => {
  for (const [script, lines] of [
    ['shapes.ts', 5],
    ['books.ts', 3],
  ] as const) {
    const { stdout } = await promisify(execFile)(process.execPath, [here(script), '--turns', '2']);
    assert.equal(stdout.match(/^\|.*\d\.\d\d \|/gm)?.length, lines, stdout);
  }
});

test('trades are weighed in a journal file, live and sealed: sealed is denser, and shared receive times save', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [here('sealed.ts'), '--messages', '3000']);
  const sizes = [...stdout.matchAll(/\| ([\d.]+) \| ([\d.]+) \|$/gm)].map(([, live, dense]) => [
    Number(live),
    Number(dense),
  ]);
  assert.equal(sizes.length, 6, stdout);
  for (const [live = 0, dense = 0] of sizes) assert.ok(dense < live && dense > 5 && live < 40, stdout);
  const dense = sizes.map(([, size = 0]) => size);
  assert.ok(
    dense.every((size, i) => i % 3 === 0 || size < (dense[i - 1] ?? 0)),
    stdout,
  );
});

test('a tape goes on for ever: ids stay one unbroken chain and times never go back, turn after turn', () => {
  for (const mode of ['trades', 'deltas', 'usdm'] as const) {
    // A tape of few messages has the spans of a long one: only its diffs can end their chain where the turn ends.
    const tape = new Tape(new Script(mode, { messages: 50 }), true);
    const into = Buffer.alloc(100_000);
    let [last, time] = [Number.NaN, 0];
    for (let message = 0; message < 1000; message++) {
      const { bytes } = tape.play(message, 1, into);
      const text = into.toString('latin1', into.indexOf('{'), bytes);
      const { data } = JSON.parse(text) as {
        data: { U?: number; u?: number; pu?: number; T?: number; E: number };
      };
      if (data.U !== undefined && !Number.isNaN(last)) assert.equal(data.U, last + 1);
      if (mode === 'usdm' && !Number.isNaN(last)) assert.equal(data.pu, last);
      last = data.u ?? Number.NaN;
      const matched = data.T ?? data.E - 1000;
      assert.ok(matched >= time - 1000, `${mode} ${message}`);
      time = matched;
    }
  }
});

test('the lock file of the peers holds no addresses', () => {
  assert.doesNotMatch(readFileSync(here('peers/package-lock.json'), 'utf8'), /"resolved":\s*"http/);
});
