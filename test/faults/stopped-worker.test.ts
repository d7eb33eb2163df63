import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type BackfillService, createBackfillService, type JobPayload } from '../../src/index.js';
import { systemRuntime } from '../../src/run/context/system-runtime.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { asIfAlone } from './support/as-if-alone.js';
import { type CompiledCheckout, compileCheckout } from './support/compiled-checkout.js';
import { eventually } from './support/eventually.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './support/fault-host.js';
import { expectTrueOutcome, outcomeOf } from './support/true-outcome.js';
import { startWorker, type WorkerOrders, type WorkerProcess } from './support/worker-process.js';

const INSTANCES = 100;

describeWith(['PostgreSQL'], 'a worker that is stopped and wakes up again', () => {
  let compiled: CompiledCheckout;
  let host: FaultHost;
  let jobs: JobPayload[];
  let sleeper: WorkerProcess;
  beforeAll(async () => {
    compiled = await compileCheckout();
  });
  afterAll(() => compiled?.remove());

  beforeEach(async () => {
    host = await openFaultHost();
    await createInstances(host, INSTANCES);
    jobs = [];
    await serviceWith({}).request({ processModelId: MODEL, paths: PATHS });
  });
  afterEach(async () => {
    sleeper.child.kill('SIGKILL');
    await sleeper.ended;
    await host.close();
  });

  /** A worker in this process, which has the same run. */
  function serviceWith(tuning: { readonly sliceMs?: number }): BackfillService {
    const queue = { enqueue: async (job: { readonly payload: JobPayload }) => void jobs.push(job.payload) };
    // Ahead by an hour: to its sweep, every job looks lost.
    const runtime = { ...systemRuntime, now: () => Date.now() + 3_600_000 };
    const repository = asIfAlone(host.repository);
    return createBackfillService({ repository, queue, runtime, batchSize: 10, ...tuning });
  }

  async function fallAsleep(orders: Partial<WorkerOrders>): Promise<JobPayload> {
    sleeper = startWorker(compiled, host, { batchSize: 10, ...orders });
    await sleeper.reaches('work');
    const job = jobs.shift() as JobPayload;
    sleeper.tell({ handle: job });
    await eventually(async () => (await stateOf(sleeper)) === 'T');
    return job;
  }

  /** The store, whole. */
  async function everything(runId: string) {
    const status = await serviceWith({}).status(runId);
    const runs = await host.query('select * from metadata_backfill_run order by id');
    const writes = await host.query('select * from written_row order by number');
    return { ...(await outcomeOf(host, status)), runs, writes };
  }

  async function wakeUp(): Promise<unknown> {
    const answer = sleeper.answer();
    sleeper.child.kill('SIGCONT');
    return answer;
  }

  test('changes nothing while another one is in the middle of its run', async () => {
    const { runId } = await fallAsleep({ fault: { at: 'before-batch', nth: 3, suffer: 'SIGSTOP' } });
    const service = serviceWith({ sliceMs: 1 }); // a batch a job, or few
    await service.sweep({ staleAfterMs: 1000 });
    for (const job of jobs.splice(0)) await service.handle(job);
    const before = await everything(runId);

    expect(await wakeUp()).toEqual({ reports: 'superseded' });

    expect(await everything(runId)).toEqual(before);
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await serviceWith({}).handle(job);
    await expectTrueOutcome(host, await service.status(runId));
  });

  test('changes nothing when another one has completed its run', async () => {
    const { runId } = await fallAsleep({ fault: { at: 'before-batch', nth: 3, suffer: 'SIGSTOP' } });
    const service = serviceWith({});
    await service.sweep({ staleAfterMs: 1000 });
    for (const job of jobs.splice(0)) await service.handle(job);
    const before = await everything(runId);

    expect(await wakeUp()).toEqual({ reports: 'completed_with_failures' });

    expect(await everything(runId)).toEqual(before);
    await expectTrueOutcome(host, await service.status(runId));
  });

  test('changes nothing when PostgreSQL lost patience with its transaction, and another one has taken over', async () => {
    const { runId } = await fallAsleep({
      fault: { at: 'inside-commit', nth: 3, suffer: 'SIGSTOP' },
      settings: '-c idle_in_transaction_session_timeout=2000',
    });
    const service = serviceWith({});
    await service.sweep({ staleAfterMs: 1000 });
    for (const job of jobs.splice(0)) await service.handle(job);
    const before = await everything(runId);

    expect(await wakeUp()).toEqual({ reports: 'completed_with_failures' });

    expect(await everything(runId)).toEqual(before);
    await expectTrueOutcome(host, await service.status(runId));
  });

  test('goes on when PostgreSQL lost patience with its transaction, and nobody has taken over', async () => {
    const { runId } = await fallAsleep({
      fault: { at: 'inside-commit', nth: 3, suffer: 'SIGSTOP' },
      settings: '-c idle_in_transaction_session_timeout=2000',
    });
    await eventually(async () => (await sessionsInTransaction()) === 0);

    expect(await wakeUp()).toEqual({ reports: 'completed_with_failures' });

    await expectTrueOutcome(host, await serviceWith({}).status(runId));
  });

  async function sessionsInTransaction(): Promise<number> {
    const text = `select from pg_stat_activity where application_name = $1 and state = 'idle in transaction'`;
    return (await host.query(text, [host.name])).length;
  }
});

/** `T`: stopped. */
async function stateOf({ child }: WorkerProcess): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(child.pid)]);
  return stdout.trim();
}
