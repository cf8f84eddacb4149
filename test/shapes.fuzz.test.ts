import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXCHANGES, type Exchange } from '../src/exchanges/index.ts';
import { DecimalReader, isObject, parseJson } from '../src/record/index.ts';
import type { Shape } from '../src/shape/index.ts';
import { mutated, seeded } from './mutations.ts';
import { messageOf, ReaderPair } from './readings.ts';

/*
 * The byte reader gives what the reference reader gives, or declines: on every fixture, on every capture, and on
 * mutations of them. FEEDTAPE_MUTATIONS sets how many per exchange, FEEDTAPE_SEED which.
 */
const MUTATIONS = Number(process.env.FEEDTAPE_MUTATIONS ?? 20_000);
const SEED = Number(process.env.FEEDTAPE_SEED ?? 1);
const corpus = process.env.FEEDTAPE_CORPUS ?? '';

/** Messages of a file in the corpus form: what was received, payloads without their wrapper, bodies of REST answers. */
function messagesOf(file: string): Buffer[] {
  const messages: Buffer[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const { t, data } = JSON.parse(line) as { t: string; data?: string };
    if ((t !== 'recv' && t !== 'http') || typeof data !== 'string') continue;
    messages.push(Buffer.from(data));
    const payload = (parseJson(data) as { data?: unknown } | null)?.data;
    if (isObject(payload)) messages.push(Buffer.from(JSON.stringify(payload)));
  }
  return messages;
}

function fixturesOf({ name }: Exchange): Buffer[] {
  const directory = fileURLToPath(new URL(`../src/exchanges/${name}/fixtures`, import.meta.url));
  const files = readdirSync(directory).filter(
    (file) => file.endsWith('.jsonl') && !file.endsWith('.rows.jsonl'),
  );
  return files.flatMap((file) => messagesOf(join(directory, file)));
}

function pairsOf(shapes: readonly Shape[]): ReaderPair[] {
  return shapes.map((shape) => new ReaderPair(shape, () => new DecimalReader()));
}

function check(pairs: readonly ReaderPair[], bytes: Buffer): void {
  const message = messageOf(bytes);
  for (const pair of pairs) {
    const difference = pair.compare(message);
    assert.equal(
      difference,
      null,
      `${pair.shape.name}, seed ${SEED}: ${JSON.stringify(bytes.toString('latin1'))}`,
    );
  }
}

for (const exchange of EXCHANGES) {
  test(`${exchange.name}: on ${MUTATIONS} mutations of its fixtures both readers agree`, () => {
    const seeds = fixturesOf(exchange);
    const pairs = pairsOf(exchange.shapes);
    const fresh = pairsOf(exchange.shapes);
    for (const message of seeds) check(fresh, message);
    for (const { read, shape } of fresh) assert.ok(read > 0, `no fixture has the shape ${shape.name}`);
    const random = seeded(SEED);
    for (let n = 0; n < MUTATIONS; n++) {
      const seed = seeds[Math.floor(random() * seeds.length)] as Buffer;
      check(pairs, mutated(seed, random));
    }
    assert.ok(
      pairs.some(({ read }) => read > MUTATIONS / 100),
      'hardly a mutation was read by bytes',
    );
  });

  const captures = existsSync(corpus)
    ? readdirSync(corpus).filter((file) => file.startsWith(exchange.name) && file.endsWith('.jsonl'))
    : [];
  for (const file of captures)
    test(`${file}: both readers agree on every message, and the bytes suffice`, () => {
      const pairs = pairsOf(exchange.shapes);
      for (const message of messagesOf(join(corpus, file))) check(pairs, message);
      const read = pairs.reduce((sum, pair) => sum + pair.read, 0);
      const declined = pairs.reduce((sum, pair) => sum + pair.declined, 0);
      assert.ok(read > 100, `${read} messages read by bytes`);
      assert.ok(declined <= read / 100, `${declined} of ${read} messages needed JSON.parse`);
    });
}
