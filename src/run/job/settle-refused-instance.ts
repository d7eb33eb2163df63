import { classifyError } from '../calls/classify-error.js';
import type { RunContext } from '../context/run-context.js';
import { commitBatch } from './commit-batch.js';
import { commitFailures, withoutRefused, withoutValues } from './commit-failures.js';
import { commitNothing } from './commit-nothing.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import { findRefusedValues } from './find-refused-values.js';
import type { PlannedEntry } from './plan-instance.js';
import { type Refusal, type Settled, settledUpTo, settleSuspects } from './settle-suspects.js';
import type { ShardSession } from './shard-session.js';

const EXPERIMENTS = 2;

/**
 * One instance alone was refused. If the error speaks of its data, the instance is to blame. Any other error may come
 * from an outage, or from a fault of the whole database, so experiments decide:
 * 1. A commit without any instance. While that is refused, too, no instance is to blame.
 * 2. The instance alone, once more. If the first refusal came from an outage, that outage is over by now. Both steps are
 *    done twice, because there may be another outage.
 * 3. Refused again: the instance is to blame. After a transient error, or one that most likely is about the whole database,
 *    it is only a suspect until others go through.
 */
export async function settleRefusedInstance(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
  { place, error }: Refusal,
): Promise<Settled> {
  const alone = batch.slice(place, place + 1);
  const speaksOfData = (refusal: unknown): boolean =>
    classifyError(context.repository, refusal) === 'instance';

  let refusal = error;
  for (let round = 0; round < EXPERIMENTS && !speaksOfData(refusal); round += 1) {
    if (!(await commitNothing(session))) return settledUpTo(place, { status: 'outdated' });
    const again = await commitBatch(context, session, alone, { retries: 'transient' });
    if (again.status !== 'rejected') return settledUpTo(place + 1, again);
    refusal = again.error;
  }
  const kind = classifyError(context.repository, refusal);
  if (kind === 'transient' || kind === 'doubtful')
    return settleSuspects(context, session, batch, { place, error: refusal });
  const result = await failAlone(context, session, alone, refusal);
  // It is refused even without its values.
  if (result.status === 'rejected')
    return settleSuspects(context, session, batch, { place, error: result.error });
  return settledUpTo(place + 1, result);
}

async function failAlone(
  context: RunContext,
  session: ShardSession,
  alone: readonly PlannedEntry[],
  error: unknown,
): Promise<ShardCommitResult> {
  const { calls } = session.handle;
  const [entry] = alone;
  if (entry === undefined || entry.writes === null) throw calls.failure('repository.commit', error);
  const refused = await findRefusedValues(context, session, entry.writes, error);
  if ('is' in refused) {
    if (refused.is === 'outdated') return { status: 'outdated' };
    // It has moved on: a commit without its values leaves it behind.
    const all = new Map(entry.writes.values.map(({ key }) => [key, error]));
    const blamed = new Map([[entry, { error, refused: all }]]);
    return commitFailures(context, session, alone, blamed, { form: withoutRefused });
  }
  if (refused.size === 0) {
    // Each value alone is accepted. Another writer may have come between, which has passed.
    const again = await commitBatch(context, session, alone, { retries: 'transient' });
    if (again.status !== 'rejected') return again;
  }
  const blamed = new Map([[entry, { error, refused }]]);
  const partial = await commitFailures(context, session, alone, blamed, { form: withoutRefused });
  if (partial.status !== 'rejected' || refused.size === 0) return partial;
  return commitFailures(context, session, alone, blamed, { form: withoutValues });
}
