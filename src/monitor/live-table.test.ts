import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkKeeper } from '../link/index.ts';
import type { MarketStatus } from '../recorder/index.ts';
import { formatBytes, LiveRows, LiveScreen, printable, renderTable } from './index.ts';
import type { LiveRow } from './live-table.ts';

function row(over: Partial<LiveRow> = {}): LiveRow {
  return {
    exchange: 'binance',
    market: 'spot',
    links: '1 up',
    streamsUp: 7,
    streamsAsked: 8,
    framesPerSecond: 1234.4,
    bytesPerSecond: 2_500_000,
    journalBytes: 69_600,
    lastTrade: 'BTCUSDT 97000.5',
    lagMsP50: 0.31,
    lagMsP99: 250.4,
    gaps: '3 (1 open)',
    ...over,
  };
}

function status(over: Partial<MarketStatus> = {}): MarketStatus {
  return {
    exchange: 'binance',
    market: 'spot',
    frames: 0,
    bytes: 0,
    journalBytes: 0,
    streamsAsked: 8,
    streamsUp: 8,
    behindMs: 0,
    gapsOpen: 0,
    gaps: 0,
    lastTrade: null,
    lagMsP50: null,
    lagMsP99: null,
    ...over,
  };
}

function keeper(state: LinkKeeper['state'], market = 'spot'): LinkKeeper {
  const plan = { exchange: 'binance', market, streams: [1, 2] };
  return { state, plan } as unknown as LinkKeeper;
}

test('columns are aligned under their titles, whatever is in them', () => {
  const lines = renderTable([row(), row({ exchange: 'x', lastTrade: '-', gaps: '0', lagMsP50: null })], 200);
  const [titles = '', first = '', second = ''] = lines;
  assert.match(first, /^binance {3}spot {4}1 up {7}7\/8 {6}1234 {2}2\.500 {2}69\.6 kB/);
  assert.equal(titles.indexOf('last trade'), first.indexOf('BTCUSDT'));
  assert.equal(titles.indexOf('last trade'), second.indexOf('-'));
  assert.equal(first.length, first.indexOf('3 (1 open)') + '3 (1 open)'.length);
});

test('on a narrow terminal each line is cut, never wrapped', () => {
  for (const width of [1, 20, 60, 80])
    for (const line of renderTable([row(), row({ lastTrade: 'y'.repeat(300) })], width))
      assert.ok(line.length <= width, `${line.length} > ${width}`);
});

test('what an exchange wrote cannot command the terminal', () => {
  const [, line = ''] = renderTable([row({ lastTrade: 'A\u001b[2J\r\n\u009b1\u202e 1' })], 200);
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  assert.equal(printable('tBTCF0:USTF0 1.5 µé'), 'tBTCF0:USTF0 1.5 µé');
});

test('the screen draws over what it drew, and a line above it leaves the table for the next draw', () => {
  const written: string[] = [];
  const screen = new LiveScreen((text) => written.push(text));
  screen.draw(['a', 'b']);
  screen.draw(['c', 'd', 'e']);
  screen.above('said');
  screen.draw(['f']);
  assert.equal(written[0]?.includes('\u001b[2A'), false, 'nothing is above the first draw');
  assert.ok(written[1]?.startsWith('\u001b[2A'));
  assert.equal(written[2], '\u001b[3A\u001b[Jsaid\n');
  assert.doesNotMatch(written[3] ?? '', /\[\d+A/);
});

test('rates are over the time since the last look; links and streams are counted per market', () => {
  const rows = new LiveRows(0);
  const links = [keeper('open'), keeper('waiting'), keeper('open', 'usdm')];
  const [first] = rows.rows(links, [status({ frames: 100, bytes: 1000 })], 500);
  assert.deepEqual([first?.framesPerSecond, first?.bytesPerSecond], [200, 2000], 'since the beginning');
  const [spot, usdm] = rows.rows(links, [status({ frames: 300, bytes: 5000, gaps: 2, gapsOpen: 1 })], 2500);
  assert.equal(spot?.framesPerSecond, 100);
  assert.equal(spot?.bytesPerSecond, 2000);
  assert.equal(spot?.links, '1/2 up');
  assert.equal(spot?.gaps, '2 (1 open)');
  assert.equal(usdm?.links, '1 up');
  assert.equal(usdm?.streamsAsked, 2, 'before the recorder says so, what is planned');
  assert.equal(usdm?.gaps, '-');
});

test('bytes read well at every size', () => {
  assert.deepEqual([0, 999, 1000, 1_250_000, 3.2e9, 4e12].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.3 MB',
    '3.2 GB',
    '4000.0 GB',
  ]);
});

test('rows that are made late are said to be', () => {
  const rows = new LiveRows(0).rows([keeper('open')], [status({ behindMs: 12_400 })], 0);
  assert.equal(rows[0]?.links, '1 up, rows 12 s behind');
});
