import { describe, expect, test } from 'vitest';
import { formatMetadataValue, type InstanceSnapshot, type JsonValue } from '../../src/index.js';
import { compilePlanner, type PlanRules } from '../../src/run/job/plan-instance.js';

const planInstance = (given: InstanceSnapshot, rules: PlanRules) => compilePlanner(rules)(given);

const PATHS = [{ key: 'city', segments: ['address', 'city'], mode: 'fill', formerPaths: [] }] as const;
const snapshot = (given: Partial<InstanceSnapshot>): InstanceSnapshot => ({
  id: 1,
  cursor: 1,
  data: { form: 'none' },
  stored: new Map(),
  ...given,
});

describe('planInstance', () => {
  test.each<[string, InstanceSnapshot['data'], unknown]>([
    ['a parsed document', { form: 'parsed', value: { address: { city: 'Turin' } } }, 'Turin'],
    ['a JSON text', { form: 'json', text: '{"address":{"city":"Turin"}}' }, 'Turin'],
    ['values that the database extracted', { form: 'values', values: new Map([['city', 'Turin']]) }, 'Turin'],
  ])('reads %s', (_, data, value) => {
    const planned = planInstance(snapshot({ data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
    });

    expect(planned).toMatchObject({
      writes: { values: [{ key: 'city', value }] },
      findings: ['value'],
      failures: [],
    });
  });

  test.each([
    ['what is no JSON', Number.POSITIVE_INFINITY, 'VALUE_NOT_JSON'],
    ['what is nested deeper than 64 levels', JSON.parse('['.repeat(65) + ']'.repeat(65)), 'VALUE_TOO_DEEP'],
  ])('takes %s from no database either', (_, value, code) => {
    const data = { form: 'values', values: new Map([['city', value]]) } as const;

    const { failures } = planInstance(snapshot({ data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
    });

    expect(failures).toMatchObject([{ key: 'city', code }]);
  });

  describe('of a text that not every database can store', () => {
    const plan = (city: JsonValue, rest: Partial<PlanRules>) =>
      planInstance(snapshot({ data: { form: 'values', values: new Map([['city', city]]) } }), {
        ...{ paths: PATHS, missing: 'null', clear: false, deletes: false, droppedKeys: [] },
        ...rest,
      });
    const texts = ['Os\u0000lo', 'Os\ud83dlo', 'Os\udc00lo'];
    const values = texts
      .flatMap((text): JsonValue[] => [text, [1, [text]], { a: { [text]: 1 } }, { a: [null, text] }])
      .map((value) => ({ value }));

    test.each(values)('fails the key where the column does not take it: $value', ({ value }) => {
      const { failures, findings, writes } = plan(value, { storesAnyText: false });

      const reason =
        'the value contains a NUL or half of a surrogate pair, which the metadata column cannot store';
      expect(failures).toEqual([{ instanceId: 1, key: 'city', code: 'WRITE_REJECTED', reason }]);
      expect(findings).toEqual(['failed']);
      expect(writes?.values).toEqual([]);
    });

    test.each(values)('writes it elsewhere: $value', ({ value }) => {
      for (const rules of [{}, { storesAnyText: true }]) {
        const { failures, writes } = plan(value, rules);
        expect({ failures, values: writes?.values }).toEqual({
          failures: [],
          values: [{ key: 'city', value }],
        });
      }
    });

    test('looks at the stored form: JSON in a text has escaped it, and a cut may have removed it', () => {
      const formatValue = (value: JsonValue) => formatMetadataValue(value, { maxLength: 20 });
      for (const value of [['Os\u0000lo'], { 'Os\ud83dlo': 1 }, `${'x'.repeat(20)}\u0000`])
        expect(plan(value, { storesAnyText: false, formatValue }).failures).toEqual([]);
      expect(plan('Os\u0000lo', { storesAnyText: false, formatValue }).failures).toHaveLength(1);
    });

    test.each<[JsonValue]>([
      [['🧾', 'a\\u0000b', 7, true, null, {}]],
      ['🧾価'],
      [{ '🧾': [] }],
      [0],
      [false],
    ])('takes no other text for one: %j', (value) => {
      expect(plan(value, { storesAnyText: false }).failures).toEqual([]);
    });
  });

  describe('of an integer that a double cannot hold', () => {
    const rules = { paths: PATHS, missing: 'null', clear: false, deletes: false, droppedKeys: [] } as const;
    const rounded = 2 ** 60; // of 1152921504606846977, say
    const address = { city: rounded };

    test.each<[what: string, data: InstanceSnapshot['data'], value: unknown]>([
      [
        'of a JSON text',
        { form: 'json', text: '{"address":{"city":1152921504606846977}}' },
        '1152921504606846977',
      ],
      [
        'in a list',
        { form: 'json', text: '{"address":{"city":[[-9007199254740993,1]]}}' },
        [['-9007199254740993', 1]],
      ],
      [
        'in an object',
        { form: 'json', text: '{"address":{"city":{"id":18446744073709551615}}}' },
        { id: '18446744073709551615' },
      ],
      [
        'of a value, as a string',
        { form: 'values', values: new Map([['city', '1152921504606846977']]) },
        '1152921504606846977',
      ],
    ])('keeps the digits %s', (_, data, value) => {
      expect(planInstance(snapshot({ data }), rules)).toMatchObject({
        writes: { values: [{ key: 'city', value }] },
        failures: [],
      });
    });

    test.each<[what: string, data: InstanceSnapshot['data']]>([
      ['of a parsed document', { form: 'parsed', value: { address } }],
      ['in a list of one', { form: 'parsed', value: { address: { city: [{ id: [rounded] }] } } }],
      ['of a value', { form: 'values', values: new Map([['city', rounded]]) }],
      ['in a value', { form: 'values', values: new Map([['city', { id: -rounded }]]) }],
    ])('fails the key instead of storing what is left %s', (_, data) => {
      const [failure] = planInstance(snapshot({ data }), rules).failures;

      expect(failure).toMatchObject({ key: 'city', code: 'VALUE_UNSAFE_INTEGER' });
      expect(failure?.reason).toContain('Hand over the JSON text as the database has it');
    });

    test.each([
      ['Uint8Array', Buffer.from('{"address":{"city":"Berlin"}}')],
      [
        'an instance of a class',
        new (class Model {
          readonly #data = { city: 'Berlin' };
          get address() {
            return this.#data;
          }
        })(),
      ],
      ['Map', new Map([['address', { city: 'Berlin' }]])],
      ['Promise', Promise.resolve({ address: { city: 'Berlin' } })],
      ['Date', new Date(0)],
      ['NaN', Number.NaN],
      ['BigInt', 1n],
      ['Function', () => ({ address: { city: 'Berlin' } })],
    ])('fails the instance when the parsed document is no JSON, but a %s', (name, value) => {
      const [failure] = planInstance(snapshot({ data: { form: 'parsed', value } }), rules).failures;

      expect(failure).toMatchObject({ key: null, code: 'TASK_DATA_UNREADABLE' });
      expect(failure?.reason).toContain(`the parsed document is ${name}, expected what JSON.parse returns`);
    });

    test.each<[what: string, data: InstanceSnapshot['data'], value: number]>([
      ['an exponent in JSON text', { form: 'json', text: '{"address":{"city":1e300}}' }, 1e300],
      [
        'an even one in JSON text',
        { form: 'json', text: '{"address":{"city":9007199254740994}}' },
        2 ** 53 + 2,
      ],
      ['a document that parseJson parsed', { form: 'parsed', value: { address }, exact: true }, rounded],
      [
        'a value that parseJson parsed',
        { form: 'values', values: new Map([['city', 1e300]]), exact: true },
        1e300,
      ],
    ])('knows what is exact: %s', (_, data, value) => {
      expect(planInstance(snapshot({ data }), rules)).toMatchObject({
        writes: { values: [{ key: 'city', value }] },
        failures: [],
      });
    });
  });

  test.each<[what: string, text: string, reason: string]>([
    ['a bare NaN elsewhere', '{"address":{"city":"Oslo"},"rate":NaN}', 'has a bare NaN'],
    ['a bare -Infinity elsewhere', '{"rate":-Infinity,"address":{"city":"Oslo"}}', 'has a bare -Infinity'],
    ['a byte order mark', '\ufeff{"address":{"city":"Oslo"}}', 'begins with a byte order mark (U+FEFF)'],
    ['a second encoding', JSON.stringify('{"address":{"city":"Oslo"}}'), 'encoded twice'],
  ])('says what is wrong with the document: %s', (_, text, reason) => {
    const data = { form: 'json', text } as const;

    const [failure] = planInstance(snapshot({ data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
    }).failures;

    expect(failure).toMatchObject({ key: null, code: 'TASK_DATA_UNREADABLE' });
    expect(failure?.reason).toContain(reason);
    expect(failure?.reason).not.toContain('Oslo');
  });

  test('does not look at data that no key needs, not even to find it broken', () => {
    const stored = new Map([['city', { value: 'Oslo' }]]);
    const data = { form: 'unreadable', reason: 'it is on a tape' } as const;

    const planned = planInstance(snapshot({ stored, data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
    });

    expect(planned).toMatchObject({ writes: { values: [] }, findings: ['kept'], failures: [] });
  });

  test('keeps the content of a broken document out of the reason', () => {
    const data = { form: 'json', text: '{"password":"hunter2"' } as const;

    const { failures } = planInstance(snapshot({ data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
    });

    expect(failures).toEqual([
      {
        instanceId: 1,
        key: null,
        code: 'TASK_DATA_UNREADABLE',
        reason: 'the task data is not valid JSON',
      },
    ]);
  });

  test('writes values in the stored form and says which were cut', () => {
    const formatValue = (value: Parameters<typeof formatMetadataValue>[0]) =>
      formatMetadataValue(value, { maxLength: 3 });
    const data = { form: 'parsed', value: { address: { city: 'Turin' } } } as const;

    const planned = planInstance(snapshot({ data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
      formatValue,
    });

    expect(planned).toMatchObject({
      writes: { values: [{ key: 'city', value: 'Tur' }] },
      findings: ['truncated'],
    });
  });

  test('compares with the stored form before it overwrites', () => {
    const rules = {
      paths: [{ ...PATHS[0], mode: 'overwrite' as const }],
      missing: 'null' as const,
      clear: false,
      deletes: false,
      droppedKeys: [],
      formatValue: formatMetadataValue,
    };
    const data = { form: 'parsed', value: { address: { city: { name: 'Turin' } } } } as const;
    const same = { value: '{"name":"Turin"}', token: '7' };
    const other = { value: 'Oslo', token: '7' };

    expect(planInstance(snapshot({ data, stored: new Map([['city', same]]) }), rules)).toMatchObject({
      writes: { values: [] },
    });
    expect(planInstance(snapshot({ data, stored: new Map([['city', other]]) }), rules)).toMatchObject({
      writes: { values: [{ key: 'city', value: same.value, replaces: other }] },
    });
  });

  test('makes an instance whose value the repository cannot store a failure with its reason', () => {
    const formatValue = () => {
      throw new Error('the column takes no NUL');
    };
    const data = { form: 'parsed', value: { address: { city: '\0' } } } as const;

    const { failures } = planInstance(snapshot({ data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
      deletes: false,
      droppedKeys: [],
      formatValue,
    });

    expect(failures).toEqual([
      {
        instanceId: 1,
        key: 'city',
        code: 'WRITE_REJECTED',
        reason: 'the column takes no NUL',
      },
    ]);
  });

  test.each<[string, unknown]>([
    ['an object without a prototype', Object.create(null)],
    ['an error without a message', Object.assign(new Error('x'), { message: null })],
    ['nothing', undefined],
  ])('makes an instance a failure, whatever its data or the repository throws: %s', (_, thrown) => {
    const rules = { paths: PATHS, missing: 'null', clear: false, deletes: false, droppedKeys: [] } as const;
    const hostile = {
      get address() {
        throw thrown;
      },
    };
    const text = { form: 'json', text: '{"address":{"city":"Turin"}}' } as const;
    const formatValue = () => {
      throw thrown;
    };

    expect(planInstance(snapshot({ data: { form: 'parsed', value: hostile } }), rules).failures).toHaveLength(
      1,
    );
    expect(planInstance(snapshot({ data: text }), { ...rules, formatValue }).failures[0]).toMatchObject({
      code: 'WRITE_REJECTED',
      reason: thrown === undefined ? 'undefined' : 'an error without a message',
    });
  });

  test('cuts a reason of any length', () => {
    const data = { form: 'unreadable', reason: 'x'.repeat(5000) } as const;

    expect(
      planInstance(snapshot({ data }), {
        paths: PATHS,
        missing: 'null',
        clear: false,
        deletes: false,
        droppedKeys: [],
      }).failures[0]?.reason,
    ).toHaveLength(500);
  });
});

test('complete instances have kept what is there, but under a key that another run has taken over', () => {
  const paths = [...PATHS, { key: 'town', segments: ['town'], mode: 'fill', formerPaths: [] }] as const;

  const planned = compilePlanner({
    paths,
    missing: 'null',
    clear: false,
    deletes: false,
    droppedKeys: ['town'],
  })({
    cursor: 9,
    filled: 5,
  });

  expect(planned).toEqual({
    cursor: 9,
    instances: 5,
    writes: null,
    findings: ['kept', 'dropped'],
    failures: [],
    reread: null,
  });
});
