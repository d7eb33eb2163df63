import PgBoss from 'pg-boss';
import { queueConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll } from 'vitest';
import { createPgBossQueue, startPgBossWorker } from '../../examples/4-pg-boss/pg-boss-queue.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';
import { openRunnerDatabase, type RunnerDatabase } from './fixtures/runner-database.js';
import { serviceOf } from './fixtures/service-of.js';

describeWith(['PostgreSQL'], 'the queue of example 4, on pg-boss', ({ PostgreSQL: url }) => {
  let opened: RunnerDatabase;
  beforeAll(async () => {
    opened = openRunnerDatabase(url);
  });
  afterAll(() => opened?.close());

  const cases = queueConformance(async () => {
    const boss = new PgBoss({ connectionString: url, schema: opened.schema, schedule: false });
    boss.on('error', () => {}); // after `disconnect`
    await boss.start();
    return {
      patienceMs: PATIENCE_MS,
      queue: await createPgBossQueue(boss),
      startWorker: (handler) => startPgBossWorker(boss, serviceOf(handler)),
      transaction: (work) => opened.database.transaction(work),
      disconnect: () => boss.stop({ graceful: false }),
      close: () => boss.stop({ graceful: false }),
    };
  });
  conformanceOf(cases, []);
});
