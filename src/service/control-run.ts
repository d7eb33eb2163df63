import { resumeWithOwners } from '../run/calls/change-with-owners.js';
import { openRun } from '../run/calls/open-run.js';
import { resume } from '../run/changes/resume-run.js';
import type { RunChange } from '../run/changes/run-change.js';
import { cancel, pause } from '../run/changes/stop-run.js';
import type { RunContext } from '../run/context/run-context.js';
import { completeRun } from '../run/job/conclude-job.js';
import { startOf } from '../run/record/holds.js';
import { openShards, type Requester, type Run } from '../run/record/run-record.js';
import { isWorkable } from '../run/record/run-state.js';

/** Stops a run until it is resumed: no commit of it succeeds after this has returned. */
export function pauseRun(context: RunContext, runId: string, requester: Requester): Promise<Run> {
  return control(context, runId, 'Paused', requester, (run) => pause(run, requester, context.runtime.now()));
}

/** Ends a run for good: no commit of it succeeds after this has returned. */
export function cancelRun(context: RunContext, runId: string, requester: Requester): Promise<Run> {
  return control(context, runId, 'Cancelled', requester, (run) =>
    cancel(run, requester, context.runtime.now()),
  );
}

/** Resumes a run that is paused, failed or without a queue, with a job for each open shard. */
export async function resumeRun(context: RunContext, runId: string, requester: Requester): Promise<Run> {
  const { runtime } = context;
  const handle = openRun(context, runId);
  const { run, changed } = await resumeWithOwners(context, handle, requester, (stored, ownedKeys) =>
    resume(stored, ownedKeys, { now: runtime.now(), hasQueue: true, requester }),
  );
  if (!changed || !isWorkable(run.header.state)) return run;
  const open = openShards(run.shards);
  for (const shard of open) {
    const job = { shard: shard.index, step: shard.allottedStep };
    await handle.enqueue(job, { startAfter: startOf(shard, runtime.now()) });
  }
  // The run may have been stopped after its last batch: then there is no job that could complete it.
  return open.length > 0 ? run : (await completeRun(context, handle, run)).run;
}

async function control(
  context: RunContext,
  runId: string,
  what: 'Paused' | 'Cancelled',
  requester: Requester,
  decide: (run: Run) => RunChange | null,
): Promise<Run> {
  const { run, changed } = await openRun(context, runId).change(decide);
  if (changed) context.log.controlled(run.header, what, requester);
  return run;
}
