import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Rows, textFrame } from '../record/index.ts';
import { type JournalKey, readMarkers, StoreEngine } from '../store/index.ts';
import { Finisher } from './finisher.ts';
import { RowStore } from './row-store.ts';

const FIRST: JournalKey = { exchange: 'words', date: '2026-11-22', name: '10-1' };
const SECOND: JournalKey = { exchange: 'words', date: '2026-11-22', name: '10-2' };

/** A store of rows in a directory of its own, and what it said. */
class Place {
  readonly data = mkdtempSync(join(tmpdir(), 'feedtape-rows-'));
  readonly rows = new Rows(() => undefined);
  readonly log: string[] = [];
  readonly finisher = new Finisher({
    decoderVersions: () => 1,
    onFinished: () => undefined,
    onError: (_store, error) => this.log.push(error.message),
  });
  readonly store: RowStore;
  #frame = 0;

  constructor(t: TestContext) {
    const engine = new StoreEngine({
      memory: '100MB',
      threads: 1,
      temporaryDirectory: join(this.data, 'spill'),
    });
    const world = {
      setup: { data: this.data },
      engine,
      finisher: this.finisher,
      log: (_level: string, message: string) => this.log.push(message),
    };
    this.store = new RowStore(this.rows, world, 'words', () => undefined);
    t.after(async () => {
      await engine.close();
      rmSync(this.data, { recursive: true, force: true });
    });
  }

  trades(count: number): void {
    const stream = this.rows.streams.code('spot', 'trades', 'trade', 'AB');
    for (let i = 0; i < count; i++) {
      this.rows.at(textFrame(1_795_341_600_000_000 + this.#frame, 1, ++this.#frame, 'received', ''));
      this.rows.trade(stream, 1, `${this.#frame}`, 'buy', 1, 1);
    }
  }

  /** What the balance says of trades. */
  trade(): { readonly made: number; readonly stored: number } {
    const found = this.store.counts().find(({ table }) => table === 'trades');
    return { made: found?.made ?? 0, stored: found?.stored ?? 0 };
  }

  async finished(): Promise<[string, number][]> {
    return (await readMarkers(this.data)).map(({ key, finished }) => [key.name, finished?.rows.trades ?? 0]);
  }
}

test('rows of a file that is given up do not come into the next one', async (t) => {
  const place = new Place(t);
  await place.store.open(FIRST);
  place.trades(3);
  place.store.drop();
  place.trades(2);
  await place.store.open(SECOND);
  place.trades(4);
  await place.store.seal();
  await place.finisher.settle(10_000);
  assert.deepEqual(await place.finished(), [['10-2', 4]]);
  assert.deepEqual(place.trade(), { made: 9, stored: 9 });
  assert.deepEqual(place.store.unfinished(), ['words/2026-11-22/10-1']);
});

test('a finish that fails leaves its rows to the next start: the balance holds and names the file', async (t) => {
  const place = new Place(t);
  await place.store.open(FIRST);
  place.trades(3);
  mkdirSync(place.data, { recursive: true });
  writeFileSync(join(place.data, 'store'), 'in the way');
  await place.store.seal();
  await place.finisher.settle(10_000);
  assert.match(place.log.join(), /EEXIST|ENOTDIR/);
  assert.deepEqual(await place.finished(), []);
  assert.deepEqual(place.trade(), { made: 3, stored: 3 });
  assert.deepEqual(place.store.unfinished(), ['words/2026-11-22/10-1']);
});
