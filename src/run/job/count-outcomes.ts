import type { InstanceId, WriteOutcome } from '../../ports/repository.js';
import { type InstanceFailure, type KeyCounts, noCounts, type Tally } from '../record/tally.js';
import { type Finding, type PlannedEntry, WRITING } from './plan-instance.js';

/** The counters of a key that a finding adds to. */
const COUNTERS: Readonly<Record<Finding, readonly (keyof KeyCounts)[]>> = {
  value: ['written'],
  truncated: ['written', 'truncated'],
  replaced: ['written', 'replaced'],
  'replaced-truncated': ['written', 'replaced', 'truncated'],
  kept: ['kept'],
  null: ['null'],
  'null-orphaned': ['null', 'orphaned'],
  'null-cleared': ['null', 'orphaned', 'cleared'],
  missing: ['missing'],
  'missing-orphaned': ['missing', 'orphaned'],
  'missing-cleared': ['missing', 'orphaned', 'cleared'],
  failed: ['failed'],
  dropped: [],
};

/** Exactly one outcome per instance, from what was planned and what the commit really did. */
export function countOutcomes(
  batch: readonly PlannedEntry[],
  outcome: WriteOutcome,
  keys: readonly string[],
): Tally {
  const isGone = new Set(outcome.gone);
  const kept = keptKeys(outcome);
  const counts: Record<keyof KeyCounts, number>[] = keys.map(() => ({ ...noCounts }));
  const failures: InstanceFailure[] = [];
  let [processed, updated, failed, gone] = [0, 0, 0, 0];
  for (const { instances, writes, findings, failures: own } of batch) {
    if (writes !== null && isGone.has(writes.id)) {
      gone += 1;
      continue;
    }
    if (own.length > 0) failed += 1;
    else processed += instances;
    failures.push(...own);
    const keptHere = writes === null ? undefined : kept.get(writes.id);
    let isUpdated = false;
    counts.forEach((count, index) => {
      const planned = findings[index] ?? 'dropped';
      const isHeldBack = WRITING.has(planned) && keptHere?.has(keys[index] ?? '') === true;
      const finding = isHeldBack ? 'kept' : planned;
      for (const counter of COUNTERS[finding]) count[counter] += instances;
      isUpdated ||= COUNTERS[finding][0] === 'written';
    });
    if (isUpdated) updated += 1;
  }
  return { processed, updated, failed, gone, keys: counts, failures };
}

function keptKeys({ kept }: WriteOutcome): ReadonlyMap<InstanceId, ReadonlySet<string>> {
  const byInstance = new Map<InstanceId, Set<string>>();
  for (const { id, key } of kept) {
    const keys = byInstance.get(id);
    if (keys === undefined) byInstance.set(id, new Set([key]));
    else keys.add(key);
  }
  return byInstance;
}
