import { afterEach, describe, expect, test } from 'vitest';
import { InvalidInputError, runBackfill } from '../../src/index.js';
import { createMemoryRepository, type MemoryTask } from '../../src/memory/index.js';

type Time = MemoryTask['endedAt'];

const MODEL = 'sales/invoice';
const PATHS = [{ key: 'which', path: 'which' }];

/** Whose data counts, of two completed tasks that ended at these times. Both have ids by which the other would win. */
async function newest(first: Time, second: Time): Promise<unknown> {
  const task = (id: string, endedAt: Time, which: string): MemoryTask => ({
    id,
    state: 'COMPLETED',
    ...(endedAt === undefined ? {} : { endedAt }),
    data: { which },
  });
  const both = (a: string, b: string) => [task(a, first, 'first'), task(b, second, 'second')];
  const repository = createMemoryRepository({
    instances: [
      { id: 1, processModelId: MODEL, tasks: both('1', '2') },
      { id: 2, processModelId: MODEL, tasks: both('2', '1').reverse() },
    ],
  });
  await runBackfill({ repository, processModelId: MODEL, paths: PATHS });
  const [one, other] = [repository.metadata(1)?.which, repository.metadata(2)?.which];
  return one === other ? one : 'tie';
}

describe('the most recently completed task', () => {
  test.each<[what: string, first: Time, second: Time]>([
    ['microseconds', '2026-03-01T09:30:00.123100Z', '2026-03-01T09:30:00.123900Z'],
    ['the last of nine digits', '2026-03-01T09:30:00.123456788Z', '2026-03-01T09:30:00.123456789Z'],
    [
      'the last of thirty digits',
      `2026-03-01T09:30:00.${'1'.repeat(29)}1Z`,
      `2026-03-01T09:30:00.${'1'.repeat(29)}2Z`,
    ],
    ['fractions of different lengths', '2026-03-01T09:30:00.1234Z', '2026-03-01T09:30:00.12341Z'],
    ['fractions of one and of six digits', '2026-03-01T09:30:00.199999Z', '2026-03-01T09:30:00.2Z'],
    ['fractions before 1970', '1969-12-31T23:59:59.999998Z', '1969-12-31T23:59:59.999999Z'],
    ['a fraction after a comma', '2026-03-01T09:30:00,123100Z', '2026-03-01T09:30:00,123900Z'],
    ['zones', '2026-03-01T09:30:00+02:00', '2026-03-01T08:00:00Z'],
    ['zones west of Greenwich', '2026-03-01T09:30:00Z', '2026-03-01T05:00:00-05:00'],
    ['zones by microseconds', '2026-03-01T11:30:00.0000010+02:00', '2026-03-01T09:30:00.000002Z'],
    ['zones as PostgreSQL writes them', '2026-03-01 09:30:00.1231+02', '2026-03-01 07:30:00.1239+00'],
    ['zones without a colon', '2026-03-01T09:30:00+0530', '2026-03-01T04:00:01Z'],
    ['a text without a zone, which is UTC', '2026-03-01T09:30:00', '2026-03-01T09:30:00.000001Z'],
    ['a day, which begins at midnight in UTC', '2026-03-01', '2026-03-01T00:00:00.000001'],
    ['a time without seconds', '2026-03-01T09:30', '2026-03-01T09:30:01'],
    ['years of six digits', '+002026-03-01T09:30:00.1Z', '+002026-03-01T09:30:00.2Z'],
    ['the end of a day', '2026-03-01T23:59:59.999999Z', '2026-03-01T24:00:00Z'],
    ['milliseconds', 1_700_000_000_000, 1_700_000_000_001],
    ['parts of milliseconds', 1_700_000_000.123_456, 1_700_000_000.123_457],
    ['negative milliseconds', -1.75, -1.25],
    ['Dates', new Date(1), new Date(2)],
    ['a Date and a text', new Date('2026-03-01T09:30:00.123Z'), '2026-03-01T09:30:00.123001Z'],
    ['a text and milliseconds', '1970-01-01T00:00:00.0014Z', 1.5],
    ['null, which sorts behind every time', null, '0001-01-01T00:00:00Z'],
    ['nothing, which is null', undefined, -1],
  ])('is found by %s', async (_, earlier, later) => {
    expect(await newest(earlier, later)).toBe('second');
    expect(await newest(later, earlier)).toBe('first');
  });

  test.each<[what: string, one: Time, other: Time]>([
    ['zeros at the end', '2026-03-01T09:30:00.1200Z', '2026-03-01T09:30:00.12Z'],
    ['no fraction', '2026-03-01T09:30:00.000000Z', '2026-03-01T09:30:00Z'],
    ['another zone', '2026-03-01T11:30:00.123456+02:00', '2026-03-01T09:30:00.123456'],
    ['lower case', '2026-03-01t09:30:00z', '2026-03-01T09:30:00Z'],
    ['another type', '1970-01-01T00:00:00.0015Z', 1.5],
    ['null', null, undefined],
  ])('is the one with the lower id when the times differ by %s alone', async (_, one, other) => {
    expect(await newest(one, other)).toBe('tie');
  });
});

describe('in a night when the clocks change', () => {
  const zone = process.env.TZ;
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  test.each<[zone: string, earlier: Time, later: Time]>([
    // To local clocks, 02:30 does not exist and is read as 03:30.
    ['Europe/Berlin', '2026-03-29T02:30:00', '2026-03-29T03:00:00'],
    ['America/New_York', '2026-03-08T02:30:00', '2026-03-08T03:00:00'],
    // Local clocks show 02:30 twice and read the first.
    ['Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25T02:30:00'],
    ['Australia/Lord_Howe', '2026-04-05T01:45:00', '2026-04-05T01:45:01Z'],
    ['Pacific/Apia', '2011-12-30T12:00:00', '2011-12-30T12:00:01Z'],
  ])('a time without a zone is UTC (%s)', async (name, earlier, later) => {
    process.env.TZ = name;
    expect(Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(name);
    expect(await newest(earlier, later)).toBe('second');
    expect(await newest(later, earlier)).toBe('first');
  });
});

describe('a time that cannot be read', () => {
  const tasksWith = (endedAt: unknown): MemoryTask[] => [
    { state: 'COMPLETED', endedAt: 1, data: {} },
    { state: 'READY', endedAt: endedAt as string, data: {} },
  ];

  test.each<[endedAt: unknown, got: string]>([
    ['yesterday', '"yesterday"'],
    ['', '""'],
    ['2026-02-30T09:30:00Z', '"2026-02-30T09:30:00Z"'],
    ['2026-13-01', '"2026-13-01"'],
    ['2026-03-01T25:00:00Z', '"2026-03-01T25:00:00Z"'],
    ['2026-03-01T09:30:00.Z', '"2026-03-01T09:30:00.Z"'],
    ['2026-03-01T09:30:00+25:00', '"2026-03-01T09:30:00+25:00"'],
    ['1700000000.5', '"1700000000.5"'],
    ['Sun, 01 Mar 2026 09:30:00 GMT', '"Sun, 01 Mar 2026 09:30:00 GMT"'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [new Date(Number.NaN), 'an object'],
    [[], 'a list of 0'],
    [1n, '1'],
    [true, 'true'],
  ])('%o is refused when its task is inserted', (endedAt, got) => {
    const instance = { id: 7, processModelId: MODEL, tasks: tasksWith(endedAt) };
    const message = `instance 7: tasks[1].endedAt: expected null, milliseconds, a Date or an ISO 8601 text such as '2026-03-01T09:30:00.123456Z', got ${got}`;
    const refused = new InvalidInputError(message);
    expect(() => createMemoryRepository({ instances: [instance] })).toThrow(refused);

    const repository = createMemoryRepository();
    expect(() => repository.insertInstance(instance)).toThrow(refused);
    repository.insertInstance({ ...instance, tasks: [] });
    expect(() => repository.updateInstance(7, { tasks: instance.tasks })).toThrow(refused);
  });

  test('leaves the instance as it was', async () => {
    const data = { which: 'old' };
    const repository = createMemoryRepository({
      instances: [{ id: 1, processModelId: MODEL, tasks: [{ state: 'COMPLETED', endedAt: 1, data }] }],
    });
    expect(() => repository.updateInstance(1, { tasks: tasksWith('yesterday') })).toThrow(InvalidInputError);
    await runBackfill({ repository, processModelId: MODEL, paths: PATHS });
    expect(repository.metadata(1)).toEqual(data);
  });
});

test.each<[given: unknown, message: string]>([
  [[{ id: 1 }], 'createMemoryRepository options: expected an object such as { instances }, got a list of 1'],
  [
    { instances: {} },
    'createMemoryRepository options:\n- instances: expected a list of instances, got an object',
  ],
  [
    { instances: [{ id: 1 }] },
    'an instance: expected { id, processModelId, tasks } with a string or a number, a text and a list, got { id: 1, processModelId: nothing, tasks: nothing }',
  ],
  [
    { instances: [{ id: 2 ** 53 + 2, processModelId: MODEL, tasks: [] }] },
    'an instance: its id 9007199254740994 is beyond ±9007199254740991, so that its last digits may be lost. Pass it as a text',
  ],
  [
    { instances: [{ id: 1, processModelId: MODEL, tasks: [{ state: 'COMPLETED', json: {} }] }] },
    'instance 1: tasks[0].json: expected a text, got an object. Pass parsed task data as data',
  ],
])('the options %j are refused', (given, message) => {
  expect(() => createMemoryRepository(given as object)).toThrow(new InvalidInputError(message));
});
