import { reasonOf } from '../access/reason-of.js';
import type { Tally } from '../record/tally.js';
import type { Worker } from '../worker.js';
import { countOutcomes } from './count-outcomes.js';
import { failedInstance, instanceFailure, type PlannedEntry } from './plan-instance.js';
import type { ShardSession, StepResult } from './shard-session.js';

/**
 * Commits a batch, with its checkpoint. When an instance is to blame for a refusal, the batch is split in halves down
 * to that one; each part is a commit with a checkpoint of its own, so that nothing is done twice if the job dies here.
 */
export async function settleBatch(
  worker: Worker,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<StepResult> {
  const result = await commitBatch(worker, session, batch);
  if (result.status !== 'rejected') return result;

  const [first, ...others] = batch;
  if (first === undefined) throw new RangeError('there is no batch to settle');
  if (others.length > 0) {
    const half = Math.ceil(batch.length / 2);
    const left = await settleBatch(worker, session, batch.slice(0, half));
    if (left.status !== 'committed' || session.ending !== null) return left;
    return settleBatch(worker, session, batch.slice(half));
  }

  if (first.writes === null) throw session.ports.failure('repository.commit', result.error);
  const { id } = first.writes;
  const failure = instanceFailure(id, null, 'WRITE_REJECTED', reasonOf(result.error));
  const counted = await commitBatch(worker, session, [failedInstance({ id, cursor: first.cursor }, failure)]);
  // Even a commit without any value is refused: no instance is to blame.
  if (counted.status === 'rejected') throw session.ports.failure('repository.commit', counted.error);
  return counted;
}

async function commitBatch(
  worker: Worker,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<StepResult> {
  const { header } = session.run;
  const keys = header.definition.paths.map(({ key }) => key);
  let counted: Tally | null = null;
  const result = await session.commit({
    instances: batch.flatMap(({ writes }) => writes ?? []),
    after: batch.at(-1)?.cursor ?? session.shard.after,
    done: false,
    count: (outcome) => {
      counted = countOutcomes(batch, outcome, keys);
      return counted;
    },
  });
  if (result.status === 'committed') logFailures(worker, session, counted);
  return result;
}

function logFailures({ log }: Worker, { run }: ShardSession, tally: Tally | null): void {
  for (const { instanceId, reason } of tally?.failures ?? [])
    log.instanceFailed(run.header, instanceId, reason);
}
