import type { InstanceId, WriteOutcome } from '../ports/repository.js';
import type { Finding, PlannedInstance } from './plan-instance.js';
import { emptyTally, type KeyCounts, type Tally } from './tally.js';

/** Exactly one outcome an instance, from what was planned and what the commit really did. */
export function countOutcomes(
  batch: readonly PlannedInstance[],
  outcome: WriteOutcome,
  keys: readonly string[],
): Tally {
  const gone = new Set(outcome.gone);
  const kept = new Map<InstanceId, Set<string>>();
  for (const { id, key } of outcome.kept) kept.set(id, (kept.get(id) ?? new Set()).add(key));

  const present = batch.filter(({ id }) => !gone.has(id));
  const failures = present.map(({ failure }) => failure).filter((failure) => failure !== null);
  const processed = present.filter(({ failure }) => failure === null);
  const counts = emptyTally(keys.length).keys.map((count) => ({ ...count }));
  let updated = 0;
  for (const { id, findings } of processed) {
    const keptKeys = kept.get(id);
    let isUpdated = false;
    for (const [index, key] of keys.entries()) {
      const finding = findings[index];
      const count = counts[index];
      if (finding === undefined || finding === 'dropped' || count === undefined) continue;
      const isWritten = isWrite(finding) && !keptKeys?.has(key);
      count[isWritten ? 'written' : isWrite(finding) ? 'kept' : finding] += 1;
      if (isWritten && finding === 'truncated') count.truncated += 1;
      isUpdated ||= isWritten;
    }
    if (isUpdated) updated += 1;
  }
  return {
    processed: processed.length,
    updated,
    failed: failures.length,
    gone: batch.length - present.length,
    keys: counts satisfies KeyCounts[],
    failures,
  };
}

function isWrite(finding: Finding): finding is 'value' | 'truncated' {
  return finding === 'value' || finding === 'truncated';
}
