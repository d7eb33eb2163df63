import type { Pool } from 'pg';
import type { Sql, SqlDatabase } from '../../../../examples/2-embedded-postgres/sql.js';
import type { BackfillQueue, BackfillService } from '../../../../src/index.js';

/** One of the example runners, with jobs of its own. */
export interface Runner {
  readonly queue: BackfillQueue<Sql>;
  /** @returns what ends it. */
  work(
    service: Pick<BackfillService, 'handle' | 'sweep'>,
    sweeping: { readonly sweepEveryMs: number; readonly staleAfterMs: number },
  ): Promise<() => Promise<void>>;
  /** How many jobs wait, run or have failed. RabbitMQ does not count those that run. */
  jobs(): Promise<number>;
  close(): Promise<void>;
  /** Leaves no job, where dropping the schema `<name>_jobs` does not do it. */
  clear(): Promise<void>;
}

export type RunnerName = 'pg-boss' | 'bullmq' | 'graphile-worker' | 'rabbitmq';

export interface RunnerPlace {
  /** Of the host's schema. */
  readonly name: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly amqpUrl: string;
  readonly pool: Pool;
  readonly database: SqlDatabase;
  /** Of RabbitMQ. @default LONGEST_DELAY_MS */
  readonly longestDelayMs?: number;
}

/** `null`: a queue that must not be used. Loads the one that is asked for: there are many processes to start. */
export async function openRunner(runner: RunnerName | null, place: RunnerPlace): Promise<Runner> {
  switch (runner) {
    case null:
      return NO_RUNNER;
    case 'pg-boss':
      return (await import('./pg-boss.js')).openPgBoss(place);
    case 'bullmq':
      return (await import('./bullmq.js')).openBullmq(place);
    case 'graphile-worker':
      return (await import('./graphile-worker.js')).openGraphileWorker(place);
    case 'rabbitmq':
      return (await import('./rabbitmq.js')).openRabbitmq(place);
  }
}

const NO_RUNNER: Runner = {
  queue: { enqueue: async ({ key }) => Promise.reject(new Error(`there is no queue for the job ${key}`)) },
  work: async () => async () => {},
  jobs: async () => 0,
  close: async () => {},
  clear: async () => {},
};
