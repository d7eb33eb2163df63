import type { CommitEvent } from '../history.js';
import {
  isNextWalk,
  type Judgement,
  passedOver,
  type Rules,
  type RunChange,
  type ShardChange,
  settledBy,
} from './judgement.js';
import { nameOf } from './lists.js';

/**
 * 16. A record of failures has a limited size.
 * 28. Every failure of the last walk is listed exactly once, and nothing else is. How a list is read: {@link listRules}.
 */
export const listingRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) {
      const stray = change.failures.filter(
        ({ shard }) => !change.shards.some(({ after }) => after.index === shard),
      );
      if (stray.length > 0) judgement.broken(28, 'failures were stored without a checkpoint');
      for (const shard of change.shards) judgeRecords(event, judgement, change, shard);
    }
  },
};

function judgeRecords(
  event: CommitEvent,
  { world, broken }: Judgement,
  change: RunChange,
  shard: ShardChange,
): void {
  const { run, runId } = change;
  const { before, after } = shard;
  const stored = change.failures.filter((one) => one.shard === after.index);
  const [from, to] = [before?.failureRecords ?? 0, after.failureRecords];
  const numbers = stored.map(({ number }) => number).sort((a, b) => a - b);
  if (numbers.length !== to - from || numbers.some((number, place) => number !== from + place))
    broken(28, `shard ${after.index} counts records ${from} to ${to}, but got ${numbers.join(', ')}`);
  if (isNextWalk(change) && after.failuresFrom !== from)
    broken(28, `a walk began at record ${after.failuresFrom} of the failures, not at ${from}`);
  for (const { record, number, bytes, failures } of stored) {
    const group = `${runId}_f${after.index}_${Math.floor(number / RECORDS_PER_RUN_ID)}`;
    if (record.runId !== group || record.id !== `${group}_${number}`)
      broken(28, `failures were stored as ${record.id} of ${record.runId}`);
    if (bytes > MOST_BYTES && failures.length > 1) broken(16, `record ${record.id} has ${bytes} bytes`);
  }
  if (before === null || run === null) {
    if (stored.length > 0) broken(28, 'a new shard has failures');
    return;
  }
  const listed = stored.flatMap(({ failures }) => failures);
  const ids = new Set(listed.map(({ instanceId }) => instanceId));
  if (new Set(listed.map(nameOf)).size < listed.length) broken(28, 'a commit lists a failure twice');
  const failed = isNextWalk(change) ? 0 : after.tally.failed - before.tally.failed;
  if (ids.size !== failed)
    broken(28, `${ids.size} instances are listed as failed, but ${failed} are counted`);
  const passed = passedOver(event, shard, world.calls.get(event.call));
  const settled = new Set([...settledBy(event, [change]), ...passed].map(({ id }) => id));
  for (const id of ids) {
    if (run.failed.has(id)) broken(28, `instance ${id} is listed as failed a second time`);
    if (!settled.has(id)) broken(28, `instance ${id} is listed as failed, but has no outcome by this commit`);
    if (settled.has(id) && !world.instances.has(id) && !passed.some((one) => one.id === id))
      broken(28, `instance ${id} is listed as failed, but is gone`);
  }
}

const RECORDS_PER_RUN_ID = 20;
const MOST_BYTES = 16_384;
