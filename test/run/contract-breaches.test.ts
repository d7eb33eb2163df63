import { describe, expect, test } from 'vitest';
import type { InstanceSnapshot, RepositoryCommit, RunRecord } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { withFaults } from '../../src/testing/index.js';
import { invoices } from '../support/instances.js';
import { type Around, intercept } from '../support/intercept.js';
import { atBatch, backfill, type CommitArgument } from './support/backfill.js';

describe('a repository that breaks its contract', () => {
  /** How often commits of the given kind are called before the run gives up. */
  async function commitsOf(answer: (call: Parameters<Around>[0]) => unknown, count = 5): Promise<number> {
    let commits = 0;
    const repository = intercept(createMemoryRepository({ instances: invoices(count) }), async (call) => {
      const isBatch = call.method === 'commit' && (call.argument as CommitArgument).instances.length > 0;
      if (!isBatch) return call.proceed();
      commits += 1;
      return answer(call);
    });
    await expect(backfill(repository)).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      retryable: false,
    });
    return commits;
  }

  test.each<[string, unknown]>([
    ['a status that there is not', { status: 'ok' }],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'committed'],
    ['committed without a call of next', { status: 'committed' }],
  ])('by answering a commit with %s ends the run at once', async (_, answer) => {
    expect(await commitsOf(() => answer)).toBe(1);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no lists', {}],
    ['ids instead of values', { gone: [], kept: [1], moved: [] }],
    ['nothing of moved instances', { gone: [], kept: [] }],
  ])('by calling next with %s ends the run at once', async (_, outcome) => {
    const call = ({ argument }: Parameters<Around>[0]) => {
      (argument as { next(told: unknown): unknown }).next(outcome);
      return { status: 'committed' };
    };

    expect(await commitsOf(async (around) => call(around))).toBe(1);
  });

  test('by naming an instance without a version as moved ends the run at once', async () => {
    const memory = createMemoryRepository({ instances: invoices(5) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method === 'commit' && (argument as CommitArgument).instances.length > 0)
        (argument as unknown as { next(told: unknown): unknown }).next({ gone: [], kept: [], moved: [1] });
      const answer = await proceed();
      if (method !== 'readInstances') return answer;
      return (answer as InstanceSnapshot[]).map(({ version: _, ...rest }) => rest);
    });

    await expect(backfill(repository)).rejects.toThrow(
      /instance 1 has moved, but it was given without a version/,
    );
  });

  test.each(['ok', 'not-exhausted'])(
    'by answering a commit of records alone with %s ends the call',
    async (status) => {
      const repository = intercept(
        createMemoryRepository({ instances: invoices(5) }),
        async ({ method, proceed }) => (method === 'commit' ? { status } : proceed()),
      );

      await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
    },
  );

  test.each([
    [1, 1],
    [2, 1],
    [2, 2],
    [4, 3],
  ])(
    'that loses its last commits in a crash, %i after %i, is gone on with from what is stored',
    async (lost, kept) => {
      const memory = createMemoryRepository({ instances: invoices(100) });
      const repository = intercept(
        memory,
        atBatch(async ({ argument, proceed }, batch) => {
          if (batch <= kept || batch > kept + lost) return proceed();
          (argument as { next(told: unknown): unknown }).next({ gone: [], kept: [], moved: [] });
          return { status: 'committed' }; // and the database forgets it
        }),
      );

      const report = await backfill(repository, { batchSize: 10 });

      expect(report).toMatchObject({ state: 'completed', total: 100, processed: 100, updated: 100 });
      for (let id = 1; id <= 100; id += 1)
        expect(memory.metadata(id)).toEqual({ invoice_number: `INV-${id}` });
    },
  );

  test('by storing nothing of what it calls committed ends the run', async () => {
    let commits = 0;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(30) }),
      atBatch(async ({ argument }) => {
        commits += 1;
        (argument as { next(told: unknown): unknown }).next({ gone: [], kept: [], moved: [] });
        return { status: 'committed' };
      }),
    );

    await expect(backfill(repository, { batchSize: 10 })).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
    });
    expect(commits).toBeLessThan(20);
  });

  test('by leaving upTo of a survey out is told what to answer', async () => {
    const repository = intercept(createMemoryRepository(), async ({ method, proceed }) =>
      method === 'surveyInstances' ? { total: 0 } : proceed(),
    );

    await expect(backfill(repository)).rejects.toThrow('upTo: expected a cursor or null, got undefined');
  });

  test('by answering conflict for ever, under ever new revisions, ends the run', async () => {
    let loads = 0;
    let commits = 0;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      async ({ method, argument, proceed }) => {
        if (method === 'commit' && (argument as CommitArgument).instances.length > 0) {
          commits += 1;
          return { status: 'conflict' };
        }
        const answer = await proceed();
        if (method !== 'loadRun') return answer;
        loads += 1;
        return (answer as { id: string; runId: string; revision: string }[]).map((record) =>
          record.id === record.runId ? record : { ...record, revision: `${record.revision}${loads}` },
        );
      },
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
    expect(commits).toBeLessThan(300);
  });

  test.each<[string, (records: readonly RunRecord[]) => unknown]>([
    ['null', () => null],
    ['an object', ([record]) => record],
    ['a null among them', (records) => [...records, null]],
    ['another run', (records) => records.map((record) => ({ ...record, runId: 'other' }))],
    ['a record twice', (records) => [...records, ...records]],
    ['a revision as a number', (records) => records.map((record) => ({ ...record, revision: 1 }))],
    ['no activeKey', (records) => records.map(({ activeKey: _, ...record }) => record)],
  ])('by loading a run as %s ends the call', async (_, change) => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      async ({ method, proceed }) => {
        const answer = await proceed();
        return method === 'loadRun' ? change(answer as RunRecord[]) : answer;
      },
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
  });

  test.each<[string, (argument: CommitArgument & { next(told: unknown): unknown }) => unknown]>([
    ['moved', ({ next }) => next({ gone: [], kept: [], moved: ['3'] })],
    ['gone', ({ next }) => next({ gone: ['3'], kept: [], moved: [] })],
    ['kept', ({ next }) => next({ gone: [], kept: [{ id: '3', key: 'invoice_number' }], moved: [] })],
    ['not-exhausted', () => ({ status: 'not-exhausted' })],
  ])('by calling %s what was not asked about ends the run', async (_, answer) => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      atBatch(async ({ argument }) => answer(argument as never)),
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
  });

  type Page = readonly InstanceSnapshot[];
  /** The page of the second batch of ten. That of the first batch was read in two parts. */
  const broken = (change: (page: Page) => unknown) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = intercept(memory, async ({ method, count, proceed }) => {
      const answer = await proceed();
      return method === 'readInstances' && count === 3 ? change(answer as Page) : answer;
    });
    return { memory, repository };
  };
  const snapshot: InstanceSnapshot = { id: 11, cursor: 11, data: { form: 'none' }, stored: new Map() };

  test.each<[string, (page: Page) => unknown, RegExp]>([
    ['an unordered page', (page) => [...page].reverse(), /expected ascending cursors, got 19 after 20/],
    [
      'a repeated instance',
      (page) => [...page.slice(0, 5), ...page.slice(4, 9)],
      /expected ascending cursors, got 15 after 15/,
    ],
    [
      'one id under two cursors',
      (page) => page.map((row, index) => (index === 3 ? { ...row, id: 11 } : row)),
      /instance 11 is there twice/,
    ],
    [
      'a page that goes back',
      () => [{ ...snapshot, cursor: 3 }],
      /expected ascending cursors, got 3 after 10/,
    ],
    ['a page beyond the bound', () => [{ ...snapshot, cursor: 31 }], /expected cursors up to 30, got 31/],
    [
      'more than was asked for',
      (page) => [
        ...page,
        ...page.map((row) => ({ ...row, id: Number(row.id) + 10, cursor: Number(row.cursor) + 10 })),
      ],
      /expected at most 10 instances, got 20/,
    ],
    [
      'filled instances that are none',
      () => [{ cursor: 12, filled: 0 }],
      /filled: expected a whole number from 1/,
    ],
    ['an instance that is called filled', () => [{ ...snapshot, filled: 1 }], /got both in one/],
    [
      'cursors that are integers as text',
      () => [
        { ...snapshot, cursor: '19' },
        { ...snapshot, id: 'x', cursor: '109' },
      ],
      /compared as text/,
    ],
    ['something that is no page', () => null, /expected an array/],
    ['something that is no instance', () => [null], /instance \[0\]: expected an InstanceSnapshot/],
    ['no id', () => [{ ...snapshot, id: undefined }], /id: expected a string or a number/],
    ['an id that is no number', () => [{ ...snapshot, id: Number.NaN, cursor: 12 }], /id: .*got NaN/],
    ['no cursor', () => [{ ...snapshot, cursor: undefined }], /cursor: expected/],
    [
      'an id that the driver has rounded',
      () => [{ ...snapshot, id: 2 ** 53 + 2, cursor: 12 }],
      /id: expected no number beyond ±9007199254740991, .*return text.*, got 9007199254740994/,
    ],
    [
      'a cursor that the driver has rounded',
      () => [{ ...snapshot, cursor: ['b', -(2 ** 53)] }],
      /cursor: expected no number beyond ±9007199254740991, .*, got \["b",-9007199254740992\]/,
    ],
    [
      'no data',
      () => [{ ...snapshot, cursor: 12, data: undefined }],
      /data: expected a TaskData with one of the forms none, parsed, json, values, unreadable, got/,
    ],
    [
      'JSON that the driver has parsed',
      () => [{ ...snapshot, cursor: 12, data: { form: 'json', text: {} } }],
      /data\.text: expected a string, got object \(a document that the driver has parsed is { form: 'parsed', value }\)/,
    ],
    ['rows that are no Map', () => [{ ...snapshot, cursor: 12, stored: {} }], /stored: expected a Map/],
  ])('%s: nothing of it is committed', async (_, change, message) => {
    const { memory, repository } = broken(change);

    const error = await backfill(repository, { batchSize: 10 }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      retryable: false,
      progress: { visited: 10, total: 30 },
    });
    expect(error).toHaveProperty('message', expect.stringMatching(message));
    expect(memory.metadata(10)).toEqual({ invoice_number: 'INV-10' });
    expect(memory.metadata(11)).toEqual({});
  });

  test('an empty page is believed only when the finishing commit finds nothing either', async () => {
    const { repository } = broken(() => []);

    const report = await backfill(repository, { batchSize: 10 });

    expect(report).toMatchObject({ state: 'completed', processed: 30, gone: 0 });
  });

  test('a page that stays empty ends the run with a clear error', async () => {
    const repository = withFaults(createMemoryRepository({ instances: invoices(3) }), [
      { on: 'readInstances', fault: 'empty-page' },
    ]);

    await expect(backfill(repository)).rejects.toThrow(/returned an empty page, again and again/);
  });

  test('a conflict that nothing explains ends the run with a clear error', async () => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(3) }),
      atBatch(async () => ({ status: 'conflict' })),
    );

    await expect(backfill(repository)).rejects.toThrow(/loadRun must read from where commits go/);
  });

  test('by storing no end of a shard ends the run with a clear error', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      const { exhausted, next } = argument as RepositoryCommit;
      if (method !== 'commit' || exhausted === undefined) return proceed();
      next({ gone: [], kept: [], moved: [] });
      return { status: 'committed' };
    });

    await expect(backfill(repository)).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      message: expect.stringContaining('loadRun showed a shard as not done'),
    });
  });
});
