// A process of the host that requests runs. What it is to request is told to it, and it tells how that ended.

import type { Sql } from '../../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../../examples/demo-host/pg-sql.js';
import { createBackfillService, isBackfillError } from '../../../src/index.js';
import { createPostgresRepository } from '../../support/spiff-repository.js';
import { openPool } from './fault-host.js';
import type { Isolation, RequestAnswer, RequesterOrders, RequestOrder } from './requester-process.js';
import { createTableQueue } from './table-queue.js';

const { name, postgresUrl, applicationName }: RequesterOrders = JSON.parse(
  process.env.REQUESTER_ORDERS ?? '{}',
);
const pool = openPool(postgresUrl, name, { settings: `-c application_name=${applicationName}` });
const database = pgDatabase(pool);
const queue = createTableQueue(database);
let diesBeforeJob = false;
const service = createBackfillService<Sql>({
  repository: createPostgresRepository(database),
  queue: {
    ...queue,
    async enqueue(...job) {
      if (diesBeforeJob) process.kill(process.pid, 'SIGKILL');
      await queue.enqueue(...job);
    },
  },
  transactional: true,
  logger: { info() {}, warn() {}, error() {} },
});

async function request({ processModelId, paths, mode }: RequestOrder, transaction?: Sql) {
  const result = await service.request({ processModelId, paths, mode, transaction });
  if (result.status !== 'triggered') throw new Error(result.reason);
  return { runId: result.runId, created: result.created };
}

/** A model update, of which the request is part. */
function updateModel(order: RequestOrder, isolation: Isolation) {
  return database.transaction(async (transaction) => {
    await transaction.query(`set transaction isolation level ${isolation}`);
    await transaction.query('insert into model_update values ($1)', [order.number]);
    return request(order, transaction);
  });
}

async function answerTo(order: RequestOrder): Promise<RequestAnswer> {
  if (order.isolation === null) return { ...(await request(order)), refusals: 0 };
  for (let refusals = 0; ; refusals += 1) {
    try {
      const isolation = refusals === 0 ? order.isolation : 'read committed';
      return { ...(await updateModel(order, isolation)), refusals };
    } catch (error) {
      const isToBeginAgain = isBackfillError(error) && error.retryable && refusals < 10;
      if (!isToBeginAgain) throw error;
    }
  }
}

process.on('message', async (order: RequestOrder) => {
  ({ diesBeforeJob } = order);
  const answer = await answerTo(order).catch((error): RequestAnswer => ({ failed: String(error) }));
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
await database.query('select'); // so that its first request is as fast as the others
process.send?.('ready');
