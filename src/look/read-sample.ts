import pLimit from 'p-limit';
import type { Cursor, InstanceRange, InstanceSnapshot, PagePath } from '../ports/repository.js';
import { snapshotsOf } from '../run/calls/page-entries.js';
import { portCalls } from '../run/calls/port-calls.js';
import { linkedAbort } from '../run/context/linked-abort.js';
import type { RunContext } from '../run/context/run-context.js';
import { readPage } from '../run/job/read-page.js';
import { surveyInstances } from '../run/job/survey-instances.js';
import type { DrawnRank } from './draw-ranks.js';

const READS_AT_A_TIME = 4;

/** A sampled instance, as it was read. */
export interface SampledSnapshot {
  readonly drawn: DrawnRank;
  readonly snapshot: InstanceSnapshot;
}

/**
 * Reads the instances at these ranks, and passes each to `onRead` as soon as it is read. One call counts the instances up to
 * a rank, and another one reads the next instance. Counting goes on while instances are read. Instances that are
 * deleted meanwhile only make the sample smaller.
 */
export async function readSample(
  context: RunContext,
  selection: Omit<InstanceRange, 'after'>,
  paths: readonly PagePath[],
  ranks: readonly DrawnRank[],
  onRead: (sampled: SampledSnapshot) => Promise<void>,
): Promise<void> {
  const reading = linkedAbort(context.signal);
  const own = { ...context, signal: reading.signal };
  const calls = portCalls(own, null, { isStored: false });
  const slots = pLimit(READS_AT_A_TIME);
  const reads: Promise<void>[] = [];
  const { processModelId, instanceIds } = selection;

  async function read(drawn: DrawnRank, after: Cursor | null): Promise<void> {
    reading.signal.throwIfAborted();
    const query = { ...selection, after, limit: 1, paths };
    const page = await readPage(own, calls, query, { signal: reading.signal, limitPages() {} });
    const [snapshot] = snapshotsOf(page);
    if (snapshot !== undefined) await onRead({ drawn, snapshot });
  }

  try {
    let after: Cursor | null = null;
    let counted = 0;
    for (const drawn of ranks) {
      const limit = drawn.rank - 1 - counted;
      if (limit > 0) {
        reading.signal.throwIfAborted();
        const survey = await surveyInstances(own, calls, { processModelId, instanceIds, after, limit });
        if (survey.total < limit) break; // deleted since all were counted
        if (survey.total > limit)
          throw calls.contractError(
            `surveyInstances: expected at most ${limit} instances, got ${survey.total}`,
          );
        after = survey.upTo;
        counted += limit;
      }
      const place = after;
      const pending = slots(() => read(drawn, place));
      pending.catch((error: unknown) => reading.abort(error));
      reads.push(pending);
    }
    await Promise.all(reads);
  } catch (error) {
    reading.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(reads);
    reading.unlink();
  }
}
