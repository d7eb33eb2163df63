import type { PortCalls } from '../access/port-calls.js';
import { changeRun } from '../access/run-store.js';
import type { ProgressWatch } from '../record/progress.js';
import { freeze, openShards } from '../record/run-changes.js';
import type { Run } from '../record/run-record.js';
import type { Worker } from '../worker.js';
import type { ShardJob } from './claim-job.js';
import { enqueueStep } from './enqueue-step.js';
import type { ShardSession } from './shard-session.js';
import { splitInstances, surveyInstances } from './survey-instances.js';

/** How a job is part of a call that works on several shards at a time. */
export interface JobCompany {
  readonly watch: ProgressWatch;
  /** Has the jobs of the other shards performed. */
  start(jobs: readonly ShardJob[]): void;
}

/**
 * The first job of a run fixes its total, its bound and its shards: not the request, which may be older than the model
 * update. Then it has the other shards worked on.
 */
export async function freezeRun(
  worker: Worker,
  session: ShardSession,
  { settling, company }: { readonly settling: PortCalls; readonly company: JobCompany | null },
): Promise<void> {
  const { repository, runtime, queue, log } = worker;
  const { header } = session.run;
  if (header.state === 'running') {
    session.adopt(session.run);
    // Delivered again: the job before may have died before it had enqueued those of the other shards.
    const { shard, step } = session.job;
    if (company === null && shard === 0 && step === 0) await startOthers(session.run);
    return;
  }
  const { instanceIds, limit, shards } = header.definition;
  const selection = { processModelId: header.processModelId, instanceIds };
  const survey = await surveyInstances(worker, session.ports, { ...selection, limit, after: null });
  const bounds = await splitInstances(worker, session.ports, selection, survey, shards);
  const { run, changed } = await changeRun(repository, settling, header.runId, (stored) =>
    freeze(stored, survey, bounds, runtime.now()),
  );
  if (changed) {
    log.started(run.header);
    await startOthers(run);
  }
  session.adopt(run);

  async function startOthers({ shards: all }: Run): Promise<void> {
    const others = openShards(all)
      .filter(({ index, step, epoch }) => index !== session.job.shard && step === 0 && epoch < 0)
      .map(({ index, step }): ShardJob => ({ runId: header.runId, shard: index, step }));
    if (company !== null) company.start(others);
    else if (queue !== null)
      for (const job of others) await settling.call('queue.enqueue', () => enqueueStep(queue, job));
  }
}
