import type { Sql } from '../../../examples/2-embedded-postgres/sql.js';
import type { BackfillQueue, JobPayload } from '../../../src/index.js';

/** Jobs in a table of the host (see requests.sql): one that is enqueued in a transaction commits with it. */
export interface TableQueue extends BackfillQueue<Sql> {
  /** Removes any job. `null`: there is none. */
  take(): Promise<JobPayload | null>;
}

export function createTableQueue(database: Sql): TableQueue {
  return {
    transactional: true,
    async enqueue({ key, payload }, { transaction = database } = {}) {
      await transaction.query('insert into job values ($1, $2) on conflict do nothing', [key, payload]);
    },
    async take() {
      const [job] = await database.query<{ payload: JobPayload }>(
        'delete from job where key = (select min(key) from job) returning payload',
      );
      return job?.payload ?? null;
    },
  };
}
