import { expect, test } from 'vitest';
import {
  type BackfillRepository,
  type InstanceSnapshot,
  type PageQuery,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const running = (count: number) => invoices(count).map((instance) => ({ ...instance, running: true }));

function save(memory: MemoryRepository, id: number, number = `new ${id}`): void {
  memory.updateInstance(id, {
    tasks: [{ state: 'COMPLETED', endedAt: 2, data: { invoice: { number } } }],
  });
}

/** Calls `live` before each commit of instances, and notes what is asked for and what is behind then. */
function busy(memory: MemoryRepository, live: (ids: readonly number[], commit: number) => void) {
  const calls: string[] = [];
  const committed: (readonly unknown[])[] = [];
  const behind: number[] = [];
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'readInstances') {
      const { instanceIds } = argument as PageQuery;
      calls.push(instanceIds === null ? 'page' : `again ${instanceIds}`);
    }
    const { instances = [] } = method === 'commit' ? (argument as RepositoryCommit) : {};
    if (instances.length > 0) {
      const ids = instances.map(({ id }) => Number(id));
      committed.push(ids);
      calls.push(`commit ${ids}`);
      live(ids, committed.length);
    }
    const answer = await proceed();
    if (method === 'commit') {
      const records = await memory.loadRun(
        (argument as { expected: { id: string }[] }).expected[0]?.id.split('_')[0] ?? '',
      );
      for (const { content } of records) behind.push((content as { behind?: unknown[] }).behind?.length ?? 0);
    }
    return answer;
  });
  return { repository, calls, committed, behind };
}

const backfill = (repository: BackfillRepository, rest: object = {}) =>
  runBackfill({
    repository,
    processModelId: MODEL,
    paths: PATHS,
    runtime: testRuntime(),
    logger: { info() {}, warn() {}, error() {} },
    ...rest,
  });

test('ten running instances that are saved once after their page was read all get their new values', async () => {
  const memory = createMemoryRepository({ instances: running(10) });
  const { repository } = busy(memory, (ids, commit) => {
    if (commit === 1) for (const id of ids) save(memory, id);
  });

  const report = await backfill(repository);

  expect(report).toMatchObject({ state: 'completed', total: 10, processed: 10, updated: 10, failed: 0 });
  expect(report.keys.invoice_number).toMatchObject({ written: 10, kept: 0 });
  for (let id = 1; id <= 10; id += 1) expect(memory.metadata(id)).toEqual({ invoice_number: `new ${id}` });
});

test('an instance that was left behind is read again right before the next commit, and written with it', async () => {
  const memory = createMemoryRepository({ instances: running(6) });
  const { repository, calls } = busy(memory, (_, commit) => {
    if (commit === 1) save(memory, 1);
  });

  const report = await backfill(repository, { batchSize: 2 });

  const commits = calls.filter((call) => call.startsWith('commit'));
  expect(commits).toEqual(['commit 1,2', 'commit 1,3,4', 'commit 5,6']);
  expect(calls[calls.indexOf('commit 1,3,4') - 1]).toBe('again 1');
  expect(report).toMatchObject({ state: 'completed', processed: 6, updated: 6 });
});

test('an instance that is saved all the time fails after five reads of its own, with longer pauses before the last ones', async () => {
  const memory = createMemoryRepository({ instances: running(3) });
  const { repository, calls } = busy(memory, (ids, commit) => {
    if (ids.includes(2)) save(memory, 2, `new ${commit}`);
  });
  const runtime = testRuntime();

  const report = await backfill(repository, { runtime });

  expect(calls.filter((call) => call === 'again 2')).toHaveLength(5);
  expect(report).toMatchObject({ state: 'completed_with_failures', total: 3, processed: 2, failed: 1 });
  expect(report.failures).toMatchObject([{ instanceId: 2, key: null, code: 'INSTANCE_BUSY' }]);
  expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 0, failed: 1 });
  expect(memory.metadata(2)).toEqual({});
  expect(runtime.slept).toHaveLength(4);
  expect(runtime.slept).toEqual([...runtime.slept].sort((a, b) => a - b));
});

test('a version that never compares equal makes failures that say what to check, and no shard leaves more than 100 behind', async () => {
  const memory = createMemoryRepository({ instances: running(250) });
  const { repository, behind } = busy(memory, () => {});
  const withMicroseconds = intercept(repository, async ({ method, proceed }) => {
    const answer = await proceed();
    if (method !== 'readInstances') return answer;
    return (answer as InstanceSnapshot[]).map((one) => ({ ...one, version: `${one.version}.000` }));
  });

  const report = await backfill(withMicroseconds, { batchSize: 200 });

  expect(report).toMatchObject({ state: 'completed_with_failures', total: 250, processed: 0, failed: 250 });
  expect(report.failures).toHaveLength(20);
  for (const { code, reason } of report.failures) {
    expect(code).toBe('INSTANCE_BUSY');
    expect(reason).toMatch(/build its version differently: use the same expression, with all digits/);
  }
  expect(Math.max(...behind)).toBeLessThanOrEqual(100);
});

test('a batch of which more than 100 instances have moved on is halved, and nothing of it is lost', async () => {
  const memory = createMemoryRepository({ instances: running(300) });
  const { repository, committed, behind } = busy(memory, (ids, commit) => {
    if (commit === 2) for (const id of ids) save(memory, id);
  });

  const report = await backfill(repository, { batchSize: 160 });

  const sizes = committed.map((ids) => ids.length);
  expect(sizes.slice(0, 3)).toEqual([91, 160, 80]);
  expect(Math.max(...behind)).toBeLessThanOrEqual(100);
  expect(report).toMatchObject({ state: 'completed', processed: 300, updated: 300, failed: 0 });
  for (let id = 92; id <= 251; id += 1) expect(memory.metadata(id)).toEqual({ invoice_number: `new ${id}` });
});

test('an instance that needs no value is not compared, however often it is saved', async () => {
  const memory = createMemoryRepository({ instances: running(2) });
  memory.setMetadata(1, 'invoice_number', 'there before');
  const { repository, committed } = busy(memory, () => save(memory, 1));

  const report = await backfill(repository);

  expect(committed).toEqual([[1, 2]]);
  expect(report).toMatchObject({ state: 'completed', processed: 2, updated: 1 });
  expect(report.keys.invoice_number).toMatchObject({ written: 1, kept: 1 });
});

test('an instance that its live writer fills while it is behind is kept, and those that are deleted are gone', async () => {
  const memory = createMemoryRepository({ instances: running(4) });
  const { repository } = busy(memory, (_, commit) => {
    if (commit === 2) memory.deleteInstance(2);
    if (commit > 1) return;
    for (const id of [1, 2, 3]) save(memory, id);
    memory.setMetadata(1, 'invoice_number', 'live');
  });
  const deleting = intercept(repository, async ({ method, argument, proceed }) => {
    const isAgain = method === 'readInstances' && (argument as PageQuery).instanceIds !== null;
    if (isAgain) memory.deleteInstance(3);
    return proceed();
  });

  const report = await backfill(deleting);

  expect(report).toMatchObject({ state: 'completed', total: 4, processed: 2, updated: 1, gone: 2 });
  expect(report.keys.invoice_number).toMatchObject({ written: 1, kept: 1 });
  expect(memory.metadata(1)).toEqual({ invoice_number: 'live' });
});

test('an instance that a lagging replica does not show is not taken for gone, and is read again', async () => {
  const memory = createMemoryRepository({ instances: running(2) });
  const { repository } = busy(memory, (_, commit) => {
    if (commit === 1) save(memory, 1);
  });
  let rereads = 0;
  const lagging = intercept(repository, async ({ method, argument, proceed }) => {
    const isAgain = method === 'readInstances' && (argument as PageQuery).instanceIds !== null;
    if (isAgain) rereads += 1;
    return isAgain && rereads <= 2 ? [] : proceed();
  });

  const report = await backfill(lagging);

  expect(rereads).toBe(3);
  expect(report).toMatchObject({ state: 'completed', processed: 2, updated: 2, gone: 0 });
});

test('an instance that is never found by its id fails with a reason that says so', async () => {
  const memory = createMemoryRepository({ instances: running(2) });
  const { repository } = busy(memory, (_, commit) => {
    if (commit === 1) save(memory, 1);
  });
  const blind = intercept(repository, async ({ method, argument, proceed }) =>
    method === 'readInstances' && (argument as PageQuery).instanceIds !== null ? [] : proceed(),
  );

  const report = await backfill(blind);

  expect(report).toMatchObject({ state: 'completed_with_failures', processed: 1, failed: 1, gone: 0 });
  expect(report.failures).toMatchObject([{ instanceId: 1, code: 'INSTANCE_BUSY' }]);
  expect(report.failures[0]?.reason).toContain('commit finds it, but the last of 5 rereads did not');
  expect(report.keys.invoice_number).toMatchObject({ written: 1, failed: 1 });
});

test.each<[code: string, tries: number]>([
  ['22001', 2],
  ...[2, 3, 4].map((tries): [string, number] => ['P0001', tries]),
  ...[2, 3, 4, 5].map((tries): [string, number] => ['40P01', tries]),
  ...[2, 3, 4, 5].map((tries): [string, number] => ['42501', tries]),
])(
  'an instance that is saved while its refusal with %s is looked into, at try %i, is blamed for nothing',
  async (code, tries) => {
    const memory = createMemoryRepository({ instances: running(5) });
    let alone = 0;
    const refusing = intercept(memory, async ({ method, argument, proceed }) => {
      const writes = method === 'commit' ? (argument as RepositoryCommit).instances : [];
      const isRefused = writes.some(({ values }) => values.some(({ value }) => value === 'INV-3'));
      if (!isRefused) return proceed();
      if (writes.length === 1) alone += 1;
      if (alone < tries) throw databaseError(code);
      save(memory, 3); // a save comes first: then nothing of the instance is written
      return proceed();
    });

    const report = await backfill(refusing);

    expect(report).toMatchObject({ state: 'completed', processed: 5, updated: 5, failed: 0 });
    expect(memory.metadata(3)).toEqual({ invoice_number: 'new 3' });
  },
);

test('instances that were left behind do not end with the job: the next job reads them again', async () => {
  const memory = createMemoryRepository({ instances: running(4) });
  const { repository, committed } = busy(memory, (_, commit) => {
    if (commit === 1) save(memory, 2);
  });
  const controller = new AbortController();
  const stopping = intercept(repository, async ({ method, proceed }) => {
    const answer = await proceed();
    if (method === 'commit' && committed.length === 1) controller.abort(new Error('shutdown'));
    return answer;
  });
  await expect(backfill(stopping, { batchSize: 4, signal: controller.signal })).rejects.toThrow('shutdown');
  const [run] = await memory.findRuns({
    processModelId: MODEL,
    activeKey: null,
    active: true,
    before: null,
    limit: 1,
  });

  const report = await runBackfill({ repository, runId: run?.runId ?? '', runtime: testRuntime() });

  expect(committed).toEqual([[1, 2, 3, 4], [2]]);
  expect(report).toMatchObject({ state: 'completed', total: 4, processed: 4, updated: 4 });
});

test('a commit that lands late, after its batch was split, is not taken for the half that was tried then', async () => {
  const memory = createMemoryRepository({ instances: running(2) });
  const { repository } = busy(memory, (_, commit) => {
    if (commit === 1) for (const id of [1, 2]) save(memory, id);
  });
  let batches = 0;
  let late: (() => Promise<unknown>) | null = null;
  const landingLate = intercept(repository, async ({ method, argument, proceed }) => {
    if (method !== 'commit' || (argument as RepositoryCommit).instances.length === 0) return proceed();
    batches += 1;
    if (batches === 2) {
      late = proceed;
      throw databaseError('57014', 'timed out, as far as its caller knows');
    }
    await late?.();
    late = null;
    return proceed();
  });

  const report = await backfill(landingLate);

  expect(report).toMatchObject({ state: 'completed', total: 2, processed: 2, updated: 2, failed: 0 });
});
