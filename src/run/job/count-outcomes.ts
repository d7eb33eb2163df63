import type { InstanceId, WriteOutcome } from '../../ports/repository.js';
import type { InstanceFailure, Tally } from '../record/tally.js';
import type { PlannedEntry } from './plan-instance.js';

/** Exactly one outcome per instance, from what was planned and what the commit really did. */
export function countOutcomes(
  batch: readonly PlannedEntry[],
  outcome: WriteOutcome,
  keys: readonly string[],
): Tally {
  const isGone = new Set(outcome.gone);
  const kept = keptKeys(outcome);
  const counts = keys.map(() => ({ written: 0, kept: 0, null: 0, missing: 0, truncated: 0 }));
  const failures: InstanceFailure[] = [];
  let processed = 0;
  let updated = 0;
  let gone = 0;
  for (const { instances, writes, findings, failure } of batch) {
    if (writes !== null && isGone.has(writes.id)) {
      gone += 1;
      continue;
    }
    if (failure !== null) {
      failures.push(failure);
      continue;
    }
    processed += instances;
    const keptHere = writes === null ? undefined : kept.get(writes.id);
    let isUpdated = false;
    counts.forEach((count, index) => {
      const finding = findings[index] ?? 'dropped';
      if (finding === 'dropped') return;
      const isValue = finding === 'value' || finding === 'truncated';
      const isKept = isValue && keptHere?.has(keys[index] ?? '') === true;
      count[isKept ? 'kept' : isValue ? 'written' : finding] += instances;
      if (finding === 'truncated' && !isKept) count.truncated += 1;
      isUpdated ||= isValue && !isKept;
    });
    if (isUpdated) updated += 1;
  }
  return { processed, updated, failed: failures.length, gone, keys: counts, failures };
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
