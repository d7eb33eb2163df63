import { describe, expect, test } from 'vitest';
import { formatMetadataValue, type InstanceSnapshot } from '../../src/index.js';
import { compilePlanner, type PlanRules } from '../../src/run/job/plan-instance.js';

const planInstance = (given: InstanceSnapshot, rules: PlanRules) => compilePlanner(rules)(given);

const PATHS = [{ key: 'city', segments: ['address', 'city'], mode: 'fill' }] as const;
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
      droppedKeys: [],
    });

    expect(failures).toMatchObject([{ key: 'city', code }]);
  });

  test('does not look at data that no key needs, not even to find it broken', () => {
    const stored = new Map([['city', { value: 'Oslo' }]]);
    const data = { form: 'unreadable', reason: 'it is on a tape' } as const;

    const planned = planInstance(snapshot({ stored, data }), {
      paths: PATHS,
      missing: 'null',
      clear: false,
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

  test('cuts a reason of any length', () => {
    const data = { form: 'unreadable', reason: 'x'.repeat(5000) } as const;

    expect(
      planInstance(snapshot({ data }), { paths: PATHS, missing: 'null', clear: false, droppedKeys: [] })
        .failures[0]?.reason,
    ).toHaveLength(500);
  });
});

test('complete instances have kept what is there, but under a key that another run has taken over', () => {
  const paths = [...PATHS, { key: 'town', segments: ['town'], mode: 'fill' }] as const;

  const planned = compilePlanner({ paths, missing: 'null', clear: false, droppedKeys: ['town'] })({
    cursor: 9,
    filled: 5,
  });

  expect(planned).toEqual({
    cursor: 9,
    instances: 5,
    writes: null,
    findings: ['kept', 'dropped'],
    failures: [],
  });
});
