import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import {
  type BackfillRepository,
  createBackfillService,
  isBackfillError,
  type RunStatus,
  runBackfill,
} from '../../src/index.js';
import { createInProcessQueue } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/run/context/system-runtime.js';
import { MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { dropDatabase } from '../support/own-database.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { eventually } from './support/eventually.js';
import { createInstances, type FaultHost, openFaultHost, PATHS, POSTGRES_URL } from './support/fault-host.js';
import { expectTrueOutcome } from './support/true-outcome.js';

const INSTANCES = 60;
const RUN = { processModelId: MODEL, paths: PATHS, batchSize: 10 };

/** The same repository, and the codes of the errors that its commits met. */
function recordingErrors(repository: BackfillRepository<never, number>) {
  const codes: unknown[] = [];
  const recording = intercept(repository, async ({ method, proceed }) =>
    proceed().catch((error: { readonly code?: unknown }) => {
      if (method === 'commit') codes.push(error.code);
      throw error;
    }),
  );
  return { codes, repository: recording };
}

describeWith(['PostgreSQL'], 'an error that PostgreSQL really raises', () => {
  let host: FaultHost;
  let live: Client;
  beforeEach(async () => {
    host = await openFaultHost();
    await createInstances(host, INSTANCES);
  });
  afterEach(async () => {
    await live?.end();
    await host.close();
  });

  /** A live instance's transaction, open. It waits for locks as long as it takes. */
  async function openTransaction(): Promise<Client> {
    live = new Client({
      connectionString: host.url,
      options: `-c search_path=${host.name} -c deadlock_timeout=60s`,
    });
    await live.connect();
    await live.query('begin');
    return live;
  }

  const touch = (id: number) => live.query('update process_instance set status = status where id = $1', [id]);

  /** The backfill's own connections, in which somebody waits for a lock. */
  const isWaiting = async () => {
    const text = `select from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`;
    return (await host.query(text, [host.name])).length > 0;
  };

  const statusOf = (runId: string): Promise<RunStatus> =>
    createBackfillService({ repository: host.repository, queue: createInProcessQueue() }).status(runId);

  test('a deadlock: the batch is committed again', async () => {
    await openTransaction();
    await touch(15);
    const pool = host.connect({ settings: '-c deadlock_timeout=2s' });
    const { codes, repository } = recordingErrors(createPostgresRepository(pgDatabase(pool)));

    const running = runBackfill({ ...RUN, repository });
    await eventually(isWaiting); // it has locked 11 to 14 by now
    const blocked = touch(12);
    await blocked;
    await live.query('commit');
    const { runId } = await running;

    expect(codes).toEqual(['40P01']);
    await expectTrueOutcome(host, await statusOf(runId));
  });

  test('a serialization failure: the batch is committed again', async () => {
    await openTransaction();
    await touch(15);
    const pool = host.connect({ settings: '-c default_transaction_isolation=serializable' });
    const { codes, repository } = recordingErrors(createPostgresRepository(pgDatabase(pool)));

    const running = runBackfill({ ...RUN, repository });
    await eventually(isWaiting);
    await live.query('commit');
    const { runId } = await running;

    expect(codes).toEqual(['40001']);
    await expectTrueOutcome(host, await statusOf(runId));
  });

  test.each([
    ['a row policy', 'insufficient_privilege'],
    ['what it does not support', 'feature_not_supported'],
    ['a value of another type', 'datatype_mismatch'],
  ])('of one instance alone, %s: only that instance fails', async (_, condition) => {
    await host.query(`create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'refused' using errcode = '${condition}'; end $$`);
    await host.query(`create trigger refuse before insert on process_instance_metadata
      for each row when (new.process_instance_id = 25) execute function refuse()`);

    const report = await runBackfill({ ...RUN, repository: host.repository });

    const rejected = report.failures.filter(({ code }) => code === 'WRITE_REJECTED');
    expect(new Set(rejected.map(({ instanceId }) => instanceId))).toEqual(new Set([25]));
    expect(report).toMatchObject({ total: INSTANCES, processed: INSTANCES - report.failed });
    expect(report.failed).toBe(new Set(report.failures.map(({ instanceId }) => instanceId)).size);
  });

  test('a permission that is taken away: no instance fails, and the run goes on once it is back', async () => {
    await host.query(`create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'permission denied for table' using errcode = 'insufficient_privilege'; end $$`);
    await host.query(`create trigger refuse before insert on process_instance_metadata
      for each row when (new.process_instance_id > 20) execute function refuse()`);

    const failure = await runBackfill({ ...RUN, repository: host.repository }).catch(
      (error: unknown) => error,
    );

    if (!isBackfillError(failure, 'PORT_FAILED') || failure.runId === null) throw failure;
    expect(failure).toMatchObject({ retryable: false, cause: { code: '42501' } });
    await host.query('drop trigger refuse on process_instance_metadata');
    await expectTrueOutcome(host, await runBackfill({ runId: failure.runId, repository: host.repository }));
  });

  test('a full disk: the run has failed, and goes on from there when it is resumed', async () => {
    await host.query(`create function full_disk() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$`);
    await host.query(`create trigger full_disk before insert on process_instance_metadata
      for each row when (new.process_instance_id > 30) execute function full_disk()`);
    const errors: unknown[] = [];
    const queue = createInProcessQueue({ onFailure: (error) => errors.push(error) });
    const service = createBackfillService({ repository: host.repository, queue, batchSize: 10 });
    queue.work((payload, { signal }) => service.handle(payload, { signal }));

    const requested = await service.request({ processModelId: MODEL, paths: PATHS });
    if (requested.status !== 'triggered') throw new Error(requested.reason);
    await queue.idle();

    expect(errors).toMatchObject([{ code: 'PORT_FAILED', retryable: false, progress: { visited: 30 } }]);
    expect(await service.status(requested.runId)).toMatchObject({
      state: 'failed',
      processed: 28,
      failed: 2,
      lastError: expect.stringContaining('No space left on device'),
    });

    await host.query('drop trigger full_disk on process_instance_metadata');
    await service.resume(requested.runId);
    await queue.idle();
    await expectTrueOutcome(host, await service.status(requested.runId));
  });
});

describeWith(['PostgreSQL'], 'a database that becomes read-only', () => {
  let server: Client;
  let host: FaultHost;
  const name = `faults_${Math.random().toString(36).slice(2, 12)}`;
  beforeEach(async () => {
    server = new Client(POSTGRES_URL);
    await server.connect();
    await server.query(`create database ${name}`);
    const url = new URL(POSTGRES_URL);
    url.pathname = name;
    host = await openFaultHost(url.href);
    await createInstances(host, INSTANCES);
  });
  afterEach(async () => {
    await host.close();
    await server.end();
    await dropDatabase(POSTGRES_URL, name);
  });

  /** For all connections to come; those there are, are ended. */
  async function setReadOnly(value: 'on' | 'off'): Promise<void> {
    await server.query(`alter database ${name} set default_transaction_read_only = ${value}`);
    await server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
  }

  test('throws, and a sweep goes on with the run when it can be written again', async () => {
    const logger = linesLogger();
    const errors: unknown[] = [];
    const queue = createInProcessQueue({ onFailure: (error) => errors.push(error) });
    const repository = intercept(host.repository, async ({ method, count, proceed }) => {
      if (method === 'commit' && count === 5) await setReadOnly('on'); // the third batch
      return proceed();
    });
    const options = { repository, queue, batchSize: 10, logger };
    const service = createBackfillService(options);
    queue.work((payload, { signal }) => service.handle(payload, { signal }));
    const runtime = { ...systemRuntime, now: () => Date.now() + 3_600_000 };
    const sweep = () => createBackfillService({ ...options, runtime }).sweep({ staleAfterMs: 1000 });

    const requested = await service.request({ processModelId: MODEL, paths: PATHS });
    if (requested.status !== 'triggered') throw new Error(requested.reason);
    await queue.idle();

    const cause = { code: '25006' };
    expect(errors).toMatchObject([{ code: 'PORT_FAILED', retryable: true, cause }]);
    expect(logger.lines.filter((line) => line.includes('for instance'))).toHaveLength(1); // a broken document
    expect(await service.status(requested.runId)).toMatchObject({ state: 'running', failed: 1 });
    await expect(sweep()).rejects.toMatchObject({ code: 'PORT_FAILED', cause });

    await setReadOnly('off');
    expect((await sweep()).enqueued).toHaveLength(1);
    await queue.idle();
    await expectTrueOutcome(host, await service.status(requested.runId));
  });
});
