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
const NOTHING = { added: [], removed: [], unchanged: [], changed: [] };

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
      'takes a renamed key for a removed and an added one',
      [{ key: 'old', path: 'x' }],
      [{ key: 'new', path: 'x' }],
      { added: [{ key: 'new', path: 'x' }], removed: [{ key: 'old', path: 'x' }] },
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
    ['.', ['', '']],
    ['[0]', ['[0]']],
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
    ['a', ' a'],
    ['a', 'a.'],
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
      ['an entry that is no object', [null], '[0]'],
      ['what is no array', { key: 'k', path: 'a' }, 'expected an array'],
    ])('and refuses %s', (_, after, problem) => {
      expect(problemsOf(null, after)).toEqual([expect.stringContaining(problem)]);
    });

    test('and lists every problem with its index in one error', () => {
      expect(problemsOf([A], [A, { key: '', path: '' }, A])).toEqual([
        '[1]: key: expected a name, got a blank string',
        '[1]: path: expected at least one key, got a blank path',
        '[2]: key "a" is already used by [0]',
      ]);
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
      ['drops blank segments', [{ key: 'k', path: [] }, { key: 'l', path: [''] }, A], [], { removed: [A] }],
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

describe('the laws of a diff', { timeout: 60_000 }, () => {
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
