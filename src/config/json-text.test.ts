import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readJsonText } from './json-text.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
}

test('every JSON document is read to the same value as JSON.parse', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 1, 2, '\t'), (text, indent) => {
      const pretty = JSON.stringify(JSON.parse(text), null, indent);
      const read = readJsonText(pretty);
      assert.ok(read.ok);
      assert.deepEqual(read.value, JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});

test('a text is refused exactly where JSON.parse refuses it', () => {
  const part = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\u00e9"',
      '"\\x"',
      '\\',
      '1',
      '-',
      '-0',
      '01',
      '1.',
      '.5',
      '1e',
      '2E+3',
      'true',
      'nul',
      'null',
      ' ',
      '\n',
      '\u00a0',
      '//',
      '\u0000',
      'é',
      '"\n"',
    ],
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const text = parts.join('');
      assert.equal(readJsonText(text).ok, isJson(text), JSON.stringify(text));
    }),
    { numRuns: 3000 },
  );
});

test('an error is told with line, column and what was expected', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{\n  "a": 1\n  "b": 2\n}', '3:3 found a quote; expected "," or "}"'],
    ['[1,\n 2,\n]', '3:1 a comma before "]"; JSON has none behind the last'],
    ["{'a': 1}", '1:2 found "\'"; expected a key in double quotes'],
    ['{"a" 1}', '1:6 found "1"; expected ":" behind the key'],
    ['{\n  // all\n}', '2:3 a comment begins here, and JSON has none; expected a key in double quotes'],
    ['["a', '1:4 the file ends within a text; expected a closing quote'],
    ['["a\nb"]', '1:4 a line break or control character within a text; expected a closing quote'],
    ['{"a": nul}', '1:7 found "n"; expected a value'],
    ['[1] x', '1:5 found "x" after the end of the document'],
    ['{"path": "C:\\data"}', '1:13 a backslash that begins no escape; write "\\\\" for a backslash'],
    ['[1', '1:3 the file ends here; expected "," or "]"'],
    ['\u00a0[]', '1:1 found "\u00a0"; expected a value'],
    ['[\u200b]', '1:2 found the character U+200b; expected a value'],
  ];
  for (const [text, expected] of cases) {
    const read = readJsonText(text);
    assert.ok(!read.ok, text);
    assert.equal(`${read.line}:${read.column} ${read.message}`, expected);
  }
});

test('keys given twice are found wherever they are, escapes undone', () => {
  const read = readJsonText('{"a": [{"b": 1,\n "\\u0062": 2}],\n\n "a": 3, "A": 4}');
  assert.ok(read.ok);
  assert.deepEqual(read.repeated, [
    { path: ['a', 0, 'b'], line: 2 },
    { path: ['a'], line: 4 },
  ]);
});
