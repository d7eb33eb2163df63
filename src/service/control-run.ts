import { changeRun } from '../run/access/run-store.js';
import { completeRun, startOf } from '../run/job/conclude-job.js';
import { cancel, pause, type RunChange, resume } from '../run/record/run-changes.js';
import type { Run } from '../run/record/run-record.js';
import type { ServiceTools } from './service-tools.js';

/** Stops a run until it is resumed: no commit of it succeeds after this has returned. */
export function pauseRun(tools: ServiceTools, runId: string): Promise<Run> {
  return change(tools, runId, pause);
}

/** Ends a run for good: no commit of it succeeds after this has returned. */
export function cancelRun(tools: ServiceTools, runId: string): Promise<Run> {
  const { runtime } = tools.worker;
  return change(tools, runId, (run) => cancel(run, runtime.now()));
}

/** Sets a paused or failed run going, with a job for each open shard. */
export async function resumeRun(tools: ServiceTools, runId: string): Promise<Run> {
  const { worker } = tools;
  const ports = tools.portsFor(runId);
  const { run, changed } = await changeRun(worker.repository, ports, runId, (stored) =>
    resume(stored, worker.runtime.now()),
  );
  if (!changed) return run;
  const open = run.shards.filter(({ done }) => !done);
  for (const shard of open) {
    const startAfter = startOf(shard, worker.runtime.now());
    await tools.enqueue({ runId, shard: shard.index, step: shard.step }, { startAfter });
  }
  // It may have been stopped after its last batch: then there is no job that could complete it.
  return open.length > 0 ? run : (await completeRun(worker, ports, runId)).run;
}

async function change(
  tools: ServiceTools,
  runId: string,
  decide: (run: Run) => RunChange | null,
): Promise<Run> {
  const { run } = await changeRun(tools.worker.repository, tools.portsFor(runId), runId, decide);
  return run;
}
