import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidExtractionPathsError } from '../../src/errors.js';
import { diffExtractionPaths, type ExtractionPathDiff } from '../../src/extraction/diff-extraction-paths.js';
import type { ExtractionPath } from '../../src/extraction/extraction-path.js';
import { spellPath } from './spell-path.js';

type Paths = readonly ExtractionPath[];

const A = { key: 'a', path: 'invoice.a' };
const B = { key: 'b', path: 'invoice.b' };
const C = { key: 'c', path: 'invoice.c' };
const NOTHING = { added: [], removed: [], unchanged: [], changed: [], possibleRenames: [], unusable: [] };

describe('diffExtractionPaths', () => {
  test.each<
    [behaviour: string, before: Paths | null | undefined, after: Paths | null | undefined, diff: object]
  >([
    ['finds nothing between no paths and no paths', [], [], {}],
    ['takes null for no paths', null, null, {}],
    ['takes undefined for no paths', undefined, undefined, {}],
    ['adds every path of a model that had none', null, [A, B], { added: [A, B] }],
    ['removes every path of a model that has none any more', [A, B], undefined, { removed: [A, B] }],
    ['adds a key that was not there before', [A], [A, B], { added: [B], unchanged: [A] }],
    ['removes a key that is not there any more', [A, B], [B], { removed: [A], unchanged: [B] }],
    [
      'reports a key that reads another path as changed, with both paths',
      [A],
      [{ key: 'a', path: 'order.a' }],
      { changed: [{ key: 'a', before: A, after: { key: 'a', path: 'order.a' } }] },
    ],
    [
      'takes a renamed key for a removed and an added one, and reports it as a possible rename',
      [{ key: 'old', path: 'x' }],
      [{ key: 'new', path: 'x' }],
      {
        added: [{ key: 'new', path: 'x' }],
        removed: [{ key: 'old', path: 'x' }],
        possibleRenames: [{ from: 'old', to: 'new', path: 'x' }],
      },
    ],
    [
      'reports a possible rename of a path that is spelled in another way',
      [{ key: 'old', path: 'x[0]' }],
      [{ key: 'new', path: ['x', '0'] }],
      {
        added: [{ key: 'new', path: ['x', '0'] }],
        removed: [{ key: 'old', path: 'x[0]' }],
        possibleRenames: [{ from: 'old', to: 'new', path: ['x', '0'] }],
      },
    ],
    [
      'reports every pair of keys that may be a rename',
      [
        { key: 'a', path: 'x' },
        { key: 'b', path: 'x' },
      ],
      [{ key: 'c', path: 'x' }],
      {
        added: [{ key: 'c', path: 'x' }],
        removed: [
          { key: 'a', path: 'x' },
          { key: 'b', path: 'x' },
        ],
        possibleRenames: [
          { from: 'a', to: 'c', path: 'x' },
          { from: 'b', to: 'c', path: 'x' },
        ],
      },
    ],
    [
      'takes a key that stays for no rename, whatever path it has now',
      [
        { key: 'a', path: 'x' },
        { key: 'b', path: 'y' },
      ],
      [
        { key: 'b', path: 'x' },
        { key: 'c', path: 'y' },
      ],
      {
        added: [{ key: 'c', path: 'y' }],
        removed: [{ key: 'a', path: 'x' }],
        changed: [{ key: 'b', before: { key: 'b', path: 'y' }, after: { key: 'b', path: 'x' } }],
      },
    ],
    ['does not mind the order of the paths', [A, B, C], [C, A, B], { unchanged: [C, A, B] }],
    [
      'lists in the order of `after`',
      [C, { key: 'd', path: 'd' }],
      [B, { key: 'd', path: 'e' }, A, C],
      {
        added: [B, A],
        unchanged: [C],
        changed: [{ key: 'd', before: { key: 'd', path: 'd' }, after: { key: 'd', path: 'e' } }],
      },
    ],
    ['lists removed paths in the order of `before`', [C, A, B], [], { removed: [C, A, B] }],
    [
      'tells keys apart by case and by spaces',
      [A],
      [
        { key: 'A', path: A.path },
        { key: ' a', path: A.path },
      ],
      {
        added: [
          { key: 'A', path: A.path },
          { key: ' a', path: A.path },
        ],
        removed: [A],
        possibleRenames: [
          { from: 'a', to: 'A', path: A.path },
          { from: 'a', to: ' a', path: A.path },
        ],
      },
    ],
    [
      'takes keys named like those of Object.prototype for ordinary ones',
      [{ key: 'constructor', path: 'a' }],
      [
        { key: 'constructor', path: 'a' },
        { key: '__proto__', path: 'a' },
        { key: 'toString', path: 'a' },
      ],
      {
        added: [
          { key: '__proto__', path: 'a' },
          { key: 'toString', path: 'a' },
        ],
        unchanged: [{ key: 'constructor', path: 'a' }],
      },
    ],
  ])('%s', (_, before, after, diff) => {
    expect(diffExtractionPaths(before, after)).toEqual({ ...NOTHING, ...diff });
  });

  test.each<[one: ExtractionPath['path'], other: ExtractionPath['path']]>([
    ['a[0].b', 'a.0.b'],
    ['a[0].b', ['a', '0', 'b']],
    ['a.0.b', ['a', '0', 'b']],
    ['a[0][1]', 'a[0].1'],
    ['a', ['a']],
    ['[0].a', '0.a'],
    ['[0]', ['0']],
    ['a["b"]', 'a.b'],
    ['a["b.c"]', ['a', 'b.c']],
    [`a['b']`, 'a["b"]'],
    [`[""]['']`, ['', '']],
  ])('takes %j and %j for the same path', (one, other) => {
    const [before, after] = [
      { key: 'k', path: one },
      { key: 'k', path: other },
    ];
    expect(diffExtractionPaths([before], [after])).toEqual({ ...NOTHING, unchanged: [after] });
    expect(diffExtractionPaths([after], [before])).toEqual({ ...NOTHING, unchanged: [before] });
  });

  test.each<[one: ExtractionPath['path'], other: ExtractionPath['path']]>([
    ['a.b', ['a.b']],
    ['a[0]', ['a[0]']],
    ['a.0', 'a.00'],
    ['a', 'A'],
    ['a', [' a']],
    ['a', ['a', '']],
    ['a["b.c"]', 'a.b.c'],
    ['a.b', 'a.b.c'],
    [['a,b'], ['a', 'b']],
    [['a","b'], ['a', 'b']],
  ])('takes %j and %j for different paths', (one, other) => {
    const [before, after] = [
      { key: 'k', path: one },
      { key: 'k', path: other },
    ];
    expect(diffExtractionPaths([before], [after])).toEqual({
      ...NOTHING,
      changed: [{ key: 'k', before, after }],
    });
  });

  describe('validates `after` strictly', () => {
    test.each<[what: string, after: unknown, problem: string]>([
      ['a blank key', [{ key: ' ', path: 'a' }], '[0]: key'],
      ['a blank path', [{ key: 'k', path: ' ' }], '[0]: path'],
      ['a duplicate key', [A, B, { key: 'a', path: 'x' }], '[2]: key "a" is already used by [0]'],
      ['a duplicate entry', [A, A], '[1]: key "a" is already used by [0]'],
      ['a key that is no string', [{ key: 1, path: 'a' }], '[0]: key'],
      ['a path that is no string', [{ key: 'k', path: 1 }], '[0]: path'],
      ['a segment that is no string', [{ key: 'k', path: ['a', 0] }], '[0]: path'],
      ['a key beyond 512 characters', [{ key: 'k'.repeat(513), path: 'a' }], '[0]: key'],
      ['a path beyond 512 characters', [{ key: 'k', path: 'p'.repeat(513) }], '[0]: path'],
      ['a control character in a key', [{ key: 'k\u001b', path: 'a' }], '[0]: key'],
      ['half a surrogate pair in a key', [{ key: 'k\ud83d', path: 'a' }], '[0]: key'],
      [
        'a NUL in a path, which no model can keep',
        [A, { key: 'k', path: 'b\0' }],
        '[1]: path: expected a text without',
      ],
      [
        'half a surrogate pair in a path',
        [{ key: 'k', path: ['\ud83d'] }],
        '[0]: path: expected a text without',
      ],
      ['a path that cannot be meant', [{ key: 'k', path: '$.a' }], "write 'a'"],
      ['an entry that is no object', [null], '[0]'],
      ['what is no array', { key: 'k', path: 'a' }, 'expected an array'],
    ])('and refuses %s', (_, after, problem) => {
      expect(problemsOf(null, after)).toEqual([expect.stringContaining(problem)]);
    });

    test('and lists every problem with its index in one error', () => {
      expect(problemsOf([A], [A, { key: '', path: '' }, A])).toEqual([
        '[1]: key: expected a name, got a blank string',
        '[1]: path: expected at least one key, got a blank path',
        '[2]: key "a" is already used by [0]; write another key',
      ]);
    });

    test('and refuses a key that the repository cannot store', () => {
      const diff = () => diffExtractionPaths([], [A, { key: 'longer', path: 'a' }], { maxKeyLength: 5 });
      expect(diff).toThrow('[1]: key: expected at most 5 characters');
    });
  });

  describe('reports what cannot be used but stands unchanged in `before`', () => {
    test.each<[what: string, entry: ExtractionPath, problem: string]>([
      ['a path that is now refused', { key: 'k', path: '$.x' }, `path: '$.x' begins with '$'`],
      ['a path with a wildcard', { key: 'k', path: 'a[*].b' }, 'one path reads one value'],
      ['a blank path', { key: 'k', path: '' }, 'path: expected at least one key, got a blank path'],
      ['no segments', { key: 'k', path: [] }, 'path: expected at least one key, got a blank path'],
      ['a path beyond 512 characters', { key: 'k', path: 'p'.repeat(513) }, 'path: expected at most 512'],
      ['a blank key', { key: ' ', path: 'a' }, 'key: expected a name'],
      ['a control character in a key', { key: 'k\n', path: 'a' }, 'key: expected no control characters'],
      ['half a surrogate pair in a key', { key: 'k\ud83d', path: 'a' }, 'key: expected whole characters'],
      ['a key that the repository cannot store', { key: 'longer', path: 'a' }, 'key: expected at most 5'],
    ])('such as %s', (_, entry, problem) => {
      const diff = diffExtractionPaths([entry, A], [A, B, { ...entry }], { maxKeyLength: 5 });
      expect(diff).toEqual({
        ...NOTHING,
        added: [B],
        unchanged: [A],
        unusable: [{ ...entry, problem: expect.stringContaining(problem) }],
      });
    });

    test('with every problem of an entry', () => {
      const entry = { key: '\n', path: '$.x' };
      const [unusable] = diffExtractionPaths([entry], [entry]).unusable;
      expect(unusable?.problem).toMatch(/^key: expected a name.*; path: .* begins with/);
    });

    test('also when the key is unusable and the path is spelled in another way', () => {
      const [before, after] = [
        { key: 'k\n', path: 'a[0]' },
        { key: 'k\n', path: 'a.0' },
      ];
      expect(diffExtractionPaths([before], [after]).unusable).toMatchObject([after]);
    });

    const old = { key: 'k', path: '$.x' };
    test.each<[what: string, before: Paths, after: Paths, problem: string]>([
      ['under another key', [old], [{ key: 'l', path: '$.x' }], '[0]: path'],
      ['with another path', [old], [{ key: 'k', path: '$.y' }], '[0]: path'],
      ['that was usable before', [{ key: 'k', path: 'x' }], [old], '[0]: path'],
      ['that was a list of segments before', [{ key: 'k', path: ['$.x'] }], [old], '[0]: path'],
      [
        'whose key is used twice',
        [old],
        [old, { key: 'k', path: 'x' }],
        '[1]: key "k" is already used by [0]',
      ],
      ['beside an old one', [old], [old, { key: 'l', path: '$.y' }], '[1]: path'],
    ])('but refuses one %s', (_, before, after, problem) => {
      expect(problemsOf(before, after)).toEqual([expect.stringContaining(problem)]);
    });

    test('and adds the key once its path can be used', () => {
      const fixed = { key: 'k', path: 'x' };
      expect(diffExtractionPaths([old], [fixed])).toEqual({ ...NOTHING, added: [fixed] });
    });
  });

  describe('only compares `before`, which is history', () => {
    const later = { key: 'a', path: 'later' };
    test.each<[behaviour: string, before: unknown, after: Paths, diff: object]>([
      ['lets the last duplicate win when it is unchanged', [A, later], [later], { unchanged: [later] }],
      [
        'lets the last duplicate win when it is changed',
        [later, A],
        [later],
        {
          changed: [{ key: 'a', before: A, after: later }],
        },
      ],
      [
        'lets the last duplicate win when it is removed, in its place',
        [A, B, later],
        [],
        {
          removed: [B, later],
        },
      ],
      ['drops a blank key', [{ key: ' ', path: 'a' }, A], [], { removed: [A] }],
      ['drops a blank path', [{ key: 'k', path: ' ' }, A], [], { removed: [A] }],
      ['drops an empty list of segments', [{ key: 'k', path: [] }, A], [], { removed: [A] }],
      ['drops a path that is no path any more', [{ key: 'k', path: 'a..b' }, A], [], { removed: [A] }],
      ['adds a key whose old path was blank', [{ key: 'a', path: '' }], [A], { added: [A] }],
      ['does not let a blank duplicate win', [A, { key: 'a', path: '' }], [A], { unchanged: [A] }],
      [
        'drops what is no path',
        [null, 7, 'a', [], {}, { key: 1, path: 'a' }, { key: 'k', path: 1 }, A],
        [A],
        {
          unchanged: [A],
        },
      ],
      ['drops segments that are no strings', [{ key: 'k', path: ['a', 0] }], [], {}],
      [
        'still compares a key beyond 512 characters',
        [{ key: 'k'.repeat(513), path: 'a' }],
        [],
        {
          removed: [{ key: 'k'.repeat(513), path: 'a' }],
        },
      ],
    ])('and %s', (_, before, after, diff) => {
      expect(diffExtractionPaths(before as Paths, after)).toEqual({ ...NOTHING, ...diff });
    });

    test('but refuses what is no array', () => {
      expect(problemsOf({ key: 'k', path: 'a' }, [])).toEqual(['before: expected an array, got object']);
    });
  });

  test('changes neither list', () => {
    const before = Object.freeze([Object.freeze({ ...A }), Object.freeze({ ...B })]);
    const after = Object.freeze([Object.freeze({ ...B }), Object.freeze({ ...C })]);
    expect(diffExtractionPaths(before, after)).toEqual({
      ...NOTHING,
      added: [C],
      removed: [A],
      unchanged: [B],
    });
  });
});

describe('the laws of a diff', () => {
  test('applying the diff to `before` gives `after`', () => {
    fc.assert(
      fc.property(history, current, (before, after) => {
        const diff = diffExtractionPaths(before, after);
        const applied = meaningOf(before);
        const wanted = meaningOf(after);
        const misplaced = [
          diff.removed.filter(({ key }) => !applied.delete(key)),
          diff.added.filter(({ key }) => applied.has(key)),
          diff.changed.filter(({ key }) => applied.get(key) === wanted.get(key)),
        ];
        for (const { key } of [...diff.added, ...diff.changed]) {
          applied.set(key, wanted.get(key) ?? 'a key that is not in `after`');
        }
        expect([misplaced, sorted(applied)]).toEqual([[[], [], []], sorted(wanted)]);
      }),
      { numRuns: 10_000 },
    );
  });

  test('every path is in exactly one list, in the order it came in', () => {
    fc.assert(
      fc.property(history, current, (before, after) => {
        const diff = diffExtractionPaths(before, after);
        const changed = diff.changed.map((change) => change.after);
        const lists: (readonly ExtractionPath[])[] = [diff.added, diff.unchanged, changed];
        expect(lists).toEqual(lists.map((list) => after.filter((path) => list.includes(path))));
        expect(after.map((path) => lists.filter((list) => list.includes(path)).length)).toEqual(
          after.map(() => 1),
        );
        expect(diff.removed).toEqual(before.filter((path) => diff.removed.includes(path)));
      }),
      { numRuns: 5_000 },
    );
  });

  test('respelling paths changes nothing', () => {
    fc.assert(
      fc.property(history, current, fc.array(fc.boolean(), { minLength: 1 }), (before, after, brackets) => {
        const respell = (paths: readonly Spelled[]) =>
          paths.map((path) => ({ ...path, path: spell(path.segments, brackets) }));
        expect(keysOf(diffExtractionPaths(respell(before), respell(after)))).toEqual(
          keysOf(diffExtractionPaths(before, after)),
        );
      }),
      { numRuns: 5_000 },
    );
  });

  test('paths compared with themselves are all unchanged', () => {
    fc.assert(
      fc.property(current, (paths) => {
        expect(diffExtractionPaths(paths, paths)).toEqual({ ...NOTHING, unchanged: paths });
      }),
      { numRuns: 5_000 },
    );
  });

  test('swapping the lists swaps added and removed', () => {
    fc.assert(
      fc.property(current, current, (one, other) => {
        const there = diffExtractionPaths(one, other);
        const back = diffExtractionPaths(other, one);
        expect([back.added, back.removed, back.changed.length]).toEqual([
          there.removed,
          there.added,
          there.changed.length,
        ]);
      }),
      { numRuns: 5_000 },
    );
  });
});

/** A path with the segments that it spells. */
interface Spelled extends ExtractionPath {
  readonly segments: readonly string[];
}

const spelled: fc.Arbitrary<Spelled> = fc
  .record({
    key: fc.constantFrom('a', 'b', 'c', 'd', '0', '__proto__', 'constructor'),
    segments: fc.constantFrom<readonly string[]>(
      ['a'],
      ['a', '0', 'b'],
      ['a', '0', '1'],
      ['a', '01'],
      ['a.0', 'b'],
      ['a[0]', 'b'],
      ['[0]'],
      ['', 'a'],
      ['', ''],
    ),
    brackets: fc.array(fc.boolean()),
    dotted: fc.boolean(),
  })
  .map(({ key, segments, brackets, dotted }) => ({
    key,
    segments,
    path: dotted ? spell(segments, brackets) : segments,
  }));

const current = fc.uniqueArray(spelled, { selector: ({ key }) => key });
const history = fc.array(spelled, { maxLength: 10 });

function spell(segments: readonly string[], brackets: readonly boolean[]): string | readonly string[] {
  return spellPath(segments, brackets) ?? segments;
}

function keysOf({ added, removed, unchanged, changed }: ExtractionPathDiff): string[][] {
  return [added, removed, unchanged, changed].map((list) => list.map(({ key }) => key));
}

/** What each key reads; of duplicates, the last. */
function meaningOf(paths: readonly Spelled[]): Map<string, string> {
  return new Map(paths.map(({ key, segments }) => [key, JSON.stringify(segments)]));
}

function sorted(meaning: Map<string, string>): [string, string][] {
  return [...meaning].sort(([a], [b]) => (a < b ? -1 : 1));
}

function problemsOf(before: unknown, after: unknown): readonly string[] {
  try {
    diffExtractionPaths(before as Paths, after as Paths);
  } catch (error) {
    if (error instanceof InvalidExtractionPathsError) return error.problems;
    throw error;
  }
  throw new Error('expected the paths to be refused');
}
