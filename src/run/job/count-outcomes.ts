import type { InstanceId, WriteOutcome } from '../../ports/repository.js';
import type { InstanceFailure, Tally } from '../record/tally.js';
import type { PlannedInstance } from './plan-instance.js';

/** Exactly one outcome an instance, from what was planned and what the commit really did. */
export function countOutcomes(
  batch: readonly PlannedInstance[],
  outcome: WriteOutcome,
  keys: readonly string[],
): Tally {
  const gone = new Set(outcome.gone);
  const kept = keptKeys(outcome);
  const counts = keys.map(() => ({ written: 0, kept: 0, null: 0, missing: 0, truncated: 0 }));
  const failures: InstanceFailure[] = [];
  let processed = 0;
  let updated = 0;
  for (const { writes, findings, failure } of batch) {
    if (gone.has(writes.id)) continue;
    if (failure !== null) {
      failures.push(failure);
      continue;
    }
    processed += 1;
    const keptHere = kept.get(writes.id);
    let isUpdated = false;
    counts.forEach((count, index) => {
      const finding = findings[index] ?? 'dropped';
      if (finding === 'dropped') return;
      const isValue = finding === 'value' || finding === 'truncated';
      const isKept = isValue && keptHere?.has(keys[index] ?? '') === true;
      count[isKept ? 'kept' : isValue ? 'written' : finding] += 1;
      if (finding === 'truncated' && !isKept) count.truncated += 1;
      isUpdated ||= isValue && !isKept;
    });
    if (isUpdated) updated += 1;
  }
  const failed = failures.length;
  return { processed, updated, failed, gone: batch.length - processed - failed, keys: counts, failures };
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
