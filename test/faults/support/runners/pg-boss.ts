import PgBoss from 'pg-boss';
import { createPgBossQueue, startPgBossWorker } from '../../../../examples/4-pg-boss/pg-boss-queue.js';
import type { Runner, RunnerPlace } from './runner.js';

export async function openPgBoss({ name, postgresUrl, pool }: RunnerPlace): Promise<Runner> {
  const boss = new PgBoss({
    connectionString: postgresUrl,
    schema: `${name}_jobs`,
    application_name: name,
    schedule: false,
    max: 3,
  });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  return {
    queue: await createPgBossQueue(boss),
    work: (service, sweeping) => startPgBossWorker(boss, service, sweeping),
    async jobs() {
      const { rows } = await pool.query(
        `select count(*)::int as jobs from ${name}_jobs.job where name = 'backfill_metadata' and state <> 'completed'`,
      );
      return rows[0].jobs;
    },
    close: () => boss.stop(),
    clear: async () => {},
  };
}
