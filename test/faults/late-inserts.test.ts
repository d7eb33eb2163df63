import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import {
  type BackfillJob,
  type BackfillRepository,
  createBackfillService,
  runBackfill,
} from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { dropDatabase } from '../support/own-database.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { type FaultHost, openFaultHost, openPool } from './support/fault-host.js';

const COUNT = 40;
const PATHS = [{ key: 'city', path: 'city' }] as const;
const what = { processModelId: MODEL, paths: PATHS };

/** A database of its own, because transactions of the whole database count. */
async function openDatabase(url: string): Promise<{ host: FaultHost; close(): Promise<void> }> {
  const name = `late_${Math.random().toString(36).slice(2, 12)}`;
  const admin = new pg.Pool({ connectionString: url, max: 1 });
  await admin.query(`create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const host = await openFaultHost(own.href);
  return {
    host,
    async close() {
      // After a test that failed, a transaction may still be open.
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = '${name}' and state like 'idle in transaction%'`);
      await host.close();
      await admin.end();
      await dropDatabase(url, name);
    },
  };
}

const INSERT = `
  with instance as (
    insert into process_instance (process_model_identifier, status)
    select '${MODEL}', 'complete' from generate_series(1, $1) returning id),
  task as (
    insert into task (guid, process_instance_id, state, json_data_hash, end_in_seconds)
    select 'task ' || id, id, 'COMPLETED', 'hash', 1 from instance)
  select id from instance`;

describeWith(['PostgreSQL'], 'an instance whose insert is open while a run begins', ({ PostgreSQL: url }) => {
  let host: FaultHost;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ host, close } = await openDatabase(url));
    await host.query(`insert into json_data values ('hash', '{"city": "Oslo"}')`);
    await host.query(INSERT, [COUNT / 2]);
  });
  afterEach(() => close());

  /** Inserts one instance, and after it others, which are committed at once. So the late one lies below the bound. */
  async function insertLate(settings = '') {
    const client = await host.connect({ settings, max: 1 }).connect();
    await client.query('begin');
    const { rows } = await client.query(INSERT, [1]);
    await host.query(INSERT, [COUNT / 2 - 1]);
    let isOpen = true;
    return {
      id: Number(rows[0].id),
      get isOpen() {
        return isOpen;
      },
      async commit() {
        if (!isOpen) return;
        isOpen = false;
        await client.query('commit');
        client.release();
      },
    };
  }

  const filled = async (): Promise<number[]> =>
    (
      await host.query<{ id: number }>(
        `select process_instance_id as id from process_instance_metadata where value = 'Oslo'`,
      )
    ).map(({ id }) => id);

  /** Counts the surveys, and shows when a run asks for what is open. */
  function watched(onAsk: (surveys: number) => unknown) {
    const counted = { surveys: 0 };
    const repository: BackfillRepository = {
      ...intercept(host.repository, async ({ method, proceed }) => {
        if (method === 'surveyInstances') counted.surveys += 1;
        return proceed();
      }),
      async settled(mark) {
        await onAsk(counted.surveys);
        return (await host.repository.settled?.(mark)) ?? { mark: '', settled: true };
      },
    };
    return { repository, counted };
  }

  test('is filled when it commits after three seconds', async () => {
    const late = await insertLate();
    let committed: Promise<void> | null = null;
    const { repository, counted } = watched(() => {
      committed ??= setTimeout(3_000).then(() => late.commit());
    });

    const report = await runBackfill({ repository, ...what });
    await committed;

    expect(report).toMatchObject({ state: 'completed', total: COUNT, processed: COUNT, updated: COUNT });
    expect(await filled()).toContain(late.id);
    expect(counted.surveys).toBe(1);
  });

  test('is filled by the second walk when it is open for longer than settleMs', async () => {
    const late = await insertLate();
    const { repository, counted } = watched((surveys) => (surveys === 1 ? late.commit() : null));

    const report = await runBackfill({ repository, ...what, settleMs: 300 });

    expect(report).toMatchObject({ state: 'completed', total: COUNT, processed: COUNT, updated: COUNT });
    expect(report.keys).toMatchObject({ city: { written: COUNT, kept: 0 } });
    expect(report.warnings).toEqual([]);
    expect(await filled()).toContain(late.id);
    expect(counted.surveys).toBe(2);
  });

  test('does not keep a run from its end, however often an equal request joins', async () => {
    const jobs: BackfillJob[] = [];
    const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
    const covered: boolean[] = [];
    const ask = async () => {
      const result = await service.request(what);
      if (result.status === 'triggered') covered.push(result.covered);
      return result.status === 'triggered' ? result.runId : '';
    };
    const repository = intercept(host.repository, async ({ method, argument, proceed }) => {
      const { instances = [] } = argument as { instances?: readonly unknown[] };
      if (method === 'commit' && instances.length > 0) await ask();
      return proceed();
    });
    const service = createBackfillService({ repository: host.repository, queue, batchSize: 5 });
    const worker = createBackfillService({ repository, queue, batchSize: 5 });
    const runId = await ask();
    let late = await insertLate();

    for (let next = 0; next < jobs.length; next += 1) {
      await late.commit();
      await worker.handle(jobs[next]?.payload);
      late = await insertLate();
    }
    await late.commit();

    expect(await service.status(runId)).toMatchObject({
      state: 'completed',
      total: 2 * COUNT,
      updated: 2 * COUNT,
    });
    expect(new Set(covered)).toEqual(new Set([true, false]));
    expect(covered.indexOf(false)).toBeGreaterThan(covered.lastIndexOf(true));
    expect(await ask()).not.toBe(runId);
  });

  test('counts for a user without privileges, too, unless it is a dump or in another database', async () => {
    const role = `${host.name}_user`;
    await host.query(`create role ${role}`);
    const settledNow = async (pool: pg.Pool) =>
      (await createPostgresRepository(pgDatabase(pool)).settled?.(null))?.settled;
    const user = host.connect({ settings: `-c role=${role}`, max: 1 });
    const elsewhere = openPool(url, 'public', { max: 1 });
    try {
      expect(await settledNow(user)).toBe(true);
      const dump = await insertLate('-c application_name=pg_dump');
      expect(await settledNow(user)).toBe(true);
      await dump.commit();
      const late = await insertLate();
      expect(await settledNow(user)).toBe(false);
      await late.commit();
      expect(await settledNow(user)).toBe(true);
      const client = await elsewhere.connect();
      await client.query('begin; select 1');
      expect(await settledNow(user)).toBe(true);
      await client.query('rollback');
      client.release();
    } finally {
      await elsewhere.end();
      await host.query(`drop role ${role}`);
    }
  });
});
