import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { InvalidExtractionPathsError, MetadataValueError } from '../../src/errors.js';
import { compileExtractor, compilePath, extractMetadata } from '../../src/extraction/extract-metadata.js';
import type { ExtractionPath } from '../../src/extraction/extraction-path.js';
import type { JsonValue } from '../../src/extraction/json-value.js';
import { parseJson } from '../../src/extraction/parse-json.js';
import { spellPath } from './spell-path.js';

const lookUps = vi.hoisted(() => ({ total: 0, withString: 0 }));

vi.mock('lodash.get', async (importOriginal) => {
  const { default: get } = await importOriginal<{ default: (object: unknown, path: unknown) => unknown }>();
  return {
    default: (object: unknown, path: unknown) => {
      lookUps.total++;
      if (!Array.isArray(path)) lookUps.withString++;
      return get(object, path);
    },
  };
});

const INVOICE = {
  number: 'INV-7',
  customer: { name: 'ACME', 'e.mail': 'a@example.org' },
  lines: [{ sku: 'A' }, { sku: 'B' }],
  matrix: [
    [1, 2],
    [3, 4],
  ],
  paid: false,
  discount: 0,
  note: '',
  cancelled: null,
  '': { '': 'empty' },
  'lines[0]': 'literal',
  '*': 'star',
};

/** An array with 1 at `index`, which may be no index to JavaScript. */
function bigIndex(index: string): unknown {
  return Object.assign([], { [index]: 1 });
}

/** Data whose own keys have the names of inherited properties. */
const LOOKALIKE: unknown = JSON.parse(`{
  "constructor": "ACME", "toString": { "name": "rope" }, "length": 12, "values": [1],
  "__proto__": { "polluted": true }, "hasOwnProperty": 0
}`);

describe('extractMetadata', () => {
  test.each<[behaviour: string, data: unknown, path: ExtractionPath['path'], value: unknown]>([
    ['reads a key', INVOICE, 'number', 'INV-7'],
    ['reads a dotted path', INVOICE, 'customer.name', 'ACME'],
    ['reads an index in brackets', INVOICE, 'lines[1].sku', 'B'],
    ['reads an index between dots', INVOICE, 'lines.1.sku', 'B'],
    ['reads several indices', INVOICE, 'matrix[1][0]', 3],
    ['reads a whole object', INVOICE, 'lines[0]', { sku: 'A' }],
    [
      'reads a whole array',
      INVOICE,
      'matrix',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['reads an array at the root', [{ a: 1 }], '0.a', 1],
    ['reads an array at the root by an index in brackets', [{ a: 1 }, { a: 2 }], '[1].a', 2],
    ['reads a list of lists at the root', [[1, 2]], '[0][1]', 2],
    ['reads a key with a dot in quotes', INVOICE, 'customer["e.mail"]', 'a@example.org'],
    ['reads a key in single quotes', INVOICE, `customer['name']`, 'ACME'],
    ['reads a key with brackets in quotes', INVOICE, `['lines[0]']`, 'literal'],
    ['reads an index in quotes', INVOICE, `lines["0"].sku`, 'A'],
    ['reads an empty key in quotes', INVOICE, `[""]['']`, 'empty'],
    ['reads a key with a dot by an array of segments', INVOICE, ['customer', 'e.mail'], 'a@example.org'],
    ['does not find a key with a dot by a dotted path', INVOICE, 'customer.e.mail', null],
    ['reads a key with brackets by an array of segments', INVOICE, ['lines[0]'], 'literal'],
    ['reads keys with brackets that are no index', { 'a[x]': { 'b[': 1 } }, ['a[x]', 'b['], 1],
    ['reads empty keys', INVOICE, ['', ''], 'empty'],
    ['reads one empty key', { '': 1 }, [''], 1],
    ['reads one blank key', { ' ': 1 }, [' '], 1],
    ['reads 0, which is a value', INVOICE, 'discount', 0],
    ["reads '', which is a value", INVOICE, 'note', ''],
    ['reads false, which is a value', INVOICE, 'paid', false],
    ['gives null for a JSON null', INVOICE, 'cancelled', null],
    ['gives null where there is nothing', INVOICE, 'due_date', null],
    ['gives null where there is nothing further down', INVOICE, 'due_date.year.leap', null],
    ['gives null beyond the end of an array', INVOICE, 'lines[2]', null],
    ['gives null beyond the end of an array, further down', INVOICE, 'lines[2].sku', null],
    ['gives null for a hole in an array', Object.assign(new Array(2), { 1: 'b' }), '0', null],
    ['gives null for an undefined member', { a: undefined }, 'a', null],
    ['gives null below null', INVOICE, 'cancelled.by.name', null],
    ['gives null below a string', INVOICE, 'number.first', null],
    ['gives null below a number', INVOICE, 'discount.rate', null],
    ['gives null below a boolean', INVOICE, 'paid.at', null],
    ['gives null below a function', { f: Object.assign(() => 1, { a: 1 }) }, 'f.a', null],
    ['gives null for data that is null', null, 'a.b', null],
    ['gives null for data that is undefined', undefined, 'a.b', null],
    ['gives null for data that is a string', 'text', '0', null],
    ['gives null for data that is a number', 7, 'toFixed', null],
    ['gives null for the inherited `constructor`', INVOICE, 'constructor', null],
    ['gives null for the inherited `constructor.name`', INVOICE, 'constructor.name', null],
    ['gives null for the inherited `toString.name`', INVOICE, 'toString.name', null],
    ['gives null for the inherited `__proto__`', INVOICE, '__proto__', null],
    ['gives null for the inherited `__proto__.constructor`', INVOICE, '__proto__.constructor', null],
    ['gives null for what a prototype holds', Object.create({ a: 1 }), 'a', null],
    ['gives null for the `length` of a string', INVOICE, 'number.length', null],
    ['gives null for a character of a string', INVOICE, 'number.0', null],
    ['gives null for the `length` of an array', INVOICE, 'lines.length', null],
    ['gives null for the `values` of an array', INVOICE, 'lines.values', null],
    ['gives null for a name that an array was given', Object.assign([1], { total: 1 }), 'total', null],
    ['gives null for the `size` of a Map', { map: new Map([['a', 1]]) }, 'map.size', null],
    ['gives null for an entry of a Map', { map: new Map([['a', 1]]) }, 'map.a', null],
    ['knows no negative index', INVOICE, 'lines.-1', null],
    ['knows no negative index that an array was given', Object.assign([1], { '-1': 1 }), '-1', null],
    ['knows no index with leading zeros', INVOICE, 'lines.01', null],
    [
      'knows no index with leading zeros that an array was given',
      Object.assign([1], { '01': 1 }),
      '01',
      null,
    ],
    ['knows no index with a sign', INVOICE, 'lines.+1', null],
    ['knows no index with spaces', INVOICE, ['lines', ' 1'], null],
    ['knows no index with an exponent', INVOICE, 'lines.1e0', null],
    ['knows no empty index', INVOICE, ['lines', ''], null],
    ['knows no wildcard in an array', INVOICE, ['lines', '*', 'sku'], null],
    ['knows no wildcard in an object, but reads a key `*`', INVOICE, ['*'], 'star'],
    ['knows no index beyond the last that an array can have', bigIndex('4294967295'), '4294967295', null],
    ['reads the last index that an array can have', bigIndex('4294967294'), '4294967294', 1],
    ['reads an own key `constructor`, which is data', LOOKALIKE, 'constructor', 'ACME'],
    ['reads an own path `toString.name`, which is data', LOOKALIKE, 'toString.name', 'rope'],
    ['reads an own key `length`, which is data', LOOKALIKE, 'length', 12],
    ['reads an own key `values`, which is data', LOOKALIKE, 'values.0', 1],
    ['reads an own key `__proto__`, which is data', LOOKALIKE, '__proto__.polluted', true],
    ['reads data with an own key `hasOwnProperty`', LOOKALIKE, 'hasOwnProperty', 0],
    ['reads data without a prototype', Object.assign(Object.create(null), { a: 1 }), 'a', 1],
    ['makes a Date its ISO string', { at: new Date(0) }, 'at', '1970-01-01T00:00:00.000Z'],
    ['gives null below a Date', { at: new Date(0) }, 'at.getTime', null],
  ])('%s', (_, data, path, value) => {
    expect(extractMetadata(data, [{ key: 'k', path }])).toStrictEqual({ k: value });
  });

  test('gives one entry a path, in their order, null where the data has nothing', () => {
    const metadata = extractMetadata(INVOICE, [
      { key: 'second', path: 'lines[1].sku' },
      { key: 'none', path: 'nowhere' },
      { key: 'first', path: 'number' },
    ]);
    expect(metadata).toStrictEqual({ second: 'B', none: null, first: 'INV-7' });
    expect(Object.keys(metadata)).toEqual(['second', 'none', 'first']);
    expectTypeOf(metadata).toEqualTypeOf<Record<'second' | 'none' | 'first', JsonValue>>();
  });

  test('gives an empty object for no paths', () => {
    expect(extractMetadata(INVOICE, [])).toStrictEqual({});
  });

  test('makes a metadata key `__proto__` an own key and leaves Object.prototype alone', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const metadata = extractMetadata(LOOKALIKE, [
      { key: '__proto__', path: '__proto__' },
      { key: 'constructor', path: 'constructor' },
    ]);
    expect(Object.getOwnPropertyNames(metadata)).toEqual(['__proto__', 'constructor']);
    expect(JSON.stringify(metadata)).toBe('{"__proto__":{"polluted":true},"constructor":"ACME"}');
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('does not change the data', () => {
    const data = Object.freeze({ lines: Object.freeze([Object.freeze({ sku: 'A' })]) });
    expect(extractMetadata(data, [{ key: 'k', path: 'lines' }])).toEqual({ k: [{ sku: 'A' }] });
  });

  test('follows a path through a cycle to a value that has none', () => {
    const data: Record<string, unknown> = { name: 'loop' };
    data.self = data;
    expect(extractMetadata(data, [{ key: 'k', path: 'self.self.name' }])).toEqual({ k: 'loop' });
  });

  test.each<[what: string, data: unknown, code: string]>([
    ['a value that JSON cannot carry', { a: Number.NaN }, 'VALUE_NOT_JSON'],
    ['a cycle', { a: cyclic() }, 'VALUE_CYCLIC'],
    ['an integer that may have lost digits', { a: [2 ** 60] }, 'VALUE_UNSAFE_INTEGER'],
    ['shared references, 20 levels', { a: shared(20) }, 'VALUE_TOO_LARGE'],
    ['a depth over 64', { a: JSON.parse('['.repeat(65) + ']'.repeat(65)) }, 'VALUE_TOO_DEEP'],
    [
      'a getter that throws',
      Object.defineProperty({}, 'a', { enumerable: true, get: () => JSON.parse('no JSON') }),
      'VALUE_UNREADABLE',
    ],
    ['a revoked proxy', { a: revokedProxy() }, 'VALUE_UNREADABLE'],
  ])('throws a MetadataValueError with a code for %s', (_, data, code) => {
    const error = errorOf(() => extractMetadata(data, [{ key: 'k', path: 'a' }]));
    expect(error).toBeInstanceOf(MetadataValueError);
    expect(error).toMatchObject({ code });
  });

  test('reads integers of any size from what parseJson parsed', () => {
    const text =
      '{"order":{"id":3544790567247868102,"list":[[-9007199254740993]]},"size":1e300,"even":9007199254740992}';
    const paths = [
      { key: 'id', path: 'order.id' },
      { key: 'order', path: 'order' },
      { key: 'size', path: 'size' },
      { key: 'even', path: 'even' },
    ];
    expect(extractMetadata(parseJson(text), paths, { exact: true })).toEqual({
      id: '3544790567247868102',
      order: { id: '3544790567247868102', list: [['-9007199254740993']] },
      size: 1e300,
      even: 2 ** 53,
    });
    expect(errorOf(() => compileExtractor(paths)(JSON.parse(text)))).toMatchObject({
      code: 'VALUE_UNSAFE_INTEGER',
    });
  });

  test('keeps what a getter threw as the cause', () => {
    const cause = new Error('disk on fire');
    const data = Object.defineProperty({}, 'a', {
      get: () => {
        throw cause;
      },
    });
    const error = errorOf(() => extractMetadata(data, [{ key: 'k', path: ['a', 'b'] }]));
    expect(error).toMatchObject({ code: 'VALUE_UNREADABLE', cause, message: 'Reading a.b threw an error.' });
  });

  test('does not mind what JSON cannot carry where no path reads it', () => {
    const data = { a: 1, b: Number.NaN, c: { d: new Map(), e: 2 } };
    const paths = [
      { key: 'a', path: 'a' },
      { key: 'e', path: 'c.e' },
    ];
    expect(extractMetadata(data, paths)).toEqual({ a: 1, e: 2 });
  });

  test('refuses paths that cannot be used, whatever the data', () => {
    expect(() => extractMetadata(null, [{ key: '', path: 'a' }])).toThrow(InvalidExtractionPathsError);
    const many = Array.from({ length: 300 }, (_, index) => ({ key: `k${index}`, path: 'a..b' }));
    expect(() => extractMetadata(null, many)).toThrow(/(\n- \[.*){20}\n- and 280 more$/);
  });
});

describe('compileExtractor', () => {
  test('gives what extractMetadata gives, for one instance after another', () => {
    const paths = [{ key: 'n', path: 'a[0].n' }] as const;
    const extract = compileExtractor(paths);
    for (const data of [{ a: [{ n: 1 }] }, null, { a: [{ n: 2 }] }, { a: 'x' }]) {
      expect(extract(data)).toStrictEqual(extractMetadata(data, paths));
    }
    expectTypeOf(extract).returns.toEqualTypeOf<Record<'n', JsonValue>>();
  });

  test('refuses paths that cannot be used before it sees any data', () => {
    expect(() => compileExtractor([{ key: 'k', path: ' ' }])).toThrow(InvalidExtractionPathsError);
  });

  test('goes on with the paths as they were, even when the caller changes them later', () => {
    const segments = ['a', 'b'];
    const paths = [{ key: 'k', path: segments }];
    const extract = compileExtractor(paths);
    segments[1] = 'c';
    paths.push({ key: 'l', path: ['a'] });
    expect(extract({ a: { b: 1, c: 2 } })).toEqual({ k: 1 });
  });
});

describe('compilePath', () => {
  test.each<[behaviour: string, data: unknown, value: unknown]>([
    ['gives undefined where there is nothing', {}, undefined],
    ['gives undefined for an undefined member', { a: undefined }, undefined],
    ['gives null for a JSON null, which the report tells apart', { a: null }, null],
  ])('%s', (_, data, value) => {
    expect(compilePath(['a'])(data)).toBe(value);
  });
});

describe('extractMetadata on any data', () => {
  test('reads what a walk along own properties reads', () => {
    let runs = 0;
    let found = 0;
    fc.assert(
      fc.property(documentOf(jsonLeaf), steps, fc.array(fc.boolean()), (data, choices, brackets) => {
        const segments = chooseSegments(data, choices);
        const value = walk(data, segments);
        const expected = { k: value === undefined ? null : JSON.parse(JSON.stringify(value)) };
        deepStrictEqual(extractMetadata(data, [{ key: 'k', path: segments }], EXACT), expected);
        const dotted = spellPath(segments, brackets);
        if (dotted !== null)
          deepStrictEqual(extractMetadata(data, [{ key: 'k', path: dotted }], EXACT), expected);
        runs++;
        if (expected.k !== null) found++;
      }),
      { numRuns: 10_000 },
    );
    expect(found / runs).toBeGreaterThan(0.2);
    expect(found / runs).toBeLessThan(0.9);
  });

  test('throws exactly where the value holds something that JSON cannot carry', () => {
    let thrown = 0;
    fc.assert(
      fc.property(documentOf(fc.oneof(jsonLeaf, foreignLeaf)), steps, (data, choices) => {
        const segments = chooseSegments(data, choices);
        const extract = () => extractMetadata(data, [{ key: 'k', path: segments }], EXACT);
        if (holdsForeign(walk(data, segments))) {
          thrown++;
          expect(errorOf(extract)).toMatchObject({ code: 'VALUE_NOT_JSON' });
        } else {
          expect(Object.keys(extract())).toEqual(['k']);
        }
      }),
      { numRuns: 10_000 },
    );
    expect(thrown).toBeGreaterThan(500);
  });

  test('leaves Object.prototype as it is', () => {
    const before = Object.getOwnPropertyDescriptors(Object.prototype);
    fc.assert(
      fc.property(documentOf(jsonLeaf), steps, metadataKey, (data, choices, key) => {
        const segments = chooseSegments(data, choices);
        const metadata = extractMetadata(data, [{ key, path: segments }], EXACT);
        expect(Object.getOwnPropertyNames(metadata)).toEqual([key]);
      }),
      { numRuns: 5_000 },
    );
    deepStrictEqual(Object.getOwnPropertyDescriptors(Object.prototype), before);
  });

  test('hands lodash.get segments, never a string, which it would keep in a cache without bound', () => {
    const before = lookUps.total;
    extractMetadata(INVOICE, [
      { key: 'a', path: 'number' },
      { key: 'b', path: 'lines[0].sku' },
      { key: 'c', path: ['customer', 'e.mail'] },
    ]);
    expect(lookUps.total - before).toBe(3);
    expect(lookUps.withString).toBe(0);
  });
});

/** Half of the doubles that are drawn are integers beyond 2 ** 53. */
const EXACT = { exact: true };

const hostileKey = fc.constantFrom(
  ...[
    'constructor',
    'prototype',
    '__proto__',
    '__defineGetter__',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'toJSON',
  ],
  ...[
    'length',
    'values',
    'map',
    'at',
    'name',
    'size',
    '0',
    '1',
    '-1',
    '01',
    '1.0',
    ' 0',
    '4294967295',
    '1e1',
    'NaN',
  ],
  ...['', ' ', '.', 'a.b', '*', '[0]', '[', ']', 'a[', 'a[0]', 'undefined', 'null', '\u0000', '😀', '\ud800'],
);
const metadataKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'length',
  '0',
  'a.b',
);
const ordinaryKey = fc.constantFrom('a', 'b', 'c');

const jsonLeaf = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, '', 0, -0, true, false),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.date({ noInvalidDate: true }),
);

const FOREIGN: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1n,
  Symbol('foreign'),
  () => 'foreign',
  new Map([['a', 1]]),
  new Set(['a']),
  new Date(Number.NaN),
];
const foreignLeaf = fc.constantFrom(...FOREIGN);

function documentOf(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { container } = fc.letrec((tie) => ({
    container: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaf,
      tie('object'),
      tie('object'),
      tie('array'),
    ),
    // fromEntries defines properties, so that `__proto__` becomes an own key here, too
    object: fc
      .array(fc.tuple(fc.oneof(ordinaryKey, hostileKey), tie('container')), { maxLength: 5 })
      .map((members) => Object.fromEntries(members)),
    array: fc.oneof(
      fc.array(tie('container'), { maxLength: 4 }),
      fc.sparseArray(tie('container'), { maxLength: 6, maxNumElements: 4 }),
    ),
  }));
  return container;
}

/** Which key to go down by: one of the data's own, or one that may not be there. */
type Step = { readonly own: number } | { readonly key: string };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.nat().map((own) => ({ own })) },
    { weight: 1, arbitrary: fc.oneof(hostileKey, ordinaryKey).map((key) => ({ key })) },
  ),
  { minLength: 1, maxLength: 4 },
);

function chooseSegments(data: unknown, choices: readonly Step[]): string[] {
  const segments: string[] = [];
  let current = data;
  for (const choice of choices) {
    const keys = typeof current === 'object' && current !== null ? Object.keys(current) : [];
    if ('own' in choice && keys.length === 0) break;
    const segment = 'key' in choice ? choice.key : (keys[choice.own % keys.length] ?? '');
    current = walk(current, [segment]);
    segments.push(segment);
  }
  return segments.length > 0 ? segments : ['a'];
}

/** What is at `segments`, by own enumerable keys alone: an array has its indices, a string has none. */
function walk(data: unknown, segments: readonly string[]): unknown {
  let current = data;
  for (const segment of segments) {
    if (typeof current !== 'object' || current === null) return undefined;
    if (!Object.keys(current).includes(segment)) return undefined;
    current = (current as Record<string, unknown>)[segment];
  }
  return current;
}

function holdsForeign(value: unknown): boolean {
  if (FOREIGN.includes(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsForeign);
}

function shared(levels: number): unknown {
  return levels === 0 ? 'leaf' : Array(2).fill(shared(levels - 1));
}

function cyclic(): unknown {
  const value: unknown[] = [];
  value.push(value);
  return value;
}

function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error');
}
