import type { PortCalls } from '../access/port-calls.js';
import { changeRun, loadRun } from '../access/run-store.js';
import { elapsedMs, type ReportState } from '../record/report.js';
import { allot, complete, extend } from '../record/run-changes.js';
import { isAllDone, type Run, type RunShard, tallyOf } from '../record/run-record.js';
import { isComplete } from '../record/run-state.js';
import type { Worker } from '../worker.js';
import type { ShardJob } from './claim-job.js';
import { enqueueStep } from './enqueue-step.js';
import type { ShardSession } from './shard-session.js';
import { surveyInstances } from './survey-instances.js';

/** The run as it is at the end of a job, and what the job has to say of it. */
export interface Conclusion {
  readonly run: Run;
  readonly state: ReportState;
}

/** What the end of a job leaves to do: complete the run, or make sure that its next job exists. */
export async function concludeJob(
  worker: Worker,
  ports: PortCalls,
  session: ShardSession,
): Promise<Conclusion> {
  const { job, run, ending } = session;
  switch (ending) {
    case 'shard-done':
      return completeRun(worker, ports, job.runId);
    case 'turn-over':
      return handOver(worker, ports, job, session.allotted);
    case 'rescue':
      return handOver(worker, ports, job, job.step + 1);
    case 'superseded':
      return conclusion(run, 'superseded');
    default:
      return conclusion(run, 'continued');
  }
}

/**
 * Completes a run whose shards are all done, unless it is to go on to instances that came since. Tried by every job
 * that finishes a shard, after its own commit: inside of that, two finishers would not see each other.
 */
export async function completeRun(worker: Worker, ports: PortCalls, runId: string): Promise<Conclusion> {
  const { repository, runtime, log } = worker;
  for (;;) {
    const { run, changed } = await changeRun(repository, ports, runId, (stored) =>
      complete(stored, runtime.now()),
    );
    if (changed && isComplete(run.header.state)) {
      const { processed, updated } = tallyOf(run);
      log.completed(run.header, { processed, updated, elapsedMs: elapsedMs(run.header, runtime.now()) });
    }
    const isToGoOn = run.header.state === 'running' && run.header.again && isAllDone(run);
    if (!isToGoOn) return conclusion(run, 'continued');
    const extended = await extendRun(worker, ports, run);
    if (extended !== null) return conclusion(extended, 'continued');
  }
}

/** `null` when nothing has come since. */
async function extendRun(worker: Worker, ports: PortCalls, { header }: Run): Promise<Run | null> {
  const { repository, queue, runtime } = worker;
  const { processModelId, upTo, definition } = header;
  const query = { processModelId, instanceIds: definition.instanceIds, after: upTo, limit: null };
  const survey = await surveyInstances(worker, ports, query);
  const { run, changed } = await changeRun(repository, ports, header.runId, (stored) =>
    extend(stored, survey, runtime.now()),
  );
  const open = run.shards.find(({ done }) => !done);
  if (open === undefined) return null;
  if (changed && queue !== null) {
    const job = { runId: header.runId, shard: open.index, step: open.step };
    await ports.call('queue.enqueue', () => enqueueStep(queue, job));
  }
  return run;
}

/** Allots the next step before its job is enqueued, so that a lost job is missed and a doubled one does no harm. */
async function handOver(worker: Worker, ports: PortCalls, job: ShardJob, step: number): Promise<Conclusion> {
  const { repository, queue, runtime } = worker;
  if (queue === null) return conclusion(await loadRun(repository, ports, job.runId), 'continued');
  const { run, changed } = await changeRun(repository, ports, job.runId, (stored) =>
    allot(stored, job.shard, step),
  );
  // Finished meanwhile, perhaps by a commit of this very job that it had taken for lost.
  if (run.shards[job.shard]?.done === true) return completeRun(worker, ports, job.runId);
  // Not if it was stopped before the step could be allotted: that step is the resume's.
  if (changed && (run.shards[job.shard]?.step ?? 0) > step) {
    const next = { ...job, step: step + 1 };
    const options = { startAfter: startOf(run.shards[job.shard], runtime.now()) };
    await ports.call('queue.enqueue', () => enqueueStep(queue, next, options));
  }
  return conclusion(run, 'continued');
}

/** Until when a shard is held, if that is still to come. */
export function startOf(shard: RunShard | undefined, now: number): Date | undefined {
  const notBefore = shard?.notBefore ?? null;
  return notBefore !== null && notBefore > now ? new Date(notBefore) : undefined;
}

/** The state of the run if it has stopped, else the given one. */
function conclusion(run: Run, otherwise: ReportState): Conclusion {
  const { state } = run.header;
  return { run, state: state === 'pending' || state === 'running' ? otherwise : state };
}
