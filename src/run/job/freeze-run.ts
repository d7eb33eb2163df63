import type { ShardJob } from '../calls/enqueue-job.js';
import type { RunHandle } from '../calls/open-run.js';
import { freeze } from '../changes/freeze-walk.js';
import type { RunContext } from '../context/run-context.js';
import { openShards, type Run } from '../record/run-record.js';
import type { JobsBeside } from './jobs-beside.js';
import type { ShardSession } from './shard-session.js';
import { splitInstances, surveyInstances } from './survey-instances.js';
import { waitWhileHeld } from './wait-for-turn.js';
import { waitUntilSettled } from './wait-until-settled.js';

/**
 * The first job of a walk fixes its total, its bound and its shards. The request does not, because it may come before the
 * model update. The job then starts the jobs of the other shards.
 */
export async function freezeRun(
  context: RunContext,
  session: ShardSession,
  { lasting, beside }: { readonly lasting: RunHandle; readonly beside: JobsBeside | null },
): Promise<void> {
  const { calls } = session.handle;
  const { runId, processModelId, definition, state } = session.run.header;
  if (state === 'running') {
    session.adopt(session.run);
    // Delivered again: the delivery before may have died before it had enqueued the jobs of the other shards.
    const isFirst = session.job.shard === 0 && session.shard.committedBy === null;
    if (beside === null && isFirst) await startOthers(session.run);
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
    if (beside !== null) beside.start(others);
    else for (const job of others) await lasting.enqueue(job);
  }
}
