import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStored } from '../../../src/postgres/metadata/parse-stored.js';

describe('parseStored', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    `1${'0'.repeat(400)}`,
    '12345678901234567.5e400',
    '1e400',
    '-1.5E+999',
  ])('keeps the digits of an integer that JavaScript would write with another value: %s', (number) => {
    expect(parseStored(`[[ ${number}],{"a":${number}, "b": "${number}"}]`)).toStrictEqual([
      [{ number }],
      { a: { number }, b: number },
    ]);
  });

  test.each([
    ['1000000000000000000000', 1e21],
    ['-100000000000000000000000', -1e23],
    [`179${'0'.repeat(306)}`, 1.79e308],
    [`0.${'0'.repeat(323)}5`, 5e-324],
    ['12345678901234567000', 12_345_678_901_234_567_000],
    ['1.50000000000000000000', 1.5],
    ['0.00000000000000000000', 0],
    ['1.0000000000000000E+3', 1000],
    ['0.10000000000000001', 0.1],
    ['1000000000000000000000.000001', 1e21],
    [`0.${'0'.repeat(400)}1`, 0],
    ['1e-400', 0],
    ['1.5e308', 1.5e308],
  ])('reads %s as a number', (text, number) => {
    expect(parseStored(`{"a":${text}}`)).toStrictEqual({ a: number });
  });

  test('reads whatever JavaScript writes', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(double)), (value) => {
        const json = JSON.stringify([value]);
        expect(parseStored(json)).toStrictEqual(JSON.parse(json));
      }),
    );
  });

  test('reads a very long string with very many escaped characters', () => {
    const json = JSON.stringify([1, '"'.repeat(10_000_000)]).replace('1,', '1234567890123456789,');

    expect(parseStored(json)).toHaveLength(2);
  });

  test('leaves strings alone, whatever they hold', () => {
    const piece = fc.constantFrom(
      '"',
      '\\',
      '[ 12345678901234567890',
      ',',
      ': ',
      '-0.10000000000000001',
      ']',
    );
    const text = fc.array(piece).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, (key, string) => {
        const json = { [key]: [string] };
        expect(parseStored(JSON.stringify(json))).toStrictEqual(json);
        expect(parseStored(JSON.stringify(json, null, 1))).toStrictEqual(json);
      }),
    );
  });
});
