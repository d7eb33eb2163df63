import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import PgBoss from 'pg-boss';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPgBossQueue, startPgBossWorker } from '../../examples/4-pg-boss/pg-boss-queue.js';
import { createBullmqQueue, startBullmqWorker } from '../../examples/5-bullmq/bullmq-queue.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { type BackfillService, createBackfillService, type PortError } from '../../src/index.js';
import { createInProcessQueue } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/run/context/system-runtime.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { type CommitFate, cuttingCommits } from './support/cut-commits.js';
import { eventually } from './support/eventually.js';
import {
  createInstances,
  type FaultHost,
  openFaultHost,
  PATHS,
  POSTGRES_URL,
  REDIS_URL,
} from './support/fault-host.js';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js';
import { expectTrueOutcome } from './support/true-outcome.js';

const INSTANCES = 60;
const REQUEST = { processModelId: MODEL, paths: PATHS };
const retry = { attempts: 3, initialDelayMs: 1 };
const SWEEPING = { sweepEveryMs: 200, staleAfterMs: 1000 };

async function endOf(service: Pick<BackfillService, 'status'>, runId: string) {
  return eventually(async () => {
    const status = await service.status(runId);
    return status.endedAt !== null && status;
  });
}

describeWith(['PostgreSQL', 'Redis'], 'a request while a server is down', () => {
  let host: FaultHost;
  let closing: (() => Promise<unknown>)[];
  beforeEach(async () => {
    host = await openFaultHost();
    closing = [() => host.close()];
    await createInstances(host, INSTANCES);
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
  });

  describe('PostgreSQL', () => {
    let proxy: TcpProxy;
    /** What becomes of the next COMMITs. */
    let fates: CommitFate[];
    beforeEach(async () => {
      fates = [];
      proxy = await startTcpProxy(
        POSTGRES_URL,
        cuttingCommits(() => fates.shift() ?? 'passed'),
      );
      closing.push(() => proxy.close());
    });

    const databaseThroughProxy = () => pgDatabase(host.connect({ url: proxy.url }));

    test('is refused with a clear error and leaves nothing, and is accepted when it is made again', async () => {
      const queue = createInProcessQueue();
      const repository = createPostgresRepository(databaseThroughProxy());
      const service = createBackfillService({ repository, queue, retry });
      queue.work((payload, { signal }) => service.handle(payload, { signal }));
      await proxy.goDown();

      const refused: PortError & { readonly runId: string } = await service
        .request(REQUEST)
        .then(String, (error) => error);
      expect(refused).toMatchObject({ name: 'PortError', code: 'PORT_FAILED', retryable: true });
      expect(refused.message).toMatch(/^repository\.loadRun failed: connect ECONNREFUSED/);
      expect(await host.query('select * from metadata_backfill_run')).toEqual([]);

      await proxy.comeBack();
      const accepted = await service.request(REQUEST);
      if (accepted.status !== 'triggered') throw new Error(accepted.reason);
      expect(accepted.created).toBe(true);
      await queue.idle();
      await expectTrueOutcome(host, await service.status(accepted.runId));
    });

    test.each(['before', 'after', 'under-way'] as const)(
      'is stored once when the connection is cut in its COMMIT: %s',
      async (fate) => {
        const queue = createInProcessQueue();
        const repository = createPostgresRepository(databaseThroughProxy());
        const service = createBackfillService({ repository, queue, retry });
        fates = [fate, 'passed', fate, fate];

        const accepted = await service.request(REQUEST);
        if (accepted.status !== 'triggered') throw new Error(accepted.reason);
        expect(accepted.created).toBe(true);
        expect(await service.list()).toHaveLength(1);
        queue.work((payload, { signal }) => service.handle(payload, { signal }));
        await queue.idle();

        await expectTrueOutcome(host, await service.status(accepted.runId));
      },
    );

    test.each(['before', 'after'] as const)(
      'is on pg-boss part of the model update, as a whole or not at all, when that is cut in its COMMIT: %s',
      async (fate) => {
        const boss = new PgBoss({ connectionString: POSTGRES_URL, schema: `${host.name}_jobs`, max: 2 });
        boss.on('error', () => {});
        await boss.start();
        closing.push(() => boss.stop({ graceful: false }));
        await host.query('create table process_model (id text primary key)');
        const database = databaseThroughProxy();
        const service = createBackfillService({
          repository: createPostgresRepository(database),
          queue: await createPgBossQueue(boss),
          transactional: true,
          retry,
        });
        const update = () =>
          database.transaction(async (transaction) => {
            await transaction.query('insert into process_model values ($1) on conflict do nothing', [MODEL]);
            return service.request({ ...REQUEST, transaction });
          });
        fates = [fate];

        await expect(update()).rejects.toThrow(/Connection terminated|ECONNRESET/);

        const count = fate === 'before' ? 0 : 1;
        expect(await host.query('select from process_model')).toHaveLength(count);
        expect(await host.query('select from metadata_backfill_run where id = run_id')).toHaveLength(count);
        const jobs = `select from ${host.name}_jobs.job where name = 'backfill_metadata'`;
        expect(await host.query(jobs)).toHaveLength(count);

        const again = await update();
        if (again.status !== 'triggered') throw new Error(again.reason);
        expect(again.created).toBe(fate === 'before');
        const stop = await startPgBossWorker(boss, service, SWEEPING);
        await expectTrueOutcome(host, await endOf(service, again.runId));
        await stop();
      },
    );
  });

  describe('Redis', () => {
    let proxy: TcpProxy;
    beforeEach(async () => {
      proxy = await startTcpProxy(REDIS_URL);
      closing.push(() => proxy.close());
    });

    async function openBullmq(url: string) {
      const redis = new Redis(url, { maxRetriesPerRequest: 1 });
      const queue = new Queue('backfill_metadata', { connection: redis, prefix: host.name });
      for (const emitter of [redis, queue]) emitter.on('error', () => {});
      closing.push(async () => {
        await queue.close();
        redis.disconnect();
      });
      // How long a request waits for Redis: hardly, while it is down, and as long as it takes, once it is there.
      const optionsWith = (timeoutMs: number) => ({
        repository: host.repository,
        queue: createBullmqQueue(queue, { timeoutMs }),
        retry,
      });
      // To its sweep, whatever was requested looks stale.
      const runtime = { ...systemRuntime, now: () => Date.now() + 3_600_000 };
      return {
        queue,
        async connected() {
          await queue.waitUntilReady(); // a queue that is cut off while it gets ready for the first time stays useless
          await eventually(async () => redis.status === 'ready');
        },
        impatient: createBackfillService(optionsWith(300)),
        service: createBackfillService(optionsWith(300_000)),
        sweeper: createBackfillService({ ...optionsWith(300_000), runtime }),
      };
    }

    function work(service: BackfillService): void {
      const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
      const settings = { connection, prefix: host.name };
      const stop = startBullmqWorker('backfill_metadata', service, settings, {
        sweepEveryMs: 3_600_000,
        staleAfterMs: 3_600_000,
      });
      closing.push(async () => {
        await stop();
        await connection.quit();
        const queue = new Queue('backfill_metadata', {
          connection: { url: REDIS_URL } as never,
          prefix: host.name,
        });
        await queue.obliterate({ force: true });
        await queue.close();
      });
    }

    test.each(['since long', 'in the middle'])(
      'is refused with a clear error and leaves a pending run, which a sweep starts: down %s',
      async (since) => {
        if (since === 'since long') await proxy.goDown();
        const { connected, impatient, service, sweeper } = await openBullmq(proxy.url);
        if (since === 'in the middle') {
          await connected();
          await proxy.goDown();
        }

        const refused: PortError & { readonly runId: string } = await impatient
          .request(REQUEST)
          .then(String, (error) => error);
        expect(refused).toMatchObject({ name: 'PortError', code: 'PORT_FAILED', retryable: true });
        expect(refused.message).toMatch(/^queue\.enqueue failed for run \w+: .*(Redis|max retries)/);
        expect(await service.status(refused.runId)).toMatchObject({ state: 'pending' });

        await proxy.comeBack();
        await connected();
        const { enqueued } = await sweeper.sweep({ staleAfterMs: 1000 });
        expect(enqueued).toHaveLength(1);
        work(service);
        await expectTrueOutcome(host, await endOf(service, refused.runId));
      },
    );

    test('joins that run when it is made again, and its job is enqueued', async () => {
      const { connected, impatient, service } = await openBullmq(proxy.url);
      await connected();
      await proxy.goDown();
      const refused: PortError & { readonly runId: string } = await impatient
        .request(REQUEST)
        .then(String, (error) => error);
      await proxy.comeBack();
      await connected();

      const accepted = await service.request(REQUEST);
      expect(accepted).toMatchObject({ status: 'triggered', runId: refused.runId, created: false });
      work(service);
      await expectTrueOutcome(host, await endOf(service, refused.runId));
    });

    test('and a Redis that comes back without its jobs lose no run: a sweep starts it', async () => {
      const { queue, service, sweeper } = await openBullmq(REDIS_URL);
      const accepted = await service.request(REQUEST);
      if (accepted.status !== 'triggered') throw new Error(accepted.reason);
      expect(await queue.getJobCountByTypes('waiting')).toBe(1);
      await queue.obliterate({ force: true });

      const { enqueued } = await sweeper.sweep({ staleAfterMs: 1000 });
      expect(enqueued).toHaveLength(1);
      work(service);
      await expectTrueOutcome(host, await endOf(service, accepted.runId));
    });
  });
});
