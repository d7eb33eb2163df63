// A worker as a process of its own. What it is to do comes with it; what it does is told to the process that started it.
import { once } from 'node:events';
import { withLatency } from '../../../examples/2-embedded-postgres/with-latency.js';
import { pgDatabase } from '../../../examples/demo-host/pg-sql.js';
import { createBackfillService } from '../../../src/index.js';
import { createPostgresRepository } from '../../support/spiff-repository.js';
import { asIfAlone } from './as-if-alone.js';
import { openPool } from './fault-host.js';
import { databaseWithPoints, type Point, portsWithPoints } from './faulty-points.js';
import { openRunner } from './runners/runner.js';
import type { Fault, WorkerMessage, WorkerOrder, WorkerOrders } from './worker-process.js';

const tell = (message: WorkerMessage) => void process.send?.(message);

/** What happens when the point of `fault` is reached for the nth time. */
function reacher(fault: Fault | null): (point: Point) => Promise<void> {
  let reached = 0;
  return async (point) => {
    tell({ reached: point });
    if (point !== fault?.at) return;
    reached += 1;
    if (reached !== fault.nth) return;
    if (fault.suffer === 'wait') while (!(await nextOrder()).goOn);
    else process.kill(process.pid, fault.suffer);
  };
}

async function nextOrder(): Promise<WorkerOrder> {
  const [order] = await once(process, 'message');
  return order;
}

const orders: WorkerOrders = JSON.parse(process.env.WORKER_ORDERS ?? '{}');
const { runner, batchSize, sliceMs, sweeping, sampleEveryMs } = orders;
const reach = reacher(orders.fault);
const pool = openPool(orders.postgresUrl, orders.name, orders);
const database = pgDatabase(pool);
const jobs = await openRunner(runner, { ...orders, pool, database });
const tables = databaseWithPoints(withLatency(database, orders.latencyMs), reach);
const repository = createPostgresRepository(tables);
// Without a runner, nobody would get the job of one more walk.
const ports = portsWithPoints(runner === null ? asIfAlone(repository) : repository, jobs.queue, reach);
const service = createBackfillService({ ...ports, batchSize, ...(sliceMs !== null && { sliceMs }) });

process.on('message', async ({ handle }: WorkerOrder) => {
  if (handle === undefined) return;
  try {
    tell({ reports: (await service.handle(handle)).state });
  } catch (error) {
    tell({ failed: String(error) });
  }
});
if (sampleEveryMs !== null) {
  setInterval(() => {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    tell({ memory: { rss, heapUsed } });
  }, sampleEveryMs);
}
if (sweeping !== null) await jobs.work(service, sweeping);
tell({ reached: 'work' });
