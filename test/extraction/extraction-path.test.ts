import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidExtractionPathsError } from '../../src/errors.js';
import {
  type ExtractionPath,
  type KeyLimit,
  parsePaths,
  splitPath,
} from '../../src/extraction/extraction-path.js';
import { spellPath } from './spell-path.js';

describe('splitPath', () => {
  test.each<[behaviour: string, path: string | readonly string[], segments: readonly string[]]>([
    ['takes a path without a dot as one key', 'total', ['total']],
    ['splits on every dot', 'invoice.customer.name', ['invoice', 'customer', 'name']],
    ['keeps spaces inside a key', 'first name.last name', ['first name', 'last name']],
    ['splits an index off a name', 'items[0]', ['items', '0']],
    ['splits several indices off a name', 'matrix[0][12]', ['matrix', '0', '12']],
    ['splits indices off in the middle of a path', 'a[0].b[1].c', ['a', '0', 'b', '1', 'c']],
    ['takes a number between dots as it is', 'items.0', ['items', '0']],
    ['starts at a list', '[0].sku', ['0', 'sku']],
    ['starts at a list of lists', '[0][1]', ['0', '1']],
    ['takes a quoted key in brackets as it is', 'a["b.c"]', ['a', 'b.c']],
    ['takes either kind of quote', `a['b']["c"].d`, ['a', 'b', 'c', 'd']],
    ['takes the other kind of quote inside of a quoted key', `["it's"]['"']`, ["it's", '"']],
    ['takes anything but a backslash inside of quotes', `a["$[*].. /"][""]`, ['a', '$[*].. /', '']],
    ['starts with a quoted key', '["$ref"].x', ['$ref', 'x']],
    [
      'takes a dollar, a slash or a quote in the middle as it is',
      `a.$oid.b/c.it's.@id.c#."d`,
      ['a', '$oid', 'b/c', "it's", '@id', 'c#', '"d'],
    ],
    ['takes segments as they are, with their dots and brackets', ['a.b', 'c[0]', ''], ['a.b', 'c[0]', '']],
  ])('%s', (_, path, segments) => {
    expect(splitPath(path)).toEqual(segments);
    expect(parsePaths([{ key: 'k', path }])).toEqual([{ key: 'k', segments }]);
  });

  test.each<[path: string, problem: string, ...instead: string[]]>([
    // 2.1
    ['$.invoice.number', "begins with '$'", "'invoice.number'", "['$', 'invoice', 'number']"],
    ['a[*].b', 'one path reads one value: name an index', "'a[0].b'", "['a[*]', 'b']"],
    ['a..b', 'a dot without a key', "'a.b'", "['a', '', 'b']"],
    ['a.', 'a dot without a key', "'a'", "['a', '']"],
    ['a[b', 'a bracket that belongs neither to', "['a[b']"],
    ['invoice.number ', 'a blank at an end', "'invoice.number'", "['invoice', 'number ']"],
    // its siblings
    ['$', "begins with '$'", "['$']"],
    ['$ref', "begins with '$'", "['$ref']"],
    ["$['a']['b.c']", "begins with '$'", `"['a']['b.c']"`],
    ['$[0].x', "begins with '$'", "'[0].x'"],
    ['$..price', 'searches at any depth', "['$', '', 'price']"],
    ['/invoice/number', "begins with '/'", "'invoice.number'", "['/invoice/number']"],
    ['/a~1b/0', "begins with '/'", "'a/b.0'"],
    ['/a.b/~0', "begins with '/'", "['a.b', '~']"],
    ['/', "begins with '/'", "['']", "['/']"],
    ['a.*.b', 'any number of values', "'a[0].b'", "['a', '*', 'b']"],
    ['*', 'any number of values', "'[0]'", "['*']"],
    ['Name*', 'any number of values', "['Name*']"],
    ['a[]', 'any number of values', "'a[0]'", "['a[]']"],
    ['a[0:2]', 'any number of values', "'a[0]'", "['a[0:2]']"],
    ['a[1,2].b', 'any number of values', "'a[0].b'"],
    ['a[?(@.x==1)]', 'any number of values', "['a[?(@.x==1)]']"],
    ['a[?(@.b)].c', 'any number of values', "['a[?(@.b)]', 'c']"],
    ['a[-1].b', 'counts from the end', "['a[-1]', 'b']"],
    ['a[01]', 'a leading zero', "'a[1]'", "['a[01]']"],
    ['a[00]', 'a leading zero', "'a[0]'"],
    ['a[ 0 ]', 'an index with a blank', "'a[0]'"],
    ['a[b]', 'a key in brackets without quotes', `"a['b']"`, "['a[b]']"],
    ['a[b.c].d', 'a key in brackets without quotes', `"a['b.c'].d"`],
    [`a["b.c"].d[x]`, 'a key in brackets without quotes', `\`a["b.c"].d['x']\``, `['a["b.c"]', 'd[x]']`],
    ['a[0.1]', 'a key in brackets without quotes', `"a['0.1']"`],
    ['a.[0]', 'a dot before a bracket', "'a[0]'", "['a', '[0]']"],
    [`a.["b"]`, 'a dot before a bracket', `'a["b"]'`],
    ['a[0]b', 'no dot after a bracket', "'a[0].b'", "['a[0]b']"],
    [`a['b']c`, 'no dot after a bracket', `"a['b'].c"`],
    [`a['it's']`, 'a quote of its own kind', `"a.it's"`],
    ['a["x\\"y.z"]', 'a backslash or a quote', `['a', 'x"y.z']`],
    [`a['b`, 'a bracket that belongs neither to', `["a['b"]`],
    ['a[0', 'a bracket that belongs neither to', "['a[0']"],
    ['a]', 'a bracket that belongs neither to', "['a]']"],
    ['a[[0]]', 'a bracket that belongs neither to', "['a[[0]]']"],
    ['.a', 'a dot without a key', "'a'", "['', 'a']"],
    ['.', 'a dot without a key', "['', '']"],
    [`a["*"]..b`, 'a dot without a key', `'a["*"].b'`],
    ['a . b', 'a blank at an end of a key', "'a.b'", "['a ', ' b']"],
    ['a. .b', 'a blank at an end of a key', "'a.b'"],
    ['a [0]', 'a blank at an end of a key', "'a[0]'"],
    ['\u00a0a', 'a blank at an end', "'a'", String.raw`['\u{a0}a']`],
    ['a\n', 'a blank at an end', "'a'", String.raw`['a\n']`],
    ['\ufeffa', 'a blank at an end', "'a'", String.raw`['\u{feff}a']`],
    ['a\u200b', 'a blank at an end', "'a'", String.raw`['a\u{200b}']`],
    [' $.a[*] . b ', 'a blank at an end', "'a[0].b'"],
    ['#/a/b~1c', "begins with '#/'", "'a.b/c'"],
    ['@.a.b', "begins with '@'", "'a.b'"],
    ["data->'invoice'->>'number'", 'an arrow', "'data.invoice.number'"],
    ['a -> b', 'an arrow', "'a.b'"],
    ['{{ a.b }}', 'the braces of a template', "'a.b'"],
    ['a {{b}}', 'the braces of a template', "['a {{b}}']"],
    ['{{ $json.a }}', 'the braces of a template', "'a'"],
    ['={{ $json.a.b }}', 'the braces of a template', "'a.b'"],
    ['={{ $json["e.mail"] }}', 'the braces of a template', `'["e.mail"]'`],
    ['{{a | upper}}', 'the braces of a template', "'a', or"],
    ['{{#each a}}', 'the braces of a template', "'a', or"],
    ['{{{a}}}', 'the braces of a template', "'a', or"],
    [`\${a.b}`, 'the braces of a template', "'a.b'"],
    ['#{a.b}', 'the braces of a template', "'a.b'"],
    ['a.#.b', 'any number of values', "'a[0].b'"],
    ['a.#(x=1).b', 'any number of values', "'a[0].b'"],
    ['a.#(x.y=="z")#.b', 'any number of values', "'a[0].b'"],
    ["data->>'$.a.b'", 'an arrow', "'data.a.b'"],
    ["data->'$.a'", 'an arrow', "'data.a'"],
    ["data->'$[0].b'", 'an arrow', "'data[0].b'"],
    ['data->"$.a"', 'an arrow', "'data.a'"],
    ["data->'a.b'", 'an arrow', `'data["a.b"]'`],
    ["data->0->>'a'", 'an arrow', "'data.0.a'"],
    ["data#>>'{a,b}'", 'an arrow', "'data.a.b'"],
    ["data #> '{a, 0}'", 'an arrow', "'data.a.0'"],
    ["data#>'{a}'->'b'#>>'{c}'", 'an arrow', "'data.a.b.c'"],
    ['"e.mail"', 'quotes around a key', `'["e.mail"]'`],
    ['customer."e.mail"', 'quotes around a key', `'customer["e.mail"]'`],
    ["customer.'e.mail'.x", 'quotes around a key', `'customer["e.mail"].x'`],
    ['customer.`e.mail`[0]', 'quotes around a key', `'customer["e.mail"][0]'`],
    ['$."e.mail"', "begins with '$'", `'["e.mail"]'`],
    ['a\\.b', 'a dot with a backslash', `'["a.b"]'`],
    ['a\\.b[0].c', 'a dot with a backslash', `'["a.b"][0].c'`],
    ['lax $.a', 'a mode of SQL', "'a', or"],
    ['strict $.a[0]', 'a mode of SQL', "'a[0]'"],
    ['a?.b', "has '?.'", "'a.b'"],
    ['a?.[0]?.b', "has '?.'", "'a[0].b'"],
    ['"a"."b c"', 'quotes around a key', "'a.b c'"],
    ['`a`[0]', 'quotes around a key', "'a[0]'"],
  ])('refuses %j and says what to write instead', (path, problem, ...instead) => {
    expect(splitPath(path)).toBeNull();
    const [text = '', ...others] = problemsOf([{ key: 'k', path }]);
    expect(others).toEqual([]);
    expect(text).toContain('[0]: path: ');
    expect(text).toContain(problem);
    const [, advice = ''] = text.split('; write ');
    for (const spelling of instead) expect(advice).toContain(spelling);
  });

  test.each<[path: string, list: string]>([
    ["(data->'a')->>'b'", `["(data->'a')->>'b'"]`],
    ["data::jsonb->'a'", `["data::jsonb->'a'"]`],
    ['data->-1', "['data->-1']"],
    ["data->>'a.b' = 5", `["data->>'a.b' = 5"]`],
    ["data->'$**.a'", `["data->'$**.a'"]`],
    ['data->$.a', "['data->$', 'a']"],
    ['{{a}}{{b}}', "['{{a}}{{b}}']"],
    ['{{ a.first() }}', "['{{ a.first() }}']"],
    ['{{/each}}', "['{{/each}}']"],
    ['a[?(@.b)]', "['a[?(@.b)]']"],
  ])('refuses %s, and guesses nothing', (path, list) => {
    const [text = ''] = problemsOf([{ key: 'k', path }]);

    expect(text.split('; write ').at(-1)).toBe(`${list} if these are the names of the keys`);
  });

  test.each([
    '@type',
    '#text',
    '_id.$oid',
    '5" pipe',
    'Q#',
    "rock 'n' roll",
    "it's",
    'c#',
    '"d',
    "a.it's.b's",
  ])('takes %s for names of keys', (path) => {
    expect(splitPath(path)).toEqual(path.split('.'));
  });

  test('refuses nothing without words, and every advice can be followed', () => {
    const piece = fc.constantFrom(
      'a',
      'b c',
      '0',
      '01',
      '.',
      '[',
      ']',
      '*',
      '"',
      "'",
      '$',
      '/',
      ' ',
      '-',
      ':',
      '\\',
      '~',
      '#',
      '@',
      '>',
      '{{',
      '}}',
      '${',
      '->',
      "#>>'{",
      '?.',
      '\\.',
      '(',
      ')',
      '`',
    );
    let refused = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const path = pieces.join('');
        fc.pre(path.trim() !== '' && splitPath(path) === null);
        refused += 1;
        const [text = ''] = problemsOf([{ key: 'k', path }]);
        const spellings = (text.split('; write ').at(-1) ?? '').split(' if these are')[0] ?? '';
        // Each is a literal of JavaScript: a path, or a path and the list of keys.
        for (const spelling of new Function(
          `return [${spellings.replace(/, or \[/, ', [')}]`,
        )() as ExtractionPath['path'][]) {
          expect(parsePaths([{ key: 'k', path: spelling }])).toHaveLength(1);
        }
      }),
      { numRuns: 4_000 },
    );
    expect(refused).toBeGreaterThan(2_000);
  });

  test('reads any spelling of the same segments alike', () => {
    const key = fc.oneof(
      fc.nat(20).map(String),
      fc.stringMatching(/^[^.[\]]*$/),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('[0]', 'a[', ']', '', ' ', '\u200e', 'a\u200b', '$', '/', '*', 'a.b', "'", '"'),
    );
    let asText = 0;
    fc.assert(
      fc.property(fc.array(key, { minLength: 1 }), fc.array(fc.boolean()), (segments, brackets) => {
        const text = spellPath(segments, brackets);
        if (text !== null) asText += 1;
        expect(splitPath(text ?? segments)).toEqual(segments);
      }),
      { numRuns: 10_000 },
    );
    expect(asText).toBeGreaterThan(5_000);
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
    ['empty segments', { key: 'k', path: ['', ''] }],
    ['one empty segment, which is a key of JSON', { key: 'k', path: [''] }],
    ['one blank segment', { key: 'k', path: [' '] }],
    ['segments that no text spells', { key: 'k', path: ['a[', '', '$', '/', ' *', `'"`] }],
    ['whole surrogate pairs in a key', { key: '🧾', path: 'a' }],
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
    [
      'a key that is already used',
      { key: 'first', path: 'b' },
      '[1]: key "first" is already used by [0]; write another key',
    ],
    [
      'the first half of a surrogate pair in a key',
      { key: 'a\ud83d', path: 'a' },
      '[1]: key: expected whole characters, got half of a surrogate pair in "a\\ud83d"',
    ],
    [
      'the second half of a surrogate pair in a key',
      { key: '\udfffb', path: 'a' },
      '[1]: key: expected whole characters, got half of a surrogate pair in "\\udfffb"',
    ],
    [
      'a surrogate pair in the wrong order in a key',
      { key: '\ude00\ud83d', path: 'a' },
      '[1]: key: expected whole characters, got half of a surrogate pair in "\\ude00\\ud83d"',
    ],
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
  ])('rejects %s instead of paths', (_, paths, problem) => {
    expect(problemsOf(paths)).toEqual([problem]);
  });

  test('lists every problem of every path in one error', () => {
    const error = errorOf([{ key: '', path: '' }, { key: 'k', path: 'a' }, 7, { key: 'k', path: [0] }]);
    expect(error.problems).toEqual([
      '[0]: key: expected a name, got a blank string',
      '[0]: path: expected at least one key, got a blank path',
      '[2]: expected { key, path }, got number',
      '[3]: path: expected a string or an array of strings, got an array with other members',
      '[3]: key "k" is already used by [1]; write another key',
    ]);
    for (const problem of error.problems) expect(error.message).toContain(problem);
  });

  test('names the first of several entries with one key', () => {
    const entry = { key: 'k', path: 'a' };
    expect(problemsOf([entry, entry, entry])).toEqual([
      '[1]: key "k" is already used by [0]; write another key',
      '[2]: key "k" is already used by [0]; write another key',
    ]);
  });

  test('refuses a key that is longer than the column, in code points, and names both', () => {
    const paths = ['k'.repeat(4), '🧾🧾🧾', '🧾🧾🧾🧾', 'abc'].map((key) => ({ key, path: 'a' }));
    expect(problemsOf(paths, { maxKeyLength: 3 })).toEqual([
      '[0]: key: expected at most 3 characters, which is what the repository can store, got 4 in "kkkk"',
      '[2]: key: expected at most 3 characters, which is what the repository can store, got 4 in "🧾🧾🧾🧾"',
    ]);
    expect(parsePaths(paths)).toHaveLength(4);
  });

  test('does not call keys that are no strings duplicates', () => {
    const entry = { key: 1n, path: 'a' };
    expect(problemsOf([entry, entry])).toEqual([
      '[0]: key: expected a string, got bigint',
      '[1]: key: expected a string, got bigint',
    ]);
  });
});

function problemsOf(paths: unknown, limit?: KeyLimit): readonly string[] {
  return errorOf(paths, limit).problems;
}

function errorOf(paths: unknown, limit?: KeyLimit): InvalidExtractionPathsError {
  try {
    parsePaths(paths as ExtractionPath[], limit);
  } catch (error) {
    if (error instanceof InvalidExtractionPathsError) return error;
    throw error;
  }
  throw new Error('expected the paths to be refused');
}
