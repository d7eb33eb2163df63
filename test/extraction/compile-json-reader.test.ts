import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { InvalidInputError } from '../../src/errors.js';
import { compileJsonReader } from '../../src/extraction/compile-json-reader.js';
import { parseJson } from '../../src/extraction/parse-json.js';
import { randomFrom } from '../faults/support/seeded-random.js';
import { drawJson } from './draw-json.js';

const read = compileJsonReader([
  { key: 'id', segments: ['id'] },
  { key: 'first', segments: ['lines', '0'] },
]);

describe('values read out of JSON text', () => {
  test('a broken document is parsed once, because an error of JSON.parse takes longer than a document', () => {
    const read = compileJsonReader([{ key: 'a', segments: ['a'] }]);
    const parse = vi.spyOn(JSON, 'parse');
    expect(() => read('{"a": 1')).toThrow('the task data is not valid JSON');
    expect(parse).toHaveBeenCalledOnce();
    parse.mockRestore();
  });

  test.each<[what: string, text: string, values: Record<string, unknown>]>([
    ['by key', '{"id":7,"lines":["a","b"]}', { id: 7, first: 'a' }],
    ['without what is not there', '{"lines":[]}', {}],
    ['with a JSON null', '{"id":null}', { id: null }],
    ['with all digits of an integer', '{"id":3544790567247868102}', { id: '3544790567247868102' }],
    [
      'with all digits inside an object',
      '{"lines":[{"a":[-9007199254740993]}]}',
      { first: { a: ['-9007199254740993'] } },
    ],
    ['of own members only', '{"lines":{"length":1}}', {}],
    ['where an integer that is not read is long', '{"x":9007199254740993,"id":1}', { id: 1 }],
    ['of a scalar', '5', {}],
  ])('%s', (_, text, values) => {
    expect(Object.fromEntries(read(text))).toStrictEqual(values);
  });

  test.each([['{"id":'], ['{"id":NaN}'], [JSON.stringify('{"id":1}')], ['\ufeff{}'], ['']])(
    'are refused as parseJson refuses the text: %j',
    (text) => {
      const refusal = (parse: (text: string) => unknown) => {
        try {
          return parse(text);
        } catch (error) {
          return { ...(error as object), message: (error as Error).message };
        }
      };
      expect(refusal(read)).toMatchObject({ code: 'TASK_DATA_UNREADABLE' });
      expect(refusal(read)).toEqual(refusal(parseJson));
    },
  );

  test.each([null, undefined, 7, {}])('are not looked for in %j, which is no text', (text) => {
    expect(() => read(text as unknown as string)).toThrow(InvalidInputError);
  });

  test('need a path whose segments are a list', () => {
    const paths = [{ key: 'k', segments: 'a.b' as unknown as string[] }];
    expect(() => compileJsonReader(paths)).toThrow(
      new InvalidInputError('paths[0]: segments: expected an array of keys'),
    );
  });

  test.each([['{"id":7,"lines":[]}'], ['[1,null]'], ['null'], ['"text"'], ['{"id":3544790567247868102}']])(
    'are the whole document for a path without segments: %s',
    (text) => {
      const readWhole = compileJsonReader([{ key: 'all', segments: [] }]);
      expect(readWhole(text).get('all')).toStrictEqual(parseJson(text));
    },
  );

  test('are those of parseJson, for random documents', () => {
    const seed = 20_261_126;
    const random = randomFrom(seed);
    const readAll = compileJsonReader([{ key: 'all', segments: ['all'] }]);
    for (let round = 0; round < 20_000; round += 1) {
      const text = `{"all":${drawJson(random)}}`;
      const outcome = (parse: () => unknown): unknown => {
        try {
          return parse();
        } catch (error) {
          return (error as Error).message;
        }
      };
      const expected = outcome(() => (parseJson(text) as { all: unknown }).all);
      const actual = outcome(() => readAll(text).get('all'));
      expect(isDeepStrictEqual(actual, expected), `seed ${seed}, round ${round}: ${text}`).toBe(true);
    }
  });

  test('are read from a document that is nested too deep to look through', () => {
    const text = `{"id":${'['.repeat(5_000)}9007199254740993${']'.repeat(5_000)}}`;
    let value = read(text).get('id');
    while (Array.isArray(value)) [value] = value;
    expect(value).toBe('9007199254740993');
  });
});
