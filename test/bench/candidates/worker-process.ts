import { type BackfillReport, createBackfillService, type JobPayload } from 'process-metadata-backfill';
import { fromPg } from 'process-metadata-backfill/postgres';
import { createRepository } from '../../../examples/2-embedded-postgres/repository.js';
import { withLatency } from '../../../examples/2-embedded-postgres/with-latency.js';
import { type Connection, openPool } from '../open-database.js';

export interface WorkerSettings {
  readonly connection: Connection;
  readonly taskData: 'json' | 'jsonb';
  readonly batchSize: number;
  readonly latencyMs: number;
}

/** What a worker tells: a job to be delivered, or what became of the one that it was given. */
export interface FromWorker {
  readonly job?: JobPayload;
  readonly report?: BackfillReport;
  readonly error?: string;
}

const { connection, taskData, batchSize, latencyMs }: WorkerSettings = JSON.parse(process.argv[2] ?? '');
const tell = (message: FromWorker) => process.send?.(message);
const pool = openPool(connection);
const service = createBackfillService({
  repository: createRepository(withLatency(fromPg(pool), latencyMs), taskData),
  queue: { enqueue: async ({ payload }) => void tell({ job: payload }) },
  batchSize,
});

process.on('message', async ({ payload }: { readonly payload: JobPayload }) => {
  try {
    tell({ report: await service.handle(payload) });
  } catch (error) {
    tell({ error: String(error) });
  }
});
process.on('disconnect', () => void pool.end());
await Promise.all(Array.from({ length: 2 }, () => pool.query('select pg_sleep(0.1)')));
tell({});
