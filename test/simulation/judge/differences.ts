import type { CommitEvent, SeenInstance } from '../history.js';
import type { DifferencesView } from '../read-record.js';
import { valueAt } from '../world/extraction.js';
import type { JudgedRun, Replay } from './judged-world.js';
import {
  isNextWalk,
  type Judgement,
  type Rules,
  type RunChange,
  type ShardChange,
  settledBy,
} from './judgement.js';
import { isUnreadable, mayBeLost } from './outcomes.js';

/**
 * 30. A dry run lists what differs in each instance that it has processed, exactly once, as one of its reads has shown it. No other
 *    run lists anything. The list that is returned is that of the last walk.
 */
export const differenceRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) {
      const { run, differences, shards } = change;
      const isStray = differences.some(({ shard }) => !shards.some(({ after }) => after.index === shard));
      if (isStray) judgement.broken(30, 'differences were stored without a checkpoint');
      if (differences.length > 0 && run?.header.definition.dryRun !== true)
        judgement.broken(30, 'a run that is no dry run has listed differences');
      for (const shard of shards) judgeRecords(judgement, change, shard);
      if (run?.header.definition.dryRun === true) judgeListed(event, judgement, run, change);
    }
  },

  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    const run = world.runs.get(String(call?.argument.runId));
    if (call?.method !== 'differences' || run === undefined) return;
    const listed = namesOf(answer as DifferencesView['differences']);
    const expected = namesOf([...run.differing.values()].flat());
    if (listed !== expected) broken(30, `differences returned [${listed}] in place of [${expected}]`);
  },
};

function judgeRecords({ broken }: Judgement, change: RunChange, { before, after }: ShardChange): void {
  const stored = change.differences.filter(({ shard }) => shard === after.index);
  const [from, to] = [before?.differenceRecords ?? 0, after.differenceRecords];
  const numbers = stored.map(({ number }) => number).sort((a, b) => a - b);
  if (numbers.length !== to - from || numbers.some((number, place) => number !== from + place))
    broken(30, `shard ${after.index} counts records ${from} to ${to}, but got ${numbers.join(', ')}`);
  if (isNextWalk(change) && after.differencesFrom !== from)
    broken(30, `a walk began at record ${after.differencesFrom} of the differences, not at ${from}`);
}

function judgeListed(
  event: CommitEvent,
  { world, broken }: Judgement,
  run: JudgedRun,
  change: RunChange,
): void {
  const listed = change.differences.flatMap(({ differences }) => differences);
  const settled = new Set(settledBy(event, [change]).map(({ id }) => id));
  for (const { instanceId } of listed) {
    if (run.differing.has(instanceId)) broken(30, `instance ${instanceId} is listed a second time`);
    if (!settled.has(instanceId))
      broken(30, `instance ${instanceId} is listed, but has no outcome by this commit`);
  }
  const reads = world.calls.get(event.call)?.seen;
  for (const id of settled) {
    const own = namesOf(listed.filter(({ instanceId }) => instanceId === id));
    const possible = expectedOf(event, world, run, id, reads?.get(id)?.map(({ instance }) => instance) ?? []);
    if (!possible.includes(own))
      broken(30, `instance ${id} is listed with [${own}], not with [${possible.join('] or [')}]`);
  }
}

/** What the instance may be listed with. */
function expectedOf(
  { moved }: CommitEvent,
  { instances }: Replay,
  run: JudgedRun,
  id: number,
  reads: readonly SeenInstance[],
): readonly string[] {
  if (!instances.has(id) || moved.includes(id)) return [''];
  const lists = reads.map((seen) => namesOf(isUnreadable(run, seen) ? [] : differencesOf(run, seen)));
  return mayBeLost(run, id) ? [...lists, ''] : lists;
}

function differencesOf({ header }: JudgedRun, { id, task, rows, running }: SeenInstance) {
  const { paths, missing } = header.definition;
  return paths.flatMap(({ key, segments }) => {
    const [row, value] = [rows[key], (task.state === 'data' ? valueAt(task.value, segments) : null) ?? null];
    const stored = row?.value ?? null;
    const isWanted = value !== null || (missing === 'null' && !running);
    if (row === undefined) return isWanted ? [{ instanceId: id, key, code: 'ABSENT' }] : [];
    if (value !== null) return stored === value ? [] : [{ instanceId: id, key, code: 'DIFFERENT' }];
    return stored === null || running ? [] : [{ instanceId: id, key, code: 'ORPHANED' }];
  });
}

function namesOf(differences: DifferencesView['differences']): string {
  return differences
    .map(({ instanceId, key, code }) => `${instanceId}.${key} ${code}`)
    .sort()
    .join(', ');
}
