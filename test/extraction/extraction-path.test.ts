import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidExtractionPathsError } from '../../src/errors.js';
import { type ExtractionPath, parsePaths, splitPath } from '../../src/extraction/extraction-path.js';
import { spellPath } from './spell-path.js';

describe('splitPath', { timeout: 60_000 }, () => {
  test.each<[behaviour: string, path: string | readonly string[], segments: readonly string[]]>([
    ['takes a path without a dot as one key', 'total', ['total']],
    ['splits on every dot', 'invoice.customer.name', ['invoice', 'customer', 'name']],
    ['keeps the empty keys around and between dots', '.a..b.', ['', 'a', '', 'b', '']],
    ['keeps spaces', ' a . b ', [' a ', ' b ']],
    ['splits an index off a name', 'items[0]', ['items', '0']],
    ['splits several indices off a name', 'matrix[0][12]', ['matrix', '0', '12']],
    ['splits indices off in the middle of a path', 'a[0].b[1].c', ['a', '0', 'b', '1', 'c']],
    ['takes a number between dots as it is', 'items.0', ['items', '0']],
    ['takes an index without a name literally', '[0]', ['[0]']],
    ['takes an index without a name after a dot literally', 'a.[0]', ['a', '[0]']],
    ['takes a name that is itself in brackets literally', '[a][0]', ['[a][0]']],
    ['takes an empty bracket literally', 'a[]', ['a[]']],
    ['takes an open bracket literally', 'a[0', ['a[0']],
    ['takes a closing bracket literally', 'a0]', ['a0]']],
    ['takes a doubled bracket literally', 'a[[0]]', ['a[[0]]']],
    ['takes a negative index literally', 'a[-1]', ['a[-1]']],
    ['takes an index with a leading zero literally', 'a[01]', ['a[01]']],
    ['takes a spaced index literally', 'a[ 0 ]', ['a[ 0 ]']],
    ['takes a wildcard literally', 'a[*].*', ['a[*]', '*']],
    ['takes a name in brackets literally', 'a[b]', ['a[b]']],
    ['takes a quoted name in brackets literally', `a['b']["c"]`, [`a['b']["c"]`]],
    ['takes text after an index literally', 'a[0]b', ['a[0]b']],
    ['takes a part literally as soon as one bracket is no index', 'a[0][x][1]', ['a[0][x][1]']],
    ['splits at a dot inside brackets', 'a[0.1]', ['a[0', '1]']],
    ['takes segments as they are, with their dots and brackets', ['a.b', 'c[0]', ''], ['a.b', 'c[0]', '']],
  ])('%s', (_, path, segments) => {
    expect(splitPath(path)).toEqual(segments);
  });

  test('reads any spelling of the same segments alike', () => {
    const key = fc.oneof(
      fc.nat(20).map(String),
      fc.stringMatching(/^[^.[\]]*$/),
      fc.constantFrom('[0]', 'a[', ']'),
    );
    fc.assert(
      fc.property(fc.array(key, { minLength: 1 }), fc.array(fc.boolean()), (segments, brackets) => {
        expect(splitPath(spellPath(segments, brackets) ?? segments)).toEqual(segments);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('parsePaths', () => {
  test('returns the key and the segments of each path, in order', () => {
    const paths = [
      { key: 'number', path: 'invoice.lines[0].number' },
      { key: 'e-mail', path: ['customer', 'e.mail'] },
    ];
    expect(parsePaths(paths)).toEqual([
      { key: 'number', segments: ['invoice', 'lines', '0', 'number'] },
      { key: 'e-mail', segments: ['customer', 'e.mail'] },
    ]);
  });

  test('accepts no paths at all', () => {
    expect(parsePaths([])).toEqual([]);
  });

  test.each<[behaviour: string, entry: ExtractionPath]>([
    ['a key of 512 characters', { key: 'k'.repeat(512), path: 'a' }],
    ['a path of 512 characters', { key: 'k', path: 'p'.repeat(512) }],
    ['spaces, dots and other scripts in a key', { key: ' Größe v1.2 金額 🧾 ', path: 'a' }],
    ['a control character in a path', { key: 'k', path: 'a\tb' }],
    ['empty keys in a path that is not blank', { key: 'k', path: '.' }],
    ['empty segments in a path that is not blank', { key: 'k', path: ['', ''] }],
    ['keys named like those of Object.prototype', { key: '__proto__', path: 'constructor' }],
  ])('accepts %s', (_, entry) => {
    expect(parsePaths([entry])).toHaveLength(1);
  });

  test.each<[what: string, entry: unknown, problem: string]>([
    ['null for an entry', null, '[1]: expected { key, path }, got null'],
    ['a string for an entry', 'a.b', '[1]: expected { key, path }, got string'],
    ['a blank key', { key: ' \t', path: 'a' }, '[1]: key: expected a name, got a blank string'],
    ['an empty key', { key: '', path: 'a' }, '[1]: key: expected a name, got a blank string'],
    ['no key', { path: 'a' }, '[1]: key: expected a string, got undefined'],
    ['a number for a key', { key: 7, path: 'a' }, '[1]: key: expected a string, got number'],
    ['a key that is already used', { key: 'first', path: 'b' }, '[1]: key "first" is already used by [0]'],
    [
      'a key beyond 512 characters',
      { key: 'k'.repeat(513), path: 'a' },
      '[1]: key: expected at most 512 characters, got 513',
    ],
    [
      'a line break in a key',
      { key: 'a\nb', path: 'a' },
      '[1]: key: expected no control characters, got "a\\nb"',
    ],
    [
      'a NUL in a key',
      { key: 'a\u0000', path: 'a' },
      '[1]: key: expected no control characters, got "a\\u0000"',
    ],
    [
      'a C1 control character in a key',
      { key: 'a\u0085b', path: 'a' },
      `[1]: key: expected no control characters, got "a\u0085b"`,
    ],
    ['a blank path', { key: 'k', path: ' \n' }, '[1]: path: expected at least one key, got a blank path'],
    ['an empty path', { key: 'k', path: '' }, '[1]: path: expected at least one key, got a blank path'],
    ['no segments', { key: 'k', path: [] }, '[1]: path: expected at least one key, got a blank path'],
    [
      'one blank segment',
      { key: 'k', path: [' '] },
      '[1]: path: expected at least one key, got a blank path',
    ],
    ['no path', { key: 'k' }, '[1]: path: expected a string or an array of strings, got undefined'],
    [
      'an object for a path',
      { key: 'k', path: {} },
      '[1]: path: expected a string or an array of strings, got object',
    ],
    [
      'a number among the segments',
      { key: 'k', path: ['a', 0] },
      '[1]: path: expected a string or an array of strings, got an array with other members',
    ],
    [
      'a hole among the segments',
      // biome-ignore lint/suspicious/noSparseArray: the hole is the case
      { key: 'k', path: ['a', , 'b'] },
      '[1]: path: expected a string or an array of strings, got an array with other members',
    ],
    [
      'a path beyond 512 characters',
      { key: 'k', path: 'p'.repeat(513) },
      '[1]: path: expected at most 512 characters, got 513',
    ],
    [
      'segments that are together beyond 512 characters',
      { key: 'k', path: ['p'.repeat(256), 'p'.repeat(256)] },
      '[1]: path: expected at most 512 characters, got 513',
    ],
  ])('rejects %s, with the index', (_, entry, problem) => {
    expect(problemsOf([{ key: 'first', path: 'a' }, entry])).toEqual([problem]);
  });

  test.each<[what: string, paths: unknown, problem: string]>([
    ['null', null, 'expected an array of { key, path }, got null'],
    ['undefined', undefined, 'expected an array of { key, path }, got undefined'],
    ['an object', { key: 'k', path: 'a' }, 'expected an array of { key, path }, got object'],
    ['a string', 'a.b', 'expected an array of { key, path }, got string'],
    // biome-ignore lint/suspicious/noSparseArray: the hole is the case
    ['a hole', [,], '[0]: expected { key, path }, got undefined'],
  ])('rejects %s in place of paths', (_, paths, problem) => {
    expect(problemsOf(paths)).toEqual([problem]);
  });

  test('lists every problem of every path in one error', () => {
    const error = errorOf([{ key: '', path: '' }, { key: 'k', path: 'a' }, 7, { key: 'k', path: [0] }]);
    expect(error.problems).toEqual([
      '[0]: key: expected a name, got a blank string',
      '[0]: path: expected at least one key, got a blank path',
      '[2]: expected { key, path }, got number',
      '[3]: path: expected a string or an array of strings, got an array with other members',
      '[3]: key "k" is already used by [1]',
    ]);
    for (const problem of error.problems) expect(error.message).toContain(problem);
  });

  test('names the first of several entries with one key', () => {
    const entry = { key: 'k', path: 'a' };
    expect(problemsOf([entry, entry, entry])).toEqual([
      '[1]: key "k" is already used by [0]',
      '[2]: key "k" is already used by [0]',
    ]);
  });

  test('does not call keys that are no strings duplicates', () => {
    const entry = { key: 1n, path: 'a' };
    expect(problemsOf([entry, entry])).toEqual([
      '[0]: key: expected a string, got bigint',
      '[1]: key: expected a string, got bigint',
    ]);
  });
});

function problemsOf(paths: unknown): readonly string[] {
  return errorOf(paths).problems;
}

function errorOf(paths: unknown): InvalidExtractionPathsError {
  try {
    parsePaths(paths as ExtractionPath[]);
  } catch (error) {
    if (error instanceof InvalidExtractionPathsError) return error;
    throw error;
  }
  throw new Error('expected the paths to be refused');
}
