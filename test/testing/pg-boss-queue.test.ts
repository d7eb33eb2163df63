import PgBoss from 'pg-boss';
import { queueConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll } from 'vitest';
import { createPgBossQueue, startPgBossWorker } from '../../examples/4-pg-boss/pg-boss-queue.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';
import { keepSending, openRunnerDatabase, type RunnerDatabase } from './fixtures/runner-database.js';
import { serviceOf } from './fixtures/service-of.js';

describeWith(['PostgreSQL'], 'the queue of example 4, on pg-boss', ({ PostgreSQL: url }) => {
  let opened: RunnerDatabase;
  beforeAll(async () => {
    opened = openRunnerDatabase(url);
  });
  afterAll(() => opened?.close());

  const cases = queueConformance(async () => {
    const boss = await start();
    const queue = await createPgBossQueue(boss);
    let workers = await start();
    const stopHurrying = keepSending(
      opened,
      `update ${opened.schema}.job set start_after = now() where state = 'retry'`,
    );
    return {
      patienceMs: PATIENCE_MS,
      queue,
      startWorker: (handler) => startPgBossWorker(workers, serviceOf(handler)),
      async killWorker() {
        await workers.stop({ graceful: false });
        workers = await start();
        // In place of 15 minutes.
        await opened.pool.query(
          `update ${opened.schema}.job set started_on = now() - expire_in where state = 'active'`,
        );
        await workers.maintain();
      },
      transaction: (work) => opened.database.transaction(work),
      disconnect: () => boss.stop({ graceful: false }),
      close: async () => {
        stopHurrying();
        for (const one of [boss, workers]) await one.stop({ graceful: false });
      },
    };
  });
  conformanceOf(cases, ['heartbeat']); // pg-boss 10 has none

  async function start(): Promise<PgBoss> {
    const boss = new PgBoss({ connectionString: url, schema: opened.schema, schedule: false });
    boss.on('error', () => {}); // after `disconnect`
    await boss.start();
    return boss;
  }
});
