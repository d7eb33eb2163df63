import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { InvalidInputError, MetadataValueError } from '../../src/errors.js';
import { parseJson } from '../../src/extraction/parse-json.js';
import { randomFrom } from '../faults/support/seeded-random.js';
import { drawJson } from './draw-json.js';
import { referenceParse } from './reference-parse.js';

describe('an integer that a number would change', () => {
  test.each<[what: string, text: string, value: unknown]>([
    ['a 64-bit id', '{"order":{"id":3544790567247868102}}', { order: { id: '3544790567247868102' } }],
    ['the first one', '9007199254740993', '9007199254740993'],
    ['the first negative one', '-9007199254740993', '-9007199254740993'],
    ['one below a minus and blanks', '{"a" : \t\r\n -9007199254740993 \n}', { a: '-9007199254740993' }],
    ['the least 64-bit integer', '[-9223372036854775808]', ['-9223372036854775808']],
    ['the greatest unsigned 64-bit integer', '[18446744073709551615]', ['18446744073709551615']],
    [
      '2 ** 60, which a double holds and JavaScript writes otherwise',
      '1152921504606846976',
      '1152921504606846976',
    ],
    ['one of 400 digits, which is Infinity as a number', `[${'7'.repeat(400)}]`, ['7'.repeat(400)]],
    [
      'one of 22 digits, which JavaScript writes with an exponent',
      '1000000000000000000000',
      '1000000000000000000000',
    ],
    [
      'one after another',
      '[1,9007199254740993,2,9007199254740995]',
      [1, '9007199254740993', 2, '9007199254740995'],
    ],
    ['one in a list of lists', '[[[[9007199254740993]]]]', [[[['9007199254740993']]]]],
    ['one under a key that JSON escapes', '{"\\"a\\\\":9007199254740993}', { '"a\\': '9007199254740993' }],
    [
      'one behind a string that looks like it',
      '["1, 9007199254740993",9007199254740993]',
      ['1, 9007199254740993', '9007199254740993'],
    ],
    ['the last of two with the same key', '{"a":1,"a":9007199254740993}', { a: '9007199254740993' }],
    ['neither of two, if the last one is another', '{"a":9007199254740993,"a":1}', { a: 1 }],
    [
      'one beside letters beyond Latin-1',
      '["価格\u0130\u0122",9007199254740993]',
      ['価格\u0130\u0122', '9007199254740993'],
    ],
  ])('is a string of its digits: %s', (_, text, value) => {
    expect(parseJson(text)).toStrictEqual(value);
  });

  test('is a string whatever was parsed before', () => {
    for (const rest of ['\\\\', '"', '0', ' ']) {
      parseJson(`"${rest === '"' ? '' : rest.repeat(100)}"`);
      expect(parseJson('[9007199254740993]')).toEqual(['9007199254740993']);
      expect(parseJson('9007199254740993')).toBe('9007199254740993');
    }
  });

  test('is a string wherever the text is cut into parts', () => {
    const literal = '3544790567247868102';
    for (const length of [2 ** 16, 2 ** 17]) {
      for (let shift = -45; shift <= 25; shift += 1) {
        const padding = 'x'.repeat(length + shift);
        expect(parseJson(`["${padding}",${literal},-${literal}]`)).toEqual([padding, literal, `-${literal}`]);
        const blanks = ' '.repeat(length + shift);
        expect(parseJson(`[${blanks}${literal}]`)).toEqual([literal]);
        const safe = parseJson(`["${padding}",1234567890123456]`);
        expect(safe).toEqual([padding, 1234567890123456]);
      }
    }
  });
});

describe('what JSON.parse gets right', () => {
  const before = Reflect.ownKeys(Object.prototype);
  test.each<[what: string, text: string]>([
    ['the greatest safe integer', '9007199254740991'],
    [
      '2 ** 53 and 2 ** 53 + 2, which a double holds',
      '[9007199254740992, 9007199254740994, -9007199254740992]',
    ],
    ['an integer that JavaScript writes with the same digits', '12345678901234567000'],
    ['microseconds', '{"at":1700000000123456}'],
    ['an exponent', '[1e300, 1.5e20, 1234567890123456789e3, 1234567890123456789E+2, 1e0000000000000000003]'],
    ['decimals', '[0.1234567890123456789, 1234567890123456789.5, -1234567890123456789.0]'],
    ['a negative zero', '[-0, 0, -0.0]'],
    [
      'a long number in a string',
      '["3544790567247868102", "id: 3544790567247868102, ", " 3544790567247868102 "]',
    ],
    ['a key of digits', '{"3544790567247868102":1}'],
    ['JSON in a string', '{"a":"{\\"id\\":3544790567247868102,\\"b\\":[3544790567247868102]}"}'],
    ['a string that ends with a backslash', '["\\\\",1,"3544790567247868102,\\\\", 2]'],
    [
      'a hash, a telephone number, a time, base64',
      '["0123456789012345678901234567890123456789","+4922112345678901234","2024-02-29T12:30:00.125Z","MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="]',
    ],
    ['lone surrogates', '["\\ud800", "\ud800"]'],
    ['a scalar', '"text"'],
    ['a string of digits', '"3544790567247868102"'],
    ['null', ' null '],
    ['a text that is no JSON of its own', '"[1, 2"'],
    ['a text that is the JSON of a scalar', '["3", "[1]"]'],
    ['NaN in a string', '["NaN", "[NaN]", ", NaN,"]'],
    ['a byte order mark in a string', '["\ufeff"]'],
  ])('stays as it is: %s', (_, text) => {
    expect(parseJson(text)).toStrictEqual(JSON.parse(text));
  });

  test('a key `__proto__` is an own key', () => {
    const value = parseJson('{"__proto__":{"polluted":9007199254740993}}');
    expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":"9007199254740993"}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
  });

  test('gives back what JSON.stringify wrote', () => {
    const random = randomFrom(1);
    for (let round = 0; round < 20_000; round += 1) {
      const number = random.pick([1, -1]) * Math.ceil(random.next() * 10 ** random.between(1, 24));
      expect(parseJson(JSON.stringify([number, String(number)]))).toEqual([number, String(number)]);
    }
  });
});

describe('text that cannot be read', () => {
  const INVALID = 'the task data is not valid JSON';
  test.each<[what: string, text: string, reason: string]>([
    ['half a document', '{"a":', INVALID],
    ['nothing', '', INVALID],
    ['a key that is no string', '{9007199254740993:1}', INVALID],
    ['a key that is no string, further on', '{"a":1,9007199254740993 : 1}', INVALID],
    ['an integer with leading zeros', '[0009007199254740993]', INVALID],
    ['an integer with a plus', '[+9007199254740993]', INVALID],
    ['an integer with two minuses', '[--9007199254740993]', INVALID],
    ['two integers in a row', '[9007199254740993 9007199254740993]', INVALID],
    ['an integer behind a string', '["a"9007199254740993]', INVALID],
    ['an integer with an n', '[9007199254740993n]', INVALID],
    ['a blank that JSON does not know', '[\u00a09007199254740993]', INVALID],
    ['an unfinished string', '["9007199254740993', INVALID],
    ['what Python shows', "{'a': None}", INVALID],
    ['UTF-16 read as bytes', Buffer.from('{"a":1}', 'utf16le').toString('latin1'), INVALID],
    ['NaN inside a name', '[NaNny]', INVALID],
    ['NaN as a key', '{NaN:1}', INVALID],
  ])('is refused: %s', (_, text, reason) => {
    expect(errorOf(text)).toMatchObject({ code: 'TASK_DATA_UNREADABLE', message: reason });
  });

  test.each<[text: string, constant: string]>([
    ['{"a":NaN}', 'NaN'],
    ['[1, -Infinity ]', '-Infinity'],
    ['{"a":"NaN","b":[Infinity,NaN]}', 'Infinity'],
    ['NaN', 'NaN'],
    ['{"note":"\\", NaN,", "big":9007199254740993, "x":NaN}', 'NaN'],
    ['{"a":NaN,"half', 'NaN'],
  ])('is refused with the constant that JSON does not know: %s', (text, constant) => {
    expect(errorOf(text).message).toContain(`has a bare ${constant}, which JSON does not know. Write null`);
  });

  test.each([['\ufeff{"a":1}'], [' \n\ufeff{}'], ['\ufeff\n[1]'], ['\ufeff'], ['\ufeff{"a":NaN}']])(
    'is refused as it begins with a byte order mark: %j',
    (text) => {
      expect(errorOf(text).message).toContain('begins with a byte order mark (U+FEFF). Remove it');
    },
  );

  test.each<[what: string, text: string]>([
    ['an object', JSON.stringify('{"city":"Oslo"}')],
    ['a list', JSON.stringify(' [1]')],
    ['three times', JSON.stringify(JSON.stringify('{}'))],
    ['an object with a NaN in it', JSON.stringify('{"city":NaN}')],
    ['an object behind a byte order mark', JSON.stringify('\ufeff{"city":1}')],
    ['an object with a large integer in it', JSON.stringify('{"id":9007199254740993}')],
  ])('is refused as it was encoded twice: %s', (_, text) => {
    expect(errorOf(text).message).toContain('encoded twice');
  });

  test('is never quoted', () => {
    for (const text of [
      '{"password":"hunter2"',
      '{"password":hunter2,"b":NaN}',
      '\ufeff"hunter2"',
      JSON.stringify('["hunter2"]'),
    ]) {
      const error = errorOf(text);
      expect(error.message).not.toContain('hunter');
      expect(error).not.toHaveProperty('cause');
    }
  });

  test.each([[undefined], [null], [{ a: 1 }], [Buffer.from('{}')]])('is no text: %o', (value) => {
    expect(() => parseJson(value as never)).toThrow(InvalidInputError);
  });
});

describe('a text of any size', () => {
  const id = '3544790567247868102';
  const many = 200_000;
  test.each<[what: string, text: () => string, length: number]>([
    ['large integers', () => `[${`${id},`.repeat(many)}1]`, many + 1],
    ['large integers in strings that look like them', () => `[${`"1, ${id}, ",`.repeat(many)}1]`, many + 1],
    ['one string with many of them', () => `["${`, ${id}, `.repeat(many)}",${id}]`, 2],
    ['decimals without a string anywhere', () => `[${`0.${id},`.repeat(many)}1]`, many + 1],
    ['one integer of a million digits', () => `[${'9'.repeat(1_000_000)}]`, 1],
    ['backslashes', () => `["${'\\\\'.repeat(many)}",${id}]`, 2],
    ['escaped quotes', () => `["${'\\"'.repeat(many)}",${id}]`, 2],
    ['blanks', () => `[${`${id}${' '.repeat(1000)},`.repeat(2000)}${' '.repeat(1_000_000)}1]`, 2001],
  ])('takes time in proportion: %s', (_, text, length) => {
    expect(parseJson(text())).toHaveLength(length);
  });

  test('may be nested as deep as JSON.parse goes', () => {
    const text = '['.repeat(100_000) + id + ']'.repeat(100_000);
    let value: unknown = parseJson(text);
    while (Array.isArray(value)) value = value[0];
    expect(value).toBe(id);
  });

  test('may be broken: to find out why takes time in proportion, too', () => {
    expect(errorOf(`[${`", NaN, ",`.repeat(many)}`).message).toBe('the task data is not valid JSON');
    expect(errorOf(`[${'NaN,'.repeat(many)}`).message).toContain('NaN');
    expect(errorOf(`"${'NaN, \\" '.repeat(many)}`).message).toBe('the task data is not valid JSON');
  });
});

/** 100,000 documents take half a minute: `JSON_DOCUMENTS=100000`. */
const DOCUMENTS = Number(process.env.JSON_DOCUMENTS) || 10_000;
const SEED = Number(process.env.JSON_SEED) || Math.floor(Math.random() * 2 ** 31) + 1;

test(`any ${DOCUMENTS} documents are read as JSON.parse and an exact parser read them (JSON_SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  const seen = { exact: 0, alike: 0, refused: 0 };
  for (let document = 0; document < DOCUMENTS; document += 1) {
    const text = drawJson(random);
    const [parsed, expected, plain] = [parseJson, referenceParse, JSON.parse].map((parse) =>
      attempt(() => parse(text)),
    );
    if (expected === REFUSED) {
      expect(plain, text).toBe(REFUSED);
      expect(parsed, text).toBe(REFUSED);
      seen.refused += 1;
    } else if (typeof expected === 'string' && parsed === REFUSED) {
      expect(() => parseJson(text), text).toThrow(/encoded twice/);
    } else {
      if (!isSame(parsed, expected)) expect(parsed, text).toStrictEqual(expected);
      if (isSame(expected, plain)) seen.alike += 1;
      else seen.exact += 1;
    }
  }
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(DOCUMENTS / 50);
}, 300_000);

const REFUSED = Symbol('refused');

function attempt(parse: () => unknown): unknown {
  try {
    return parse();
  } catch {
    return REFUSED;
  }
}

/** Also in the order of members, and in the sign of zero. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) && JSON.stringify(a) === JSON.stringify(b);
}

function errorOf(text: string): MetadataValueError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof MetadataValueError) return error;
    throw error;
  }
  throw new Error('expected the text to be refused');
}
