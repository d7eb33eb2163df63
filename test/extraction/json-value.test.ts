import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetadataValueError } from '../../src/errors.js';
import { toJsonValue } from '../../src/extraction/json-value.js';

const DAY = '2024-02-29T12:30:00.125Z';

describe('toJsonValue', () => {
  test.each<[behaviour: string, value: unknown, json: unknown]>([
    ['keeps a string', 'text', 'text'],
    ['keeps an empty string', '', ''],
    ['keeps half a surrogate pair, which JSON escapes', '\ud800', '\ud800'],
    ['keeps a number', 1.5, 1.5],
    ['keeps zero', 0, 0],
    ['makes a negative zero zero', -0, 0],
    ['keeps true', true, true],
    ['keeps false', false, false],
    ['keeps null', null, null],
    ['makes undefined null', undefined, null],
    ['copies an array', [1, [2, []]], [1, [2, []]]],
    ['copies an object', { a: { b: {} } }, { a: { b: {} } }],
    [
      'makes undefined and holes in an array null',
      Object.assign(new Array(3), { 1: undefined }),
      [null, null, null],
    ],
    ['leaves undefined members out', { a: undefined, b: 1 }, { b: 1 }],
    ['makes a Date its ISO string', new Date(DAY), DAY],
    ['makes a Date inside its ISO string', { at: [new Date(DAY)] }, { at: [DAY] }],
    ['makes a Date of another realm its ISO string', runInNewContext(`new Date('${DAY}')`), DAY],
    ['copies an object of another realm', runInNewContext('({ a: [{}] })'), { a: [{}] }],
    ['copies an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['leaves symbol keys out', { [Symbol('hidden')]: 1, a: 1 }, { a: 1 }],
    ['keeps what is only shared, not cyclic', Array(2).fill({ a: [] }), [{ a: [] }, { a: [] }]],
  ])('%s', (_, value, json) => {
    expect(toJsonValue(value)).toStrictEqual(json);
    expect(JSON.stringify(toJsonValue(value, { shares: true }))).toBe(JSON.stringify(json));
  });

  test('shares what is JSON already, if that is allowed, and copies what is around the rest', () => {
    const json = { a: [1, { b: 'text' }], c: null };
    const value = { before: json, list: [json, new Date(DAY), json], hidden: undefined, after: json };

    expect(toJsonValue(json)).not.toBe(json);
    expect(toJsonValue(json, { shares: true })).toBe(json);
    const shared = Object(toJsonValue(value, { shares: true }));
    expect(shared).toStrictEqual({ before: json, list: [json, DAY, json], after: json });
    expect([shared.before, shared.list[0], shared.list[2], shared.after].every((one) => one === json)).toBe(
      true,
    );
    expect(Object.is(Object(toJsonValue([-0], { shares: true }))[0], 0)).toBe(true);
    expect(() => toJsonValue({ a: [Number.NaN] }, { shares: true })).toThrow(MetadataValueError);
    // What a repository returns later is compared with it, prototypes included.
    for (const foreign of [Object.assign(Object.create(null), { a: 1 }), runInNewContext('({ a: 1 })')])
      expect(toJsonValue([foreign], { shares: true })).toStrictEqual([{ a: 1 }]);
    class Texts extends Array<string> {
      toJSON = () => 'something else';
    }
    expect(JSON.stringify(toJsonValue(Texts.from(['a']), { shares: true }))).toBe('["a"]');
    const odd: readonly object[] = [
      { a: 1, [Symbol('hidden')]: 2 },
      Object.assign(['a'], { toJSON: () => 'something else' }),
      new Proxy({ a: 1 }, {}),
      new Proxy(['a'], {}),
    ];
    for (const value of odd) {
      const copied = toJsonValue({ odd: value }, { shares: true });
      expect(copied).toStrictEqual({ odd: Array.isArray(value) ? ['a'] : { a: 1 } });
      expect(structuredClone(copied)).toStrictEqual(copied);
    }
    const long = Array.from({ length: 5_000 }, (_, index) => index);
    expect(toJsonValue(Object.assign([...long], { more: 1 }), { shares: true })).toStrictEqual(long);
  });

  class Money {
    amount = 1;
  }
  test.each<[what: string, value: unknown, reason: string]>([
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['-Infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['a BigInt', 1n, 'a bigint'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a Map', new Map(), 'a Map'],
    ['a Set', new Set(), 'a Set'],
    ['a RegExp', /a/, 'a RegExp'],
    ['an Error', new Error('no'), 'a Error'],
    ['a Buffer', Buffer.from('a'), 'a Buffer'],
    ['a boxed number', Object(1), 'a Number'],
    ['a Promise', Promise.resolve(), 'a Promise'],
    ['a class instance', new Money(), 'a Money'],
    ['an invalid Date', new Date(Number.NaN), 'an invalid Date'],
    ['an object that poses as a Date', Object.create(Date.prototype), 'a Date'],
  ])('refuses %s, also inside an object or an array', (_, value, reason) => {
    for (const holder of [value, { a: value }, [value], { a: [{ b: value }] }]) {
      const error = errorOf(holder);
      expect(error.code).toBe('VALUE_NOT_JSON');
      expect(error.message).toContain(` ${reason},`);
    }
  });

  const itself: Record<string, unknown> = {};
  itself.self = itself;
  const ring: unknown[] = [{ deeper: [] }];
  (ring[0] as { deeper: unknown[] }).deeper.push(ring);
  test.each<[what: string, value: unknown]>([
    ['an object that contains itself', itself],
    ['an array that contains itself further down', ring],
    ['a value with a cycle inside', { a: [itself] }],
  ])('refuses %s', (_, value) => {
    expect(errorOf(value).code).toBe('VALUE_CYCLIC');
  });

  test.each<[what: string, value: number]>([
    ['2 ** 60', 2 ** 60],
    ['-(2 ** 53)', -(2 ** 53)],
    ['2 ** 53, which may have been 2 ** 53 + 1', 2 ** 53],
    ['12345678901234567000', 12345678901234567000],
    ['1e300', 1e300],
  ])('refuses %s, which may have lost digits, unless its integers are exact', (_, value) => {
    for (const holder of [value, { a: value }, [[value]], { a: [1, { b: value }] }]) {
      const { code, message } = errorOf(holder);
      expect(code).toBe('VALUE_UNSAFE_INTEGER');
      expect(message).toContain("Hand over the JSON text as the database has it ({ form: 'json', text })");
      expect(toJsonValue(holder, { exact: true })).toStrictEqual(holder);
    }
  });

  test.each([[2 ** 53 - 1], [1 - 2 ** 53], [2 ** 52 + 0.5], [1e15 / 3], [5e-324], [0.1]])(
    'keeps %d, which has all its digits',
    (value) => {
      expect(toJsonValue([value])).toStrictEqual([value]);
    },
  );

  describe('objects that are shared', () => {
    const double = (levels: number, leaf: unknown): unknown => {
      let value = leaf;
      for (let level = 0; level < levels; level++)
        value = level % 2 ? [value, value] : { a: value, b: value };
      return value;
    };

    test.each<[levels: number, leaf: unknown]>([
      [20, 1],
      [20, { city: 'Oslo' }],
      [30, []],
      [63, {}],
      [12, 'x'.repeat(1000)],
    ])(
      '%d levels, each with the one below twice, are refused before they fill the memory',
      (levels, leaf) => {
        const before = process.memoryUsage().heapUsed;
        expect(errorOf(double(levels, leaf)).code).toBe('VALUE_TOO_LARGE');
        expect(process.memoryUsage().heapUsed - before).toBeLessThan(250e6);
      },
    );

    test('some levels are copied, and so is an object that many others hold', () => {
      expect(JSON.stringify(toJsonValue(double(12, 1)))).toBe(JSON.stringify(double(12, 1)));
      const customer = { name: 'ACME', address: { street: 'Main street 1', city: 'Oslo' } };
      const lines = Array.from({ length: 10_000 }, (_, position) => ({ position, customer }));
      expect(toJsonValue(lines)).toEqual(lines);
    });

    test('a value in which nothing is shared may be of any size', () => {
      const text = JSON.stringify(
        Array.from({ length: 100_000 }, (_, position) => ({ position, customer: { name: 'ACME & Sons' } })),
      );
      expect(JSON.stringify(toJsonValue(JSON.parse(text)))).toBe(text);
    });
  });

  test.each<[what: string, leaf: unknown]>([
    ['a string', 'deep'],
    ['a Date', new Date(DAY)],
  ])('takes %s inside 64 levels and refuses it inside 65', (_, leaf) => {
    for (const nest of [nestArray, nestObject]) {
      expect(JSON.stringify(toJsonValue(nest(64, leaf)))).toBe(JSON.stringify(nest(64, leaf)));
      expect(errorOf(nest(65, leaf)).code).toBe('VALUE_TOO_DEEP');
    }
  });

  test('refuses a depth that would overflow the stack with the same error', () => {
    expect(errorOf(nestArray(100_000, 1)).code).toBe('VALUE_TOO_DEEP');
  });

  test('keeps a key `__proto__` as an own key and leaves Object.prototype alone', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const json = toJsonValue(JSON.parse('{ "__proto__": { "polluted": true }, "a": { "__proto__": 1 } }'));
    expect(JSON.stringify(json)).toBe('{"__proto__":{"polluted":true},"a":{"__proto__":1}}');
    expect(Object.getPrototypeOf(json)).toBe(Object.prototype);
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('copies, so that a later change to the data does not reach the value', () => {
    const data = { lines: [{ sku: 'A' }] };
    const json = toJsonValue(data);
    data.lines.push({ sku: 'B' });
    expect(json).toEqual({ lines: [{ sku: 'A' }] });
  });
});

describe('toJsonValue of anything', () => {
  test('gives back any JSON as it is', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6, stringUnit: 'binary' }), (text) => {
        const value: unknown = JSON.parse(text);
        expect(JSON.stringify(toJsonValue(value, { exact: true }))).toBe(JSON.stringify(value));
      }),
      { numRuns: 10_000 },
    );
  });

  test('gives JSON or an error with a code for anything at all', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        let json: unknown;
        try {
          json = toJsonValue(value);
        } catch (error) {
          expect(error).toBeInstanceOf(MetadataValueError);
          return;
        }
        expect(JSON.parse(JSON.stringify(json))).toStrictEqual(json);
      }),
      { numRuns: 10_000 },
    );
  });
});

function nestArray(levels: number, leaf: unknown): unknown {
  let value = leaf;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function nestObject(levels: number, leaf: unknown): unknown {
  let value = leaf;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

function errorOf(value: unknown): MetadataValueError {
  try {
    toJsonValue(value);
  } catch (error) {
    if (error instanceof MetadataValueError) return error;
    throw error;
  }
  throw new Error('expected the value to be refused');
}
