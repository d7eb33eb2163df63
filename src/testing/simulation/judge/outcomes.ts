import type { CommitEvent } from '../history.js';
import { type Judgement, type RunChange, type Rules, type ShardChange, whoOf } from './judgement.js';
import { isComplete, type JudgedCall, type JudgedRun, type Replay } from './replay.js';

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
      if (written.length + records.length > 0) broken(5, `a commit that was answered "${status}" changed something`);
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
      for (const { id } of instances) {
        const known = change.run.outcomes.get(id);
        if (known !== undefined) broken(1, `instance ${id} has a second outcome, by ${whoOf(world.calls.get(event.call))}`);
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
    const visited = [...run.outcomes.values()].filter((outcome) => outcome === 'visited').length;
    if (processed + failed !== visited) {
      broken(1, `${call.method} answered ${processed} processed and ${failed} failed, but there were ${visited}`);
    }
  },
};

function judgeTally(event: CommitEvent, { world, broken }: Judgement, { run, header }: RunChange, shard: ShardChange) {
  const { before, after } = shard;
  if (before === null || run === null) {
    if (after.tally.processed + after.tally.failed + after.tally.gone > 0) broken(1, 'a new shard has counted already');
    return;
  }
  const expected = expectedTally(event, world, run, world.calls.get(event.call));
  for (const name of ['processed', 'failed', 'gone', 'updated'] as const) {
    const counted = after.tally[name] - before.tally[name];
    if (counted !== expected[name]) broken(1, `${name} grew by ${counted}, but there were ${expected[name]}`);
  }
  const { definition, dropped } = header?.after ?? run.header;
  for (const [index, { key }] of definition.paths.entries()) {
    const [now, was] = [after.tally.keys[index], before.tally.keys[index]];
    if (now === undefined || was === undefined || dropped.includes(key)) continue;
    const written = event.written.filter((row) => row.key === key && row.row.value !== null).length;
    if (now.written - was.written !== written) {
      broken(1, `"${key}" counts ${now.written - was.written} written values, but there were ${written}`);
    }
    const sum = (counts: typeof now): number => counts.written + counts.kept + counts.null + counts.missing;
    if (sum(now) - sum(was) !== expected.processed) broken(1, `the counts of "${key}" do not add up to processed`);
  }
}

function expectedTally({ instances, written }: CommitEvent, world: Replay, run: JudgedRun, call: JudgedCall | undefined) {
  const present = instances.filter(({ id }) => world.instances.has(id));
  const failed = present.filter(({ id, values }) => values.length === 0 && isFailure(run, call, id));
  const failedIds = new Set(failed.map(({ id }) => id));
  const updated = new Set(written.filter(({ row }) => row.value !== null).map(({ id }) => id));
  return {
    processed: present.length - failed.length,
    failed: failed.length,
    gone: instances.length - present.length,
    updated: [...updated].filter((id) => !failedIds.has(id)).length,
  };
}

/** An instance that the store has refused, or whose data is broken although some key has to be read from it. */
export function isFailure({ header }: JudgedRun, call: JudgedCall | undefined, id: number): boolean {
  if (call?.refused.has(id) === true) return true;
  const seen = call?.seen.get(id)?.instance;
  if (seen === undefined || seen.task.state !== 'broken') return false;
  return header.definition.paths.some(({ key, mode }) => {
    const hasValue = (seen.rows[key]?.value ?? null) !== null;
    return !header.dropped.includes(key) && !(mode === 'fill' && hasValue);
  });
}
