import { createHash } from 'node:crypto';
import type { BackfillRepository, Cursor } from 'process-metadata-backfill';
import {
  type ConformanceCase,
  type FixtureInstance,
  type FixtureLeftovers,
  type RepositoryFixture,
  repositoryConformance,
} from 'process-metadata-backfill/testing';
import { describe, expect, test, vi } from 'vitest';
import { ruleRepository } from './broken/rule-repository.js';
import { type Rules, SOUND } from './broken/rules.js';
import { failuresOf, named } from './fixtures/failures-of.js';
import { memoryFixture } from './fixtures/memory-fixture.js';

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const uuidOf = (name: string) =>
  createHash('sha256')
    .update(name)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');

/** The cases of a sound repository whose fixture has these members, too, and looks at each instance that it inserts. */
function casesWith(
  members: Partial<RepositoryFixture<object>>,
  look: (instance: FixtureInstance) => void,
): readonly ConformanceCase[] {
  return repositoryConformance(() => {
    const fixture = ruleRepository(SOUND);
    return {
      ...fixture,
      ...members,
      async insertInstances(instances) {
        for (const instance of instances) look(instance);
        return fixture.insertInstances(instances);
      },
    };
  });
}

describe('the cases fit a host', () => {
  test('whose ids of models are UUIDs', async () => {
    const cases = casesWith({ processModelId: uuidOf }, ({ processModelId }) => {
      if (!UUID.test(processModelId)) throw new Error(`this is no UUID: ${processModelId}`);
    });

    const failures = await failuresOf(cases);

    const skipped = ['processModelId: accepts', ...['processModelId: d', 'processModelId: t', 'findRuns: d']];
    expect([...failures.keys()]).toEqual(named(skipped, cases));
    expect([...new Set(failures.values())].join('\n')).toMatch(/^(not offered: model ids .*\n?)+$/);
  });

  test('whose ids of models have up to 36 characters, and then looks at unusual ones as well', async () => {
    const inserted = new Set<string>();
    const processModelId = (name: string) => (name.length <= 36 ? name : uuidOf(name));
    const cases = casesWith({ processModelId }, (instance) => inserted.add(instance.processModelId));

    expect(await failuresOf(cases)).toEqual(new Map());
    expect([...inserted].filter((id) => id.length > 36)).toEqual([]);
    expect([...inserted].filter((id) => id.startsWith('__proto__'))).toHaveLength(1);
  });

  test('with one document per instance', async () => {
    const cases = casesWith({ oneDocument: true }, ({ tasks }) => {
      if (tasks.length > 1 || tasks.some(({ state }) => state !== 'COMPLETED'))
        throw new Error('an instance has one document');
    });

    const failures = await failuresOf(cases);

    const skipped = [
      'readInstances: shows the data',
      'readInstances: uses a',
      'readInstances: of tasks',
      'readInstances: uses only',
    ];
    expect([...failures.keys()]).toEqual(named(skipped, cases));
    expect([...failures.values()][0]).toBe(
      'not offered: several tasks (an instance has one document, whatever its tasks)',
    );
  });

  test('that only marks deleted instances', async () => {
    const fixtureOf = (rules: Partial<Rules>) => () =>
      ruleRepository({ ...SOUND, softDeletes: true, ...rules });

    expect(await failuresOf(repositoryConformance(fixtureOf({})))).toEqual(new Map());
    const cases = repositoryConformance(fixtureOf({ isLiving: () => true }));
    const broken = [
      'commit: tells',
      'commit: reports instances',
      'commit: while instances',
      'instance ids: accepts',
      'commit: when it deletes, reports',
    ];
    expect([...(await failuresOf(cases)).keys()]).toEqual(named(broken, cases));
  });

  test('with one connection: the cases that need another say so, and none waits forever', async () => {
    const cases = repositoryConformance(() => withOneConnection(ruleRepository(SOUND)));

    const failures = await failuresOf(cases);

    const unable = cases.filter(
      ({ capability }) =>
        ['settled', 'several connections'].includes(capability ?? '') ||
        / (locked|under way)/.test(capability ?? ''),
    );
    const asking = named(['settled: returns'], cases);
    expect([...failures.keys()]).toEqual(
      unable.map(({ name }) => name).filter((name) => !asking.includes(name)),
    );
    expect(new Set([...failures.values()].map((reason) => reason.replace(/^.*\(/, '')))).toEqual(
      new Set(['nothing is answered while a transaction is open: there is one connection)']),
    );
  });

  test.each([
    ['a text', String],
    ['in a list', (cursor: number) => [1, String(cursor)]],
  ])('whose cursors are digits, %s, unless the library compares them as text', async (_, shownCursor) => {
    const casesOf = (comparing: Pick<BackfillRepository, 'compareCursors'>) =>
      repositoryConformance(() => {
        const fixture = ruleRepository({ ...SOUND, cursorOf: (n) => 10_000 + n, shownCursor });
        const { compareCursors, ...repository } = fixture.repository;
        return { ...fixture, repository: { ...repository, ...comparing } };
      }).filter(({ name }) => !name.startsWith('compareCursors'));
    const last = (cursor: Cursor) => Number([cursor].flat().at(-1));

    expect(await failuresOf(casesOf({ compareCursors: (a, b) => last(a) - last(b) }))).toEqual(new Map());
    const cases = casesOf({});
    expect([...(await failuresOf(cases)).keys()]).toEqual(named(['surveyInstances: finds an'], cases));
  });

  test('that has transactions in which its repository takes no part', async () => {
    const casesOf = (rules: Partial<Rules>) =>
      repositoryConformance(() => {
        const { repository, ...fixture } = ruleRepository({ ...SOUND, ...rules });
        return { ...fixture, repository: { ...repository, transactional: false } };
      }).filter(({ name }) => name.startsWith('settled'));

    expect(await failuresOf(casesOf({}))).toEqual(new Map());
    const cases = casesOf({ settled: (_, given) => ({ mark: given ?? '', settled: true }) });
    expect([...(await failuresOf(cases)).keys()]).toEqual(named(['settled: is false while'], cases));
  });

  test('whose fixture cannot insert several instances at once: the case says that it could not look', async () => {
    const cases = repositoryConformance(() => {
      const { insertTogether, ...fixture } = ruleRepository(SOUND);
      return fixture;
    });

    expect([...(await failuresOf(cases))]).toEqual(
      named(['readInstances: loses none'], cases).map((name) => [
        name,
        'not offered: instances inserted at once (the fixture has no `insertTogether`)',
      ]),
    );
  });

  test('whose fixture cannot wait between statements: the case says that it could not look', async () => {
    const [shown] = repositoryConformance(memoryFixture).filter(({ name }) =>
      name.startsWith('readInstances: shows no'),
    );
    const skip = vi.fn();

    await shown?.run({ skip });

    expect(skip.mock.calls).toEqual([
      [expect.stringContaining('the fixture has no `afterStatements`, and too few saves happened')],
    ]);
  });
});

describe('a case', () => {
  const beginning = (fixture: Partial<RepositoryFixture<object>>, start: string) => {
    const cases = repositoryConformance(() => ({ ...ruleRepository(SOUND), ...fixture }));
    return cases.find(({ name }) => name.startsWith(start));
  };

  test('hands over what it has left, also if it fails', async () => {
    const left: FixtureLeftovers[] = [];
    const clear = async (what: FixtureLeftovers) => {
      left.push(what);
    };

    await beginning({ clear }, 'commit: reports instances')?.run();
    await beginning({ clear, metadata: async () => ({}) }, 'commit: inserts')
      ?.run()
      .catch(() => {});

    expect(left.map(({ instanceIds, runIds }) => [instanceIds.length, runIds.length])).toEqual([
      [3, 1],
      [2, 1],
    ]);
  });

  test('deletes each of its instances once if the fixture cannot clear', async () => {
    const { clear, ...fixture } = ruleRepository(SOUND);
    const deleted: unknown[] = [];
    const cases = repositoryConformance(() => ({
      ...fixture,
      async deleteInstance(id) {
        deleted.push(id);
        await fixture.deleteInstance(id);
      },
    }));

    await cases.find(({ name }) => name.startsWith('commit: reports instances'))?.run();

    expect(deleted).toHaveLength(3);
    expect(new Set(deleted).size).toBe(3);
  });

  test('names the method of the fixture that is to blame', async () => {
    const failing = (fixture: Partial<RepositoryFixture<object>>) =>
      beginning(fixture, 'commit: inserts')?.run();
    const rejecting = () => Promise.reject(new Error('no such table'));

    await expect(failing({ setMetadata: rejecting })).resolves.toBeUndefined();
    await expect(failing({ insertInstances: rejecting })).rejects.toThrow(
      '\n  `insertInstances` of the fixture failed: no such table\n',
    );
    await expect(failing({ insertInstances: async () => [] })).rejects.toThrow(
      '\n  `insertInstances` of the fixture failed: it returned 0 ids for 1 instances\n',
    );
    await expect(failing({ clear: rejecting })).rejects.toThrow(
      '\n  `clear` of the fixture failed: no such table\n  To fix it: correct the fixture. The promise is not broken.',
    );
    await expect(failing({ close: rejecting })).rejects.toThrow(
      '\n  `close` of the fixture failed: no such table\n  To fix it: correct the fixture. The promise is not broken.',
    );
    await expect(failing({ close: rejecting, metadata: async () => ({}) })).rejects.toThrow(
      "expected { city: 'Oslo', town: 'Hamar' }, got {}",
    );
  });
});

/** While a transaction of the host is open, nobody else gets the connection. */
function withOneConnection(fixture: RepositoryFixture<object>): RepositoryFixture<object> {
  const { repository, transaction } = fixture;
  let free: Promise<unknown> = Promise.resolve();
  const waiting = <Method extends (...values: never[]) => Promise<unknown>>(method: Method) =>
    (async (...values) => {
      const joins = values.some((value) => Object(value).transaction !== undefined);
      if (!joins) await free;
      return method(...values);
    }) as Method;
  const waitingRepository: BackfillRepository<object> = {
    ...repository,
    surveyInstances: waiting(repository.surveyInstances),
    readInstances: waiting(repository.readInstances),
    commit: waiting(repository.commit),
    loadRun: waiting(repository.loadRun),
    findRuns: waiting(repository.findRuns),
  };
  return {
    ...fixture,
    repository: waitingRepository,
    transaction(work) {
      const result = transaction?.(work) as ReturnType<typeof work>;
      free = result.catch(() => {});
      return result;
    },
  };
}
