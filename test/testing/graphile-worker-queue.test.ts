import { Logger, runMigrations } from 'graphile-worker';
import { queueConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll } from 'vitest';
import {
  createGraphileWorkerQueue,
  startGraphileWorker,
} from '../../examples/6-graphile-worker/graphile-worker-queue.js';
import { createOwnDatabase } from '../support/own-database.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';
import { keepSending, openRunnerDatabase, type RunnerDatabase } from './fixtures/runner-database.js';
import { serviceOf } from './fixtures/service-of.js';

const silent = new Logger(() => () => {});

describeWith(['PostgreSQL'], 'the queue of example 6, on Graphile Worker', ({ PostgreSQL: url }) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  let opened: RunnerDatabase;
  beforeAll(async () => {
    own = await createOwnDatabase(url);
    opened = openRunnerDatabase(own.url);
    await runMigrations({ pgPool: opened.pool, schema: opened.schema, logger: silent });
  });
  afterAll(async () => {
    await opened?.close();
    await own?.drop();
  });

  const cases = queueConformance(() => {
    const { schema } = opened;
    const enqueuing = openRunnerDatabase(own.url);
    const stopHurrying = keepSending(
      opened,
      `update ${schema}._private_jobs set run_at = now() where attempts > 0 and run_at > now()`,
    );
    return {
      patienceMs: PATIENCE_MS,
      queue: createGraphileWorkerQueue(enqueuing.database, schema),
      startWorker: (handler) =>
        startGraphileWorker(serviceOf(handler), {
          pgPool: opened.pool,
          schema,
          noHandleSignals: true,
          pollInterval: 200,
          logger: silent,
        }),
      transaction: (work) => opened.database.transaction(work),
      disconnect: () => enqueuing.pool.end(),
      close: async () => {
        stopHurrying();
        if (!enqueuing.pool.ended) await enqueuing.pool.end();
      },
    };
  });
  conformanceOf(cases, ['heartbeat', 'killWorker']);
});
