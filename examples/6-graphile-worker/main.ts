import { runMigrations } from 'graphile-worker';
import { createBackfillService } from 'process-metadata-backfill';
import { command, logger, MODEL, openHost, play, startAfter, updateModel } from '../demo-host/demo-host.js';
import { createGraphileWorkerQueue, startGraphileWorker } from './graphile-worker-queue.js';

const host = await openHost('demo_graphile_worker');
const schema = `${host.name}_jobs`;
if (command !== 'clean') await runMigrations({ pgPool: host.pool, schema });

const service = createBackfillService({
  repository: host.repository,
  queue: createGraphileWorkerQueue(host.database, schema),
  transactional: true,
  batchSize: 10,
  sliceMs: 2000,
  logger,
});

await play(host, {
  service,
  request: () =>
    host.database.transaction(async (transaction) => {
      const { before, after } = await updateModel(transaction);
      return service.request({ processModelId: MODEL, before, after, startAfter, transaction });
    }),
  work: () => startGraphileWorker(service, { pgPool: host.pool, schema, noHandleSignals: true }),
});

await host.pool.end();
