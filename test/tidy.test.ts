import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src');

/** Lower first (DESIGN section 9). A folder may import from lower ranks only. */
const RANKS: readonly (readonly string[])[] = [
  ['record', 'host', 'wasm'],
  ['shape', 'book'],
  ['exchanges'],
  ['config'],
  ['link', 'journal', 'store'],
  ['recorder', 'simulator'],
  ['monitor'],
  ['main.ts'],
  ['cli'],
];

/** Lines above which a file needs a second thought; a test file may be longer. */
const LINES_MAX = 400;

function files(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] as string);
}

function rankOf(path: string): number {
  const top = relative(source, path).split('/')[0] ?? '';
  return RANKS.findIndex((folders) => folders.includes(top));
}

const sources = files(source);

test('every source folder has its place in the order of imports', () => {
  for (const file of sources) assert.ok(rankOf(file) >= 0, relative(root, file));
});

test('imports go down only, and reach another folder only through its index.ts', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    if (file.endsWith('.test.ts')) continue;
    for (const specifier of importsOf(file)) {
      const target = resolve(dirname(file), specifier);
      const from = relative(source, file);
      const to = relative(source, target);
      const [fromTop, toTop] = [from.split('/')[0], to.split('/')[0]];
      if (fromTop === toTop) {
        if (fromTop === 'exchanges' && crossesExchanges(from, to))
          wrong.push(`${from} -> ${to} (another exchange)`);
        continue;
      }
      if (rankOf(target) >= rankOf(file)) wrong.push(`${from} -> ${to} (upwards)`);
      else if (to !== 'main.ts' && !to.endsWith('/index.ts')) wrong.push(`${from} -> ${to} (past the door)`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** An exchange's folder knows the shared files above it and itself, never another exchange. */
function crossesExchanges(from: string, to: string): boolean {
  const [, fromFolder, fromRest] = from.split('/');
  const [, toFolder, toRest] = to.split('/');
  return fromRest !== undefined && toRest !== undefined && fromFolder !== toFolder;
}

test('shared code names no exchange', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const path = relative(source, file);
    if (path.startsWith('exchanges/') || file.endsWith('.test.ts')) continue;
    const code = readFileSync(file, 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '');
    for (const match of code.matchAll(
      /===\s*'(binance|bybit|coinex|bitfinex)'|case '(binance|bybit|coinex|bitfinex)'/g,
    ))
      wrong.push(`${path}: ${match[0]}`);
  }
  assert.deepEqual(wrong, []);
});

test('every exchange folder has the one shape', () => {
  for (const entry of readdirSync(join(source, 'exchanges'), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const name of [
      'README.md',
      'index.ts',
      'subscribe.ts',
      'decode.ts',
      'instruments.ts',
      'simulate.ts',
      `${entry.name}.test.ts`,
      'fixtures',
    ])
      assert.ok(existsSync(join(source, 'exchanges', entry.name, name)), `${entry.name}/${name} is missing`);
  }
});

test('no default exports, no export *, no escapes from the types, no files that are too long', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const text = readFileSync(file, 'utf8');
    const path = relative(root, file);
    if (/^export default/m.test(text)) wrong.push(`${path}: default export`);
    if (/^export \*/m.test(text)) wrong.push(`${path}: export *`);
    if (/@ts-(ignore|expect-error|nocheck)/.test(text)) wrong.push(`${path}: @ts-ignore`);
    if (/\bas any\b|: any\b/.test(text)) wrong.push(`${path}: any`);
    const lines = text.split('\n').length;
    if (lines > LINES_MAX && !file.endsWith('.test.ts')) wrong.push(`${path}: ${lines} lines`);
  }
  assert.deepEqual(wrong, []);
});

test('no folder is named after nothing', () => {
  for (const file of sources)
    assert.doesNotMatch(
      relative(source, file),
      /(^|\/)(utils?|helpers?|common|misc|managers?|base)(\/|\.ts$)/,
    );
});

test('tests do not sleep', () => {
  const tests = [...sources, ...files(join(root, 'test'))].filter((file) => file.endsWith('.test.ts'));
  for (const file of tests)
    assert.doesNotMatch(
      readFileSync(file, 'utf8'),
      /setTimeout\(\s*(resolve|done|r)\s*,|timers\/promises/,
      `${relative(root, file)} waits for time instead of a condition`,
    );
});

test('the lock file holds no addresses', () => {
  assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved":\s*"http/);
});

test('the build begins with the program and with every file that a thread begins with', () => {
  const { files: entries } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')) as {
    files: string[];
  };
  const threads = sources.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/`(\.[^`]*)\.\$\{import\.meta\.url/g)].map(([, path = '']) =>
      relative(root, resolve(dirname(file), `${path}.ts`)),
    ),
  );
  assert.deepEqual([...threads, 'src/cli/index.ts'].sort(), [...entries].sort());
});

test('no compiled file stands beside a source', () => {
  const compiled = ['src', 'test', 'bench'].flatMap((directory) =>
    readdirSync(join(root, directory), { withFileTypes: true, recursive: true })
      .filter(({ name, parentPath }) => /\.(js|d\.ts)$/.test(name) && !parentPath.includes('node_modules'))
      .map(({ name, parentPath }) => relative(root, join(parentPath, name))),
  );
  assert.deepEqual(compiled, []);
});

test('this V8 knows the flags that are set while running: it would pass over others with a line on stderr', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  const flags = sources.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/setFlagsFromString\(`(--[\w-]+)/g)].map(([, flag = '']) => flag),
  );
  assert.ok(flags.length > 0);
  for (const flag of flags) assert.ok(known.includes(`  ${flag} (`), flag);
});
