import type { CommitEvent, Row, SeenInstance, WrittenRow } from '../history.js';
import type { ShardView } from '../read-record.js';
import { valueAt } from '../world/extraction.js';
import { isFromPath } from './judged-keys.js';
import { isComplete, isRequest, type JudgedCall, type JudgedRun, type Replay } from './judged-world.js';
import {
  hasMoved,
  isNextWalk,
  type Judgement,
  passedOver,
  type Rules,
  type RunChange,
  type ShardChange,
  settledBy,
  whoOf,
} from './judgement.js';

/**
 * 1. Each instance has at most one outcome, and the counters equal the history, those of each key as well.
 * 2. When a run is completed, processed + failed + gone = total.
 * 5. Values, outcomes and checkpoint are written in one transaction.
 */
export const outcomeRules: Rules = {
  commit(event, judgement) {
    const { changes, world, broken } = judgement;
    const { instances, status, written, records } = event;
    if (status !== 'committed') {
      if (written.length + records.length > 0)
        broken(5, `a commit that answered "${status}" changed something`);
      return;
    }
    if (instances.length > 0) {
      const shards = changes.flatMap((change) => change.shards);
      const isCheckpointed = shards.length === 1 && shards.every(hasMoved);
      if (!isCheckpointed) broken(5, `${instances.length} instances were committed without a checkpoint`);
    } else if (written.length > 0) broken(5, 'values were written for no instance');

    for (const change of changes) {
      for (const shard of change.shards) {
        if (isNextWalk(change)) judgeReset(judgement, shard, change.run?.header.definition.dryRun === true);
        else judgeTally(event, judgement, change, shard);
      }
      if (change.run === null) continue;
      const call = world.calls.get(event.call);
      const passed = change.shards.flatMap((shard) => passedOver(event, shard, call));
      for (const { id } of [...settledBy(event, [change]), ...passed]) {
        const earlier = change.run.outcomes.get(id);
        if (earlier !== undefined) broken(1, `instance ${id} has a second outcome, by ${whoOf(call)}`);
      }
    }
  },

  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    const { state, total, processed, failed, gone, runId, keys } = Object(answer);
    if (call !== undefined && processed + failed + gone > total)
      broken(2, `${call.method} answered ${processed + failed + gone} of ${total} instances`);
    if (call === undefined || isRequest(call) || !isComplete(String(state))) return;
    if (!(processed >= 0 && failed >= 0 && gone >= 0) || processed + failed + gone !== total) {
      broken(2, `${state}: ${processed} processed + ${failed} failed + ${gone} gone is not ${total}`);
    }
    const run = world.runs.get(runId);
    if (run === undefined) return;
    for (const [key, counts] of Object.entries<KeyCounts>(Object(keys))) {
      const isWhole =
        sumOf(counts) === processed + failed && Object.values(counts).every((count) => count >= 0);
      if (!isWhole && !run.header.droppedKeys.includes(key))
        broken(1, `the counts of "${key}" in the answer do not add up to processed and failed`);
    }
    const outcomes = [...run.outcomes.values()];
    const visited = outcomes.filter((outcome) => outcome === 'visited').length;
    const unknown = outcomes.filter((outcome) => outcome === 'unknown').length;
    if (processed + failed < visited || processed + failed > visited + unknown) {
      broken(
        1,
        `${call.method} answered ${processed} processed and ${failed} failed, but from ${visited} to ${visited + unknown} instances were visited`,
      );
    }
  },
};

function judgeTally(event: CommitEvent, { world, broken }: Judgement, change: RunChange, shard: ShardChange) {
  const { run, header } = change;
  const { before, after } = shard;
  if (before === null || run === null) {
    if (after.tally.processed + after.tally.failed + after.tally.gone > 0)
      broken(1, 'a new shard has outcomes already');
    return;
  }
  const call = world.calls.get(event.call);
  const instances = settledBy(event, [change]);
  const settled = { ...event, instances };
  const expected = expectedTally(settled, world, run, call, passedOver(event, shard, call));
  const { dryRun } = run.header.definition;
  for (const name of ['processed', 'failed', 'gone', 'updated'] as const) {
    if (dryRun && name === 'updated') continue; // what it would write is judged by its differences
    const counted = after.tally[name] - before.tally[name];
    const { from, to } = expected[name];
    if (counted < from || counted > to) {
      broken(1, `${name} grew by ${counted}, but there were ${from === to ? from : `${from} to ${to}`}`);
    }
  }
  const counted = after.tally.processed + after.tally.failed - before.tally.processed - before.tally.failed;
  const { definition, droppedKeys } = header?.after ?? run.header;
  for (const [index, { key }] of definition.paths.entries()) {
    const [now, was] = [after.tally.keys[index], before.tally.keys[index]];
    if (now === undefined || was === undefined || droppedKeys.includes(key)) continue;
    const grown = (name: keyof typeof now): number => now[name] - was[name];
    if (sumOf(now) - sumOf(was) !== counted)
      broken(1, `the counts of "${key}" do not add up to processed and failed`);
    if (dryRun) continue;
    const { orphaned, ...exact } = expectedCounts(settled, world, run, call, key);
    for (const name of ['written', 'replaced', 'cleared'] as const) {
      if (grown(name) !== exact[name])
        broken(1, `"${key}" counts ${grown(name)} ${name} values, but there were ${exact[name]}`);
    }
    const { from, to } = orphaned;
    if (grown('orphaned') < from || grown('orphaned') > to)
      broken(1, `"${key}" counts ${grown('orphaned')} orphaned values, but there were ${from} to ${to}`);
  }
}

type KeyCounts = ShardView['tally']['keys'][number];

function sumOf(counts: KeyCounts): number {
  return counts.written + counts.kept + counts.null + counts.missing + counts.failed;
}

/** A walk begins without outcomes. What the walks before have written adds up. */
function judgeReset({ broken }: Judgement, { before, after }: ShardChange, dryRun: boolean): void {
  const { processed, failed, gone, updated, keys } = after.tally;
  if (before === null || processed + failed + gone > 0) broken(1, 'a walk began with outcomes');
  const kept = dryRun ? 0 : before?.tally.updated;
  if (updated !== kept) broken(1, `updated went from ${before?.tally.updated} to ${updated}`);
  for (const [index, counts] of keys.entries()) {
    const was = before?.tally.keys[index];
    const isLost = (['written', 'replaced', 'cleared'] as const).some(
      (name) => counts[name] !== (dryRun ? 0 : was?.[name]),
    );
    if (isLost || sumOf(counts) !== 0) broken(1, 'a walk began with wrong counts of a key');
  }
}

/** How much each counter may grow. A range if the call has read an instance several times, and may use any of the reads. */
function expectedTally(
  { instances, written, moved }: CommitEvent,
  world: Replay,
  run: JudgedRun,
  call: JudgedCall | undefined,
  passed: readonly SeenInstance[],
) {
  const present = instances.filter(({ id }) => world.instances.has(id));
  const failing = present.map(({ id, values }) => {
    if (moved.includes(id)) return [true];
    if (mayBeLost(run, id)) return [true, false];
    if (values.length === 0) return failuresOf(run, call, id);
    // Without the values that the store has refused.
    return refusalsOf(call, id, new Set(values.map(({ key }) => key)));
  });
  const certain = failing.filter((failures) => failures.length > 0 && !failures.includes(false)).length;
  const possible = failing.filter((failures) => failures.includes(true)).length;
  const updated = new Set(written.filter(isValue).map(({ id }) => id)).size;
  const gone = instances.length - present.length;
  const filled = passed.filter(({ isPassedOver }) => isPassedOver);
  const unnamed = passed.filter(({ isPassedOver }) => !isPassedOver);
  const unnamedAndPresent = unnamed.filter(({ id }) => world.instances.has(id)).length;
  const filledAndPresent = filled.filter(({ id }) => world.instances.has(id)).length;
  return {
    processed: {
      from: present.length - possible + filledAndPresent,
      to: present.length - certain + filled.length,
    },
    failed: { from: certain + unnamedAndPresent, to: possible + unnamed.length },
    gone: { from: gone, to: gone },
    updated: { from: updated, to: updated },
  };
}

/** How much some counts of a key grow, by what was stored before the commit and what the call had read. */
function expectedCounts(
  { instances, written, moved }: CommitEvent,
  world: Replay,
  run: JudgedRun,
  call: JudgedCall | undefined,
  key: string,
) {
  const ofKey = written.filter((row) => row.key === key);
  const overValue = ofKey.filter(({ id }) => hasValue(world.instances.get(id)?.rows.get(key)));
  const cleared = overValue.filter((row) => !isValue(row));
  const clearedIds = new Set(cleared.map(({ id }) => id));
  let [from, to] = [cleared.length, cleared.length];
  for (const { id } of instances) {
    if (!world.instances.has(id) || clearedIds.has(id) || moved.includes(id)) continue;
    const reads = call?.seen.get(id) ?? [];
    const answers = reads.map(({ instance }) => isOrphan(run, instance, key));
    if (call?.refused.has(id) === true) answers.push(false); // all of its keys may have failed
    if (answers.includes(true)) to += 1;
    if (answers.includes(true) && !answers.includes(false)) from += 1;
  }
  return {
    written: ofKey.filter(isValue).length,
    replaced: overValue.filter(isValue).length,
    cleared: cleared.length,
    orphaned: { from, to },
  };
}

/** Whether an instance that was left behind may have failed because pages of lagging replicas did not show it. */
export function mayBeLost(run: JudgedRun, id: number): boolean {
  const { reads, misses } = run.behind.get(id) ?? { reads: 0, misses: 0 };
  return reads >= REREADS && misses > 0;
}

/** So often an instance that was left behind is read again before it fails. */
export const REREADS = 5;

/** Whether an instance has a value that its path does not find, and that stays. */
function isOrphan(run: JudgedRun, seen: SeenInstance, key: string): boolean {
  const { paths, clear } = run.header.definition;
  const index = paths.findIndex((one) => one.key === key);
  const path = paths[index];
  if (path === undefined || !hasValue(seen.rows[key]) || isUnreadable(run, seen)) return false;
  const isFormer = isFromPath(seen.rows[key]?.value, seen.task, run.header.claims[index]?.formerPaths ?? []);
  if (path.mode === 'remove' || (path.mode === 'fill' && !isFormer)) return false;
  const found = seen.task.state === 'data' ? (valueAt(seen.task.value, path.segments) ?? null) : null;
  return found === null && !((clear || isFormer) && !seen.running);
}

function hasValue(row: Row | null | undefined): boolean {
  return (row?.value ?? null) !== null;
}

function isValue({ row }: WrittenRow): boolean {
  return hasValue(row);
}

/** All possible answers to whether the instance failed: `true` if the store refused it, and one for each later read. */
function failuresOf(run: JudgedRun, call: JudgedCall | undefined, id: number): readonly boolean[] {
  const refusedAt = call?.refused.get(id)?.at ?? null;
  const reads = (call?.seen.get(id) ?? []).filter(({ at }) => refusedAt === null || at > refusedAt);
  const unreadable = reads.map(({ instance }) => isUnreadable(run, instance));
  return refusedAt === null ? unreadable : [true, ...unreadable];
}

/** All possible answers to whether the store refused a value of the instance: one for each read since. */
function refusalsOf(
  call: JudgedCall | undefined,
  id: number,
  committed: ReadonlySet<string>,
): readonly boolean[] {
  const refusal = call?.refused.get(id);
  if (refusal === undefined) return [false];
  // With all of the values, it is the commit that was refused before: it lands late, or is accepted by now.
  if ([...refusal.keys].every((key) => committed.has(key))) return [false];
  return [true, ...(call?.seen.get(id) ?? []).filter(({ at }) => at > refusal.at).map(() => false)];
}

/** Whether its data is broken, and a key must be read from it. */
export function isUnreadable({ header }: JudgedRun, { task, rows }: SeenInstance): boolean {
  if (task.state !== 'broken') return false;
  return header.definition.paths.some(({ key, mode }, index) => {
    const hasValue = (rows[key]?.value ?? null) !== null;
    const isCompared = (header.claims[index]?.formerPaths.length ?? 0) > 0;
    const needsData = mode !== 'remove' && !(mode === 'fill' && hasValue && !isCompared);
    return !header.droppedKeys.includes(key) && needsData;
  });
}
