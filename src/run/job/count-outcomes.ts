import type { InstanceId, WriteOutcome } from '../../ports/repository.js';
import { countDifferences, type InstanceDifference } from '../record/difference-counts.js';
import { type LeftBehind, MOST_REREADS } from '../record/left-behind.js';
import { type InstanceFailure, type KeyCounts, noCounts, type Tally } from '../record/tally.js';
import {
  type Finding,
  failedInstance,
  hasValues,
  instanceFailure,
  type PlannedEntry,
  WRITING,
} from './plan-instance.js';

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

export interface CountedOutcomes {
  readonly tally: Tally;
  readonly failures: readonly InstanceFailure[];
  readonly differences: readonly InstanceDifference[];
  /** The instances without an outcome, because they have moved on since they were read. */
  readonly left: readonly LeftBehind[];
  /** The last instance that got a value. `null`: none did. */
  readonly lastWritten: InstanceId | null;
}

/** At most one outcome per instance, from what was planned and what the commit really did. */
export function countOutcomes(
  batch: readonly PlannedEntry[],
  outcome: WriteOutcome,
  keys: readonly string[],
): CountedOutcomes {
  const isGone = new Set(outcome.gone);
  const hasMoved = new Set(outcome.moved);
  const kept = keptKeys(outcome);
  const left: LeftBehind[] = [];
  const counts: Record<keyof KeyCounts, number>[] = keys.map(() => ({ ...noCounts }));
  const failures: InstanceFailure[] = [];
  const differences: InstanceDifference[] = [];
  let [processed, updated, failed, gone] = [0, 0, 0, 0];
  let lastWritten: InstanceId | null = null;
  for (const planned of batch) {
    const { writes, reread } = planned;
    if (writes !== null && isGone.has(writes.id)) {
      gone += 1;
      continue;
    }
    const isBusy = writes !== null && (hasMoved.has(writes.id) || reread?.isFound === false);
    const tries = reread?.tries ?? 0;
    if (isBusy && tries < MOST_REREADS) {
      left.push({ id: writes.id, tries });
      continue;
    }
    const settled = isBusy ? busyInstance(planned, writes.id) : planned;
    const { instances, findings, failures: own } = settled;
    if (own.length > 0) failed += 1;
    else processed += instances;
    failures.push(...own);
    differences.push(...(settled.differences ?? []));
    const keptHere = writes === null ? undefined : kept.get(writes.id);
    let isUpdated = false;
    counts.forEach((count, index) => {
      const wanted = findings[index] ?? 'dropped';
      const isHeldBack = WRITING.has(wanted) && keptHere?.has(keys[index] ?? '') === true;
      const finding = isHeldBack ? 'kept' : wanted;
      for (const counter of COUNTERS[finding]) count[counter] += instances;
      isUpdated ||= COUNTERS[finding][0] === 'written';
    });
    if (!isUpdated) continue;
    updated += 1;
    if (hasValues(planned)) lastWritten = planned.writes.id;
  }
  const tally = { processed, updated, failed, gone, keys: counts };
  return {
    tally: { ...tally, differences: countDifferences(differences, keys) },
    failures,
    differences,
    left,
    lastWritten,
  };
}

/** All failures that the commit may count, in the order of its entries. Instances that are gone or have moved do not fail. */
export function possibleFailures(batch: readonly PlannedEntry[]): InstanceFailure[] {
  return batch.flatMap((planned) => {
    const { writes, reread, failures } = planned;
    const mayBeBusy = writes !== null && (reread?.tries ?? 0) >= MOST_REREADS;
    return mayBeBusy ? [...failures, ...busyInstance(planned, writes.id).failures] : failures;
  });
}

/** All differences that the commit may count. Instances that are gone or have moved do not differ. */
export function possibleDifferences(batch: readonly PlannedEntry[]): InstanceDifference[] {
  return batch.flatMap(({ differences }) => differences ?? []);
}

function busyInstance(planned: PlannedEntry, id: InstanceId): PlannedEntry {
  const reason = planned.reread?.isFound === false ? UNFOUND : BUSY;
  return failedInstance(planned, instanceFailure(id, null, 'INSTANCE_BUSY', reason));
}

const BUSY = `its version had changed at each commit, also after it was read again ${MOST_REREADS} times. Either it is saved all the time, or readInstances and commit build its version differently: use the same expression, with all digits of a time. Request its keys again with instanceIds`;
const UNFOUND = `commit finds it, but the last of ${MOST_REREADS} rereads did not: readInstances and commit must look at the same instances of the same database`;

function keptKeys({ kept }: WriteOutcome): ReadonlyMap<InstanceId, ReadonlySet<string>> {
  const byInstance = new Map<InstanceId, Set<string>>();
  for (const { id, key } of kept) {
    const keys = byInstance.get(id);
    if (keys === undefined) byInstance.set(id, new Set([key]));
    else keys.add(key);
  }
  return byInstance;
}
