import { reasonOf } from '../run/access/reason-of.js';
import { changeRun } from '../run/access/run-store.js';
import type { ShardJob } from '../run/job/claim-job.js';
import { completeRun } from '../run/job/conclude-job.js';
import { sweep } from '../run/record/run-changes.js';
import { headerFrom, isAllDone, type RunShard } from '../run/record/run-record.js';
import { isComplete, isWorkable } from '../run/record/run-state.js';
import type { ServiceTools } from './service-tools.js';

/** What a sweep did. */
export interface SweepReport {
  /** How many active runs it looked at. */
  readonly active: number;
  /** The jobs that it enqueued for runs that showed no progress. */
  readonly enqueued: readonly ShardJob[];
  /** Runs whose shards were all done, but which nobody had completed. */
  readonly completed: readonly string[];
  /** Runs that it gave up, because job after job brought no progress. `resume` sets them going again. */
  readonly failed: readonly string[];
}

/** Looks at every active run; one that cannot be looked after does not keep it from the others. */
export async function sweepRuns(tools: ServiceTools, staleAfterMs: number): Promise<SweepReport> {
  const report = { active: 0, enqueued: [] as ShardJob[], completed: [] as string[], failed: [] as string[] };
  const errors: unknown[] = [];
  for await (const record of tools.activeRecords(null)) {
    report.active += 1;
    try {
      if (isWorkable(headerFrom(record).state)) await sweepRun(tools, record.runId, staleAfterMs, report);
    } catch (error) {
      tools.worker.log.warned(record, `Sweep failed: ${reasonOf(error)}`);
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return report;
}

async function sweepRun(
  tools: ServiceTools,
  runId: string,
  staleAfterMs: number,
  report: { readonly enqueued: ShardJob[]; readonly completed: string[]; readonly failed: string[] },
): Promise<void> {
  const { worker } = tools;
  const ports = tools.portsFor(runId);
  const missed: RunShard[] = [];
  const { run, changed } = await changeRun(worker.repository, ports, runId, (stored) => {
    const change = sweep(stored, staleAfterMs, worker.runtime.now());
    // Kept from try to try: an earlier one may have landed, whose answer was lost.
    missed.push(...(change?.shards ?? []));
    return change;
  });
  if (changed && run.header.state === 'failed') {
    worker.log.failed(run.header, run.header.lastError ?? 'stalled');
    report.failed.push(runId);
    return;
  }
  // A batch that was committed since has forgotten the sweep, but its job is still to be enqueued.
  const isOwn = ({ index, step, swept, sweptAt }: RunShard): boolean =>
    missed.some(
      (shard) => shard.index === index && shard.step === step && (shard.sweptAt === sweptAt || swept === 0),
    );
  const own = changed ? run.shards.filter(isOwn) : [];
  for (const { index, step } of own) {
    const job = { runId, shard: index, step };
    await tools.enqueue(job);
    worker.log.warned(
      run.header,
      `No progress for a while: job ${job.step} of shard ${job.shard} was enqueued`,
    );
    report.enqueued.push(job);
  }
  const isUncompleted = isWorkable(run.header.state) && isAllDone(run);
  if (isUncompleted && isComplete((await completeRun(worker, ports, runId)).run.header.state)) {
    report.completed.push(runId);
  }
}
