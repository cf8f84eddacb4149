import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestLink, tinyMarket } from './harness.test.ts';
import { binance } from './index.ts';

test('a decoder goes on from its saved state as if nothing had happened', () => {
  for (const market of ['spot', 'usdm']) {
    const model = tinyMarket(['BTCUSDT', 'ETHUSDT'], 11);
    const dialect = binance.simulate(market, model);
    const out: string[] = [];
    const path = market === 'usdm' ? '/public/stream' : '/stream';
    const names = ['btcusdt@depth@100ms', 'ethusdt@depth@100ms', 'btcusdt@trade', 'btcusdt@bookTicker'];
    const session = dialect.connect(new URL(`ws://x${path}?streams=${names.join('/')}`), (text) =>
      out.push(text),
    );
    for (let n = 0; n < 120; n++) session?.publish();
    const rest = market === 'usdm' ? '/fapi/v1/depth' : '/api/v3/depth';
    const answers = ['BTCUSDT', 'ETHUSDT'].map((symbol) => {
      const url = `http://x${rest}?symbol=${symbol}&limit=1000`;
      return { url, body: dialect.rest(new URL(url))?.body ?? '' };
    });
    for (let n = 0; n < 120; n++) session?.publish();
    const steps: ((link: TestLink) => void)[] = out.map((text) => (link) => link.receive(text));
    for (const [index, { url, body }] of answers.entries())
      steps.splice(125 + index * 60, 0, (link) => link.rest(url, body));

    const whole = new TestLink(market);
    for (const step of steps) step(whole);
    assert.ok(whole.rows.some(({ table }) => table === 'book'));
    for (const cut of [0, 60, 130, 160, 230]) {
      const first = new TestLink(market);
      for (const step of steps.slice(0, cut)) step(first);
      const state = JSON.parse(JSON.stringify(first.decoder.state()));
      const second = new TestLink(market, { state, ordinal: first.ordinal });
      for (const step of steps.slice(cut)) step(second);
      assert.deepEqual([...first.rows, ...second.rows], whole.rows, `${market}, cut at ${cut}`);
      assert.deepEqual(second.decoder.state(), whole.decoder.state());
    }
  }
});

test('a new file opens with each valid book, steps from 1', () => {
  const link = new TestLink('spot');
  link.data('bnbbtc@depth', {
    e: 'depthUpdate',
    E: 1,
    s: 'BNBBTC',
    U: 1,
    u: 2,
    b: [['1', '1']],
    a: [['2', '1']],
  });
  link.openingSnapshots();
  assert.deepEqual(link.rows, []);
  link.rest('https://api.binance.com/api/v3/depth?symbol=BNBBTC', { lastUpdateId: 1, bids: [], asks: [] });
  link.rows.length = 0;
  link.openingSnapshots();
  assert.deepEqual(
    link.rows.map(({ origin, step, side, price, sequence }) => [origin, step, side, price, sequence]),
    [
      ['ours', 1, null, null, 2],
      ['ours', 1, 'bid', 1, 2],
      ['ours', 1, 'ask', 2, 2],
    ],
  );
});
