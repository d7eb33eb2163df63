import PgBoss from 'pg-boss';
import { createBackfillService } from 'process-metadata-backfill';
import { command, logger, MODEL, openHost, play, startAfter, updateModel } from '../demo-host/demo-host.js';
import { createPgBossQueue, startPgBossWorker } from './pg-boss-queue.js';

const host = await openHost('demo_pg_boss');
const boss = new PgBoss({ connectionString: host.url, schema: `${host.name}_jobs`, schedule: false });
boss.on('error', (error) => console.error(error.message));
if (command !== 'clean') await boss.start();

const service = createBackfillService({
  repository: host.repository,
  queue: await createPgBossQueue(boss),
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
  work: () => startPgBossWorker(boss, service),
});

await boss.stop();
await host.pool.end();
