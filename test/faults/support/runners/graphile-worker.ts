import { Logger, runMigrations } from 'graphile-worker';
import {
  createGraphileWorkerQueue,
  startGraphileWorker,
} from '../../../../examples/6-graphile-worker/graphile-worker-queue.js';
import type { Runner, RunnerPlace } from './runner.js';

/** Not one line per job. */
const logger = new Logger(() => (level, message) => {
  if (level === 'warning' || level === 'error') console.error(message);
});

export async function openGraphileWorker({ name, pool, database }: RunnerPlace): Promise<Runner> {
  const schema = `${name}_jobs`;
  await runMigrations({ pgPool: pool, schema, logger });
  return {
    queue: createGraphileWorkerQueue(database, schema),
    work: (service, sweeping) =>
      startGraphileWorker(service, { pgPool: pool, schema, noHandleSignals: true, logger }, sweeping),
    async jobs() {
      const { rows } = await pool.query(`select count(*)::int as jobs from ${schema}._private_jobs`);
      return rows[0].jobs;
    },
    close: async () => {},
    clear: async () => {},
  };
}
