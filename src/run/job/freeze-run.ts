import type { ShardJob } from '../calls/enqueue-job.js';
import type { RunHandle } from '../calls/open-run.js';
import { freeze } from '../changes/freeze-walk.js';
import type { RunContext } from '../context/run-context.js';
import type { ProgressWatch } from '../record/progress.js';
import { openShards, type Run } from '../record/run-record.js';
import type { ShardSession } from './shard-session.js';
import { splitInstances, surveyInstances } from './survey-instances.js';
import { waitWhileHeld } from './wait-for-turn.js';
import { waitUntilSettled } from './wait-until-settled.js';

/** What a job shares with the jobs beside it, in a call that works on several shards at a time. */
export interface JobCompany {
  readonly watch: ProgressWatch;
  /** When the slice of all of them ends, in milliseconds since the epoch. */
  readonly sliceEnd: number;
  /** Performs the jobs of the other shards. */
  start(jobs: readonly ShardJob[]): void;
}

/**
 * The first job of a walk fixes its total, its bound and its shards. The request does not, because it may come before the
 * model update. The job then starts the jobs of the other shards.
 */
export async function freezeRun(
  context: RunContext,
  session: ShardSession,
  { lasting, company }: { readonly lasting: RunHandle; readonly company: JobCompany | null },
): Promise<void> {
  const { calls } = session.handle;
  const { runId, processModelId, definition, state } = session.run.header;
  if (state === 'running') {
    session.adopt(session.run);
    // Delivered again: the delivery before may have died before it had enqueued the jobs of the other shards.
    const isFirst = session.job.shard === 0 && session.shard.committedBy === null;
    if (company === null && isFirst) await startOthers(session.run);
    return;
  }
  const { instanceIds, limit, shards } = definition;
  const selection = { processModelId, instanceIds };
  while (session.ending === null && session.run.header.state === 'pending') {
    await waitWhileHeld(context, session);
    const settling = session.ending === null ? await waitUntilSettled(context, session) : null;
    if (settling === null || session.ending !== null) return;
    const surveyed = session.run.header;
    const survey = await surveyInstances(context, calls, { ...selection, limit, after: null });
    const bounds = await splitInstances(context, calls, selection, survey, limit === null ? shards : 1);
    const { run, changed } = await lasting.change((stored) =>
      freeze(stored, surveyed, settling, survey, bounds, context.runtime.now()),
    );
    if (changed && run.header.total !== null) {
      if (run.header.walk === 1) context.log.started(run.header);
      await startOthers(run);
    }
    session.adopt(run);
  }

  async function startOthers({ shards: all }: Run): Promise<void> {
    const others = openShards(all)
      .filter(({ index }) => index !== session.job.shard)
      .filter(({ committedBy, sweptAt }) => committedBy === null && sweptAt === null)
      .map(({ index, allottedStep }): ShardJob => ({ runId, shard: index, step: allottedStep }));
    if (company !== null) company.start(others);
    else for (const job of others) await lasting.enqueue(job);
  }
}
