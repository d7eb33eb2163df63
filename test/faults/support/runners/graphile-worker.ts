import { runMigrations } from 'graphile-worker';
import {
  createGraphileWorkerQueue,
  startGraphileWorker,
} from '../../../../examples/6-graphile-worker/graphile-worker-queue.js';
import type { Runner, RunnerPlace } from './runner.js';

export async function openGraphileWorker({ name, pool, database }: RunnerPlace): Promise<Runner> {
  const schema = `${name}_jobs`;
  await runMigrations({ pgPool: pool, schema });
  return {
    queue: createGraphileWorkerQueue(database, schema),
    work: (service, sweeping) =>
      startGraphileWorker(service, { pgPool: pool, schema, noHandleSignals: true }, sweeping),
    close: async () => {},
    clear: async () => {},
  };
}
