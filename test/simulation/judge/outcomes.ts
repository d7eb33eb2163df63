import type { CommitEvent, SeenInstance } from '../history.js';
import { isComplete, type JudgedCall, type JudgedRun, type Replay } from './judged-world.js';
import {
  type Judgement,
  passedOver,
  type Rules,
  type RunChange,
  type ShardChange,
  whoOf,
} from './judgement.js';

/**
 * 1. At most one outcome an instance, and counters that equal the history.
 * 2. Completed: processed + failed + gone = total.
 * 5. Writes, outcomes and checkpoint are one transaction.
 */
export const outcomeRules: Rules = {
  commit(event, judgement) {
    const { changes, world, broken } = judgement;
    const { instances, status, written, records } = event;
    if (status !== 'committed') {
      if (written.length + records.length > 0)
        broken(5, `a commit that was answered "${status}" changed something`);
      return;
    }
    if (instances.length > 0) {
      const shards = changes.flatMap((change) => change.shards);
      const isCheckpointed = shards.length === 1 && shards[0]?.before?.after !== shards[0]?.after.after;
      if (!isCheckpointed) broken(5, `${instances.length} instances were committed without their checkpoint`);
    } else if (written.length > 0) broken(5, 'values were written for no instance');

    for (const change of changes) {
      for (const shard of change.shards) judgeTally(event, judgement, change, shard);
      if (change.run === null) continue;
      const call = world.calls.get(event.call);
      const passed = change.shards.flatMap((shard) => passedOver(event, shard, call));
      for (const { id } of [...instances, ...passed]) {
        const known = change.run.outcomes.get(id);
        if (known !== undefined) broken(1, `instance ${id} has a second outcome, by ${whoOf(call)}`);
      }
    }
  },

  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    const { state, total, processed, failed, gone, runId } = Object(answer);
    if (call === undefined || !isComplete(String(state))) return;
    if (!(processed >= 0 && failed >= 0 && gone >= 0) || processed + failed + gone !== total) {
      broken(2, `${state}: ${processed} processed + ${failed} failed + ${gone} gone is not ${total}`);
    }
    const run = world.runs.get(runId);
    if (run === undefined) return;
    const outcomes = [...run.outcomes.values()];
    const surely = outcomes.filter((outcome) => outcome === 'visited').length;
    const perhaps = outcomes.filter((outcome) => outcome === 'perhaps').length;
    if (processed + failed < surely || processed + failed > surely + perhaps) {
      broken(
        1,
        `${call.method} answered ${processed} processed and ${failed} failed, but there were ${surely}, and perhaps ${perhaps} more`,
      );
    }
  },
};

function judgeTally(
  event: CommitEvent,
  { world, broken }: Judgement,
  { run, header }: RunChange,
  shard: ShardChange,
) {
  const { before, after } = shard;
  if (before === null || run === null) {
    if (after.tally.processed + after.tally.failed + after.tally.gone > 0)
      broken(1, 'a new shard has counted already');
    return;
  }
  const call = world.calls.get(event.call);
  const expected = expectedTally(event, world, run, call, passedOver(event, shard, call));
  for (const name of ['processed', 'failed', 'gone', 'updated'] as const) {
    const counted = after.tally[name] - before.tally[name];
    const { from, to } = expected[name];
    if (counted < from || counted > to) {
      broken(1, `${name} grew by ${counted}, but there were ${from === to ? from : `${from} to ${to}`}`);
    }
  }
  const processed = after.tally.processed - before.tally.processed;
  const { definition, droppedKeys: dropped } = header?.after ?? run.header;
  for (const [index, { key }] of definition.paths.entries()) {
    const [now, was] = [after.tally.keys[index], before.tally.keys[index]];
    if (now === undefined || was === undefined || dropped.includes(key)) continue;
    const written = event.written.filter((row) => row.key === key && row.row.value !== null).length;
    if (now.written - was.written !== written) {
      broken(1, `"${key}" counts ${now.written - was.written} written values, but there were ${written}`);
    }
    const sum = (counts: typeof now): number => counts.written + counts.kept + counts.null + counts.missing;
    if (sum(now) - sum(was) !== processed) broken(1, `the counts of "${key}" do not add up to processed`);
  }
}

/** Exact, unless the call has read an instance more than once, and it depends on which of those it acts upon. */
function expectedTally(
  { instances, written }: CommitEvent,
  world: Replay,
  run: JudgedRun,
  call: JudgedCall | undefined,
  passed: readonly SeenInstance[],
) {
  const present = instances.filter(({ id }) => world.instances.has(id));
  const empty = present
    .filter(({ values }) => values.length === 0)
    .map(({ id }) => failuresOf(run, call, id));
  const surely = empty.filter((failures) => failures.every((isFailure) => isFailure)).length;
  const perhaps = empty.filter((failures) => failures.includes(true)).length;
  const updated = new Set(written.filter(({ row }) => row.value !== null).map(({ id }) => id)).size;
  const gone = instances.length - present.length;
  const passedAndThere = passed.filter(({ id }) => world.instances.has(id)).length;
  return {
    processed: {
      from: present.length - perhaps + passedAndThere,
      to: present.length - surely + passed.length,
    },
    failed: { from: surely, to: perhaps },
    gone: { from: gone, to: gone },
    updated: { from: updated, to: updated },
  };
}

/** Whether it is a failure: because the store has refused it, and by each reading of it since. */
function failuresOf(run: JudgedRun, call: JudgedCall | undefined, id: number): readonly boolean[] {
  const refusedAt = call?.refused.get(id) ?? null;
  const readings = (call?.seen.get(id) ?? []).filter(({ at }) => refusedAt === null || at > refusedAt);
  const unreadable = readings.map(({ instance }) => isUnreadable(run, instance));
  return refusedAt === null ? unreadable : [true, ...unreadable];
}

/** Its data is broken, although some key has to be read from it. */
export function isUnreadable({ header }: JudgedRun, { task, rows }: SeenInstance): boolean {
  if (task.state !== 'broken') return false;
  return header.definition.paths.some(({ key, mode }) => {
    const hasValue = (rows[key]?.value ?? null) !== null;
    return !header.droppedKeys.includes(key) && !(mode === 'fill' && hasValue);
  });
}
