import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../src/errors.js';
import { type FormatOptions, formatMetadataValue } from '../../src/extraction/format-metadata-value.js';
import type { JsonValue } from '../../src/extraction/json-value.js';

/** JSON texts, and what CPython 3.11 makes of them: `str(json.loads(text))`. */
const PYTHON_TEXTS: readonly [json: string, python: string][] = [
  ['null', 'None'],
  ['true', 'True'],
  ['false', 'False'],
  ['0', '0'],
  ['-7', '-7'],
  ['9007199254740991', '9007199254740991'],
  ['1e300', '1e+300'],
  ['1.5', '1.5'],
  ['-0.25', '-0.25'],
  ['0.1', '0.1'],
  ['0.0001', '0.0001'],
  ['0.00012', '0.00012'],
  ['0.00001', '1e-05'],
  ['-0.000015', '-1.5e-05'],
  ['1.5e-7', '1.5e-07'],
  ['1e-10', '1e-10'],
  ['2.5e-300', '2.5e-300'],
  ['5e-324', '5e-324'],
  ['1e22', '1e+22'],
  ['1.7976931348623157e308', '1.7976931348623157e+308'],
  ['3.141592653589793', '3.141592653589793'],
  ['123456789.125', '123456789.125'],
  ['""', ''],
  [String.raw`"plain text stays as it is: 'a' \"b\" \\ \n"`, 'plain text stays as it is: \'a\' "b" \\ \n'],
  ['[]', '[]'],
  ['{}', '{}'],
  ['[null, true, false]', '[None, True, False]'],
  ['[1, [2, [3, []]], {}]', '[1, [2, [3, []]], {}]'],
  ['{"a": 1}', "{'a': 1}"],
  ['{"a": null, "b": [true, {"c": "d"}]}', "{'a': None, 'b': [True, {'c': 'd'}]}"],
  ['{"b": 1, "a": 2}', "{'b': 1, 'a': 2}"],
  ['{"": ""}', "{'': ''}"],
  [`{"it's": "a 'b'"}`, `{"it's": "a 'b'"}`],
  [`["it's"]`, `["it's"]`],
  [String.raw`["say \"hi\""]`, `['say "hi"']`],
  [String.raw`["it's \"both\""]`, String.raw`['it\'s "both"']`],
  [`["'"]`, `["'"]`],
  [String.raw`["\""]`, `['"']`],
  [String.raw`["'\""]`, String.raw`['\'"']`],
  [String.raw`["back\\slash"]`, String.raw`['back\\slash']`],
  [String.raw`["\\'"]`, String.raw`["\\'"]`],
  [String.raw`["a\nb\rc\td"]`, String.raw`['a\nb\rc\td']`],
  [
    String.raw`["\u0000\u0001\u0007\b\u000b\f\u001b\u001f"]`,
    String.raw`['\x00\x01\x07\x08\x0b\x0c\x1b\x1f']`,
  ],
  [String.raw`["\u007f\u0080\u0085\u009f"]`, String.raw`['\x7f\x80\x85\x9f']`],
  [String.raw`["\u00a0", "\u00ad"]`, String.raw`['\xa0', '\xad']`],
  [String.raw`["caf\u00e9 \u00df \u91d1\u984d"]`, "['café ß 金額']"],
  [String.raw`["\u0378", "\u0600", "\u070f"]`, String.raw`['\u0378', '\u0600', '\u070f']`],
  [
    String.raw`["\u1680\u2000\u200b\u200d\u2028\u2029\u202e\u202f\u205f\u2060\u3000"]`,
    String.raw`['\u1680\u2000\u200b\u200d\u2028\u2029\u202e\u202f\u205f\u2060\u3000']`,
  ],
  [String.raw`["\ue000\uf8ff\ufeff\ufff9\uffff"]`, String.raw`['\ue000\uf8ff\ufeff\ufff9\uffff']`],
  [String.raw`["\ud83d\ude00 \ud83e\uddfe"]`, "['😀 🧾']"],
  [String.raw`["\ud83d\udc69\u200d\ud83d\udcbb"]`, String.raw`['👩\u200d💻']`],
  [String.raw`["\ud800", "\udfff", "\udc00\ud800"]`, String.raw`['\ud800', '\udfff', '\udc00\ud800']`],
  [
    String.raw`["\ud834\udd73", "\udb40\udc01", "\udbc0\udc00", "\udbff\udfff"]`,
    String.raw`['\U0001d173', '\U000e0001', '\U00100000', '\U0010ffff']`,
  ],
  [String.raw`["e\u0301"]`, "['é']"],
  [String.raw`["tab\tand 'quote'", "a\u2028\"b\""]`, String.raw`["tab\tand 'quote'", 'a\u2028"b"']`],
  [
    String.raw`{"line\nbreak": {"__proto__": null, "constructor": "C"}}`,
    String.raw`{'line\nbreak': {'__proto__': None, 'constructor': 'C'}}`,
  ],
  ['["/", "</script>", "$&", "$1", "%s", "{}"]', "['/', '</script>', '$&', '$1', '%s', '{}']"],
];

describe('formatMetadataValue', () => {
  test.each<[behaviour: string, value: JsonValue, options: FormatOptions, text: string]>([
    ['leaves a string as it is', `it's "so"\n`, {}, `it's "so"\n`],
    ['leaves a string as it is in the style of Python', `it's "so"\n`, { style: 'python' }, `it's "so"\n`],
    ['leaves an empty string empty', '', {}, ''],
    ['writes a number', 1.5, {}, '1.5'],
    ['writes a boolean', true, {}, 'true'],
    ['writes null', null, {}, 'null'],
    ['writes an array as JSON', [1, 'a', null], {}, '[1,"a",null]'],
    ['writes an object as JSON', { a: { b: 1 } }, {}, '{"a":{"b":1}}'],
    ['writes JSON when the style says so', { a: true }, { style: 'json' }, '{"a":true}'],
    ['writes True in the style of Python', true, { style: 'python' }, 'True'],
    ['writes None in the style of Python', null, { style: 'python' }, 'None'],
    ["writes {'a': 1} in the style of Python", { a: 1 }, { style: 'python' }, "{'a': 1}"],
  ])('%s', (_, value, options, text) => {
    expect(formatMetadataValue(value, options)).toStrictEqual({ text, truncated: false });
  });

  test.each<[behaviour: string, value: JsonValue, maxLength: number, text: string, truncated: boolean]>([
    ['keeps a text of exactly the limit', 'abc', 3, 'abc', false],
    ['cuts a text one over the limit', 'abcd', 3, 'abc', true],
    ['cuts to a single code point', '😀😀', 1, '😀', true],
    ['counts a surrogate pair once', '😀😀', 2, '😀😀', false],
    ['cuts before a surrogate pair', 'a😀b', 1, 'a', true],
    ['cuts behind a surrogate pair', 'a😀b', 2, 'a😀', true],
    ['counts a combining mark by itself', 'e\u0301', 1, 'e', true],
    ['cuts JSON anywhere', { a: 'long' }, 5, '{"a":', true],
    [
      'knows no limit where none is given',
      'x'.repeat(100_000),
      Number.POSITIVE_INFINITY,
      'x'.repeat(100_000),
      false,
    ],
  ])('%s', (_, value, maxLength, text, truncated) => {
    expect(formatMetadataValue(value, { maxLength })).toStrictEqual({ text, truncated });
  });

  test.each<[what: string, value: unknown]>([
    ['a Date', { at: new Date(0) }],
    ['members that are undefined', { a: undefined, b: 1, c: undefined }],
    ['items that are undefined', [undefined, 1]],
    ['a data key toJSON', { toJSON: 'no function' }],
    ['a data key __proto__', JSON.parse('{"__proto__":{"a":1},"b":2}')],
    ['nothing in it', { a: {}, b: [] }],
  ])('writes %s with a limit as without one', (_, value) => {
    const { text, truncated } = formatMetadataValue(value as JsonValue, { maxLength: 255 });
    expect({ text, truncated }).toEqual({ text: JSON.stringify(value), truncated: false });
  });

  test('takes the quotes of Python from the whole string, also from what is cut off', () => {
    const format = (text: string) => formatMetadataValue([text], { maxLength: 8, style: 'python' }).text;
    expect(format(`it's ${'x'.repeat(100)}`)).toBe(`["it's x`);
    expect(format(`it's ${'x'.repeat(100)}"`)).toBe(String.raw`['it\'s `);
    expect(format(`${'x'.repeat(100)}'`)).toBe(`["xxxxxx`);
  });

  test.each(PYTHON_TEXTS)('writes %s in the style of Python as %s', (json, python) => {
    expect(formatMetadataValue(JSON.parse(json), { style: 'python' }).text).toBe(python);
  });

  test.each<[what: string, options: unknown, message: string]>([
    ['a limit of 0', { maxLength: 0 }, 'maxLength: expected a positive integer, got 0'],
    ['a negative limit', { maxLength: -1 }, 'maxLength: expected a positive integer, got -1'],
    ['a fraction', { maxLength: 1.5 }, 'maxLength: expected a positive integer, got 1.5'],
    ['NaN', { maxLength: Number.NaN }, 'maxLength: expected a positive integer, got NaN'],
    ['null', { maxLength: null }, 'maxLength: expected a positive integer, got null'],
    ['a limit that is text', { maxLength: '255' }, 'maxLength: expected a positive integer, got 255'],
    ['a limit that is a BigInt', { maxLength: 255n }, 'maxLength: expected a positive integer, got 255'],
    ['an unknown style', { style: 'yaml' }, "style: expected 'json' or 'python', got yaml"],
    [
      'a style named like a method of objects',
      { style: 'toString' },
      "style: expected 'json' or 'python', got toString",
    ],
  ])('refuses %s', (_, options, message) => {
    const format = () => formatMetadataValue('a', options as FormatOptions);
    expect(format).toThrow(InvalidInputError);
    expect(format).toThrow(message);
  });
});

describe('formatMetadataValue of any value', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.jsonValue({ stringUnit: 'binary' }) as fc.Arbitrary<JsonValue>,
  );
  const style = fc.constantFrom<'json' | 'python'>('json', 'python');

  test('never gives more than maxLength code points, nor fewer than it may', () => {
    fc.assert(
      fc.property(value, style, fc.integer({ min: 1, max: 40 }), (metadata, writtenIn, maxLength) => {
        const whole = formatMetadataValue(metadata, { style: writtenIn }).text;
        const { text, truncated } = formatMetadataValue(metadata, { style: writtenIn, maxLength });
        expect(whole.startsWith(text)).toBe(true);
        expect(truncated).toBe(text.length < whole.length);
        expect(codePoints(text)).toBe(Math.min(codePoints(whole), maxLength));
      }),
      { numRuns: 10_000 },
    );
  });

  test('never splits a surrogate pair', () => {
    const halfAPair = /\p{Surrogate}/u;
    fc.assert(
      fc.property(value, style, fc.integer({ min: 1, max: 40 }), (metadata, writtenIn, maxLength) => {
        expect(formatMetadataValue(metadata, { style: writtenIn, maxLength }).text).not.toMatch(halfAPair);
      }),
      { numRuns: 10_000 },
    );
  });

  test('writes JSON that reads back as the value', () => {
    fc.assert(
      fc.property(value, (metadata) => {
        fc.pre(typeof metadata !== 'string');
        const { text, truncated } = formatMetadataValue(metadata);
        expect(text).toBe(JSON.stringify(metadata));
        expect(truncated).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });

  test('leaves nothing unprintable in what it writes in the style of Python', () => {
    fc.assert(
      fc.property(value, (metadata) => {
        fc.pre(typeof metadata !== 'string');
        const { text } = formatMetadataValue(metadata, { style: 'python' });
        expect(text).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/u);
      }),
      { numRuns: 5_000 },
    );
  });
});

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
