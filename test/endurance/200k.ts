// npx tsx --tsconfig test/tsconfig.json test/endurance/200k.ts [pg-boss|bullmq|graphile-worker|rabbitmq] [instances] [batchSize]
// Two worker processes, slices of two seconds: does it end, is it right, and does it need the same memory all the time?
import { deepEqual } from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { createBackfillService, type RunStatus } from '../../src/index.js';
import { compileCheckout } from '../faults/support/compiled-checkout.js';
import { dueOutcome } from '../faults/support/due-outcome.js';
import { AMQP_URL, createInstances, openFaultHost, PATHS, REDIS_URL } from '../faults/support/fault-host.js';
import { openRunner, type RunnerName } from '../faults/support/runners/runner.js';
import { type MemorySample, startWorker, type WorkerMessage } from '../faults/support/worker-process.js';
import { MODEL } from '../support/instances.js';

const [runner = 'pg-boss', instances = '200000', batchSize = '500'] = process.argv.slice(2);
const WORKERS = 2;
const SHARDS = 2;
const SLICE_MS = 2000;

interface Row {
  readonly seconds: number;
  readonly visited: number;
  readonly memory: readonly (MemorySample | undefined)[];
}

const compiled = await compileCheckout();
const host = await openFaultHost();
const jobs = await openRunner(runner as RunnerName, {
  ...host,
  postgresUrl: host.url,
  redisUrl: REDIS_URL,
  amqpUrl: AMQP_URL,
});
try {
  await host.query('drop trigger note_written_row on process_instance_metadata');
  await createInstances(host, Number(instances));
  await host.query('analyze');
  const service = createBackfillService({ repository: host.repository, queue: jobs.queue });
  const requested = await service.request({ processModelId: MODEL, paths: PATHS, shards: SHARDS });
  if (requested.status !== 'triggered') throw new Error(requested.reason);

  const latest: (MemorySample | undefined)[] = [];
  const points = new Map<string, number>();
  const workers = Array.from({ length: WORKERS }, (_, index) => {
    const worker = startWorker(compiled, host, {
      runner: runner as RunnerName,
      sweeping: { sweepEveryMs: 5000, staleAfterMs: 30_000 },
      batchSize: Number(batchSize),
      sliceMs: SLICE_MS,
      sampleEveryMs: 500,
    });
    worker.child.on('message', (message: WorkerMessage) => {
      if ('memory' in message) latest[index] = message.memory;
      if ('reached' in message) points.set(message.reached, (points.get(message.reached) ?? 0) + 1);
    });
    return worker;
  });
  const { rows, status } = await watch(() => service.status(requested.runId), latest);
  for (const { child } of workers) child.kill('SIGKILL');
  for (const { ended } of workers) process.stdout.write((await ended).output);

  print(rows);
  const { instances: counts, keys, wrongRows } = await dueOutcome(host);
  const { total, processed, updated, failed, gone } = status;
  deepEqual(
    { total, processed, updated, failed, gone, keys: status.keys, wrongRows },
    { ...counts, keys, wrongRows: [] },
  );
  const seconds = status.elapsedMs / 1000;
  console.log(
    `${runner}: ${status.state}, ${total} instances in ${seconds.toFixed(1)} s, ${Math.round(total / seconds)} a second; ` +
      `${points.get('after-batch')} batches of ${batchSize}, ${points.get('after-enqueue')} continuations; SQL agrees with every count and row`,
  );
  assertFlat(rows);
} finally {
  await jobs.clear();
  await jobs.close();
  await host.close();
  await compiled.remove();
}

async function watch(
  statusNow: () => Promise<RunStatus>,
  latest: readonly (MemorySample | undefined)[],
): Promise<{ rows: Row[]; status: RunStatus }> {
  const rows: Row[] = [];
  for (;;) {
    const status = await statusNow();
    const { processed, failed, gone, elapsedMs } = status;
    rows.push({ seconds: elapsedMs / 1000, visited: processed + failed + gone, memory: [...latest] });
    if (status.endedAt !== null) return { rows, status };
    await setTimeout(1000);
  }
}

/** About twenty of the rows. */
function print(rows: readonly Row[]): void {
  const megabytes = (bytes: number | undefined) => (bytes === undefined ? '-' : (bytes / 2 ** 20).toFixed(1));
  const every = Math.max(1, Math.floor(rows.length / 20));
  console.table(
    rows
      .filter((_, index) => index % every === 0 || index === rows.length - 1)
      .map(({ seconds, visited, memory }) => ({
        seconds: Math.round(seconds),
        visited,
        ...Object.fromEntries(
          memory.flatMap((sample, worker) => [
            [`heap ${worker + 1} (MB)`, megabytes(sample?.heapUsed)],
            [`rss ${worker + 1} (MB)`, megabytes(sample?.rss)],
          ]),
        ),
      })),
  );
}

/** The last quarter of the run needs no more than the second one, when everything had been used once. */
function assertFlat(rows: readonly Row[]): void {
  const quarter = Math.floor(rows.length / 4);
  for (let worker = 0; worker < WORKERS; worker += 1) {
    const median = (from: number) => {
      const heaps = rows.slice(from, from + quarter).map(({ memory }) => memory[worker]?.heapUsed ?? 0);
      return heaps.sort((a, b) => a - b)[Math.floor(heaps.length / 2)] ?? 0;
    };
    const [before, after] = [median(quarter), median(rows.length - quarter)];
    console.log(
      `worker ${worker + 1}: heap ${(before / 2 ** 20).toFixed(1)} MB in the second quarter, ${(after / 2 ** 20).toFixed(1)} MB in the last`,
    );
    if (before === 0 || after === 0) throw new Error('too few samples to tell whether memory stays flat');
    if (after > before * 1.25) process.exitCode = 1;
  }
}
