import { afterEach, beforeEach, expect, test } from 'vitest';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { type RepositoryCommit, runBackfill } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './support/fault-host.js';
import { expectTrueOutcome } from './support/true-outcome.js';

describeWith(['PostgreSQL'], 'a statement_timeout that a large batch exceeds', () => {
  let host: FaultHost;
  beforeEach(async () => {
    host = await openFaultHost();
    await createInstances(host, 400);
    // Each row takes so long that a statement of more than some hundred rows runs into the time-out, on any machine.
    await host.query(`
      create function take_time() returns trigger language plpgsql as
        $$ begin perform pg_sleep(0.002); return new; end $$;
      create trigger take_time before insert on process_instance_metadata
        for each row execute function take_time()`);
  });
  afterEach(() => host.close());

  test.each([
    ['a fixed size', 400],
    ['an adaptive size', { initial: 400 }],
  ])('makes batches smaller until they get through, and blames nobody: %s', async (_, batchSize) => {
    const database = pgDatabase(host.connect({ settings: '-c statement_timeout=600ms' }));
    const sizes: number[] = [];
    const repository = intercept(
      createPostgresRepository(database),
      async ({ method, argument, proceed }) => {
        const result = await proceed();
        const { instances } = argument as RepositoryCommit;
        if (method === 'commit' && instances.length > 0) sizes.push(instances.length);
        return result;
      },
    );

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, batchSize });

    expect(Math.max(...sizes)).toBeLessThan(400);
    expect(report.failures.every(({ code }) => code === 'TASK_DATA_UNREADABLE')).toBe(true);
    await expectTrueOutcome(host, report);
  });

  test('that one instance alone exceeds fails that instance, and no other', async () => {
    await host.query(`
      create function take_a_minute() returns trigger language plpgsql as
        $$ begin perform pg_sleep(60); return new; end $$;
      create trigger take_a_minute before insert on process_instance_metadata
        for each row when (new.process_instance_id = 25) execute function take_a_minute()`);
    const database = pgDatabase(host.connect({ settings: '-c statement_timeout=1s' }));
    const repository = createPostgresRepository(database);
    const instanceIds = Array.from({ length: 30 }, (_, index) => index + 1);

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      instanceIds,
      retry: { initialDelayMs: 1 },
    });

    const rejected = report.failures.filter(({ code }) => code === 'WRITE_REJECTED');
    expect(rejected).toMatchObject([{ instanceId: 25, key: null }]);
    expect(report).toMatchObject({ total: 30, processed: 30 - report.failed });
    expect(
      report.failures.every(({ code, instanceId }) => code === 'TASK_DATA_UNREADABLE' || instanceId === 25),
    ).toBe(true);
  });
});
