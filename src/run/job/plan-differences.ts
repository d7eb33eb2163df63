import type { JsonValue } from '../../extraction/json-value.js';
import type { InstanceSnapshot, MetadataWrite, PageEntry } from '../../ports/repository.js';
import { isFilled } from '../calls/page-entries.js';
import type { InstanceDifference } from '../record/difference-counts.js';
import type { RunDefinition } from '../record/run-record.js';
import type { PlannedEntry } from './plan-instance.js';
import { shownValue } from './shown-value.js';

/**
 * The plan of a dry run: what a run would write is only listed. The commit finds out whether the instance is still there, and
 * whether it has moved on.
 */
export function planDifferences(
  entry: PageEntry,
  planned: PlannedEntry,
  { differences: shows }: Pick<RunDefinition, 'differences'>,
): PlannedEntry {
  const { writes } = planned;
  if (writes === null || writes.values.length === 0 || isFilled(entry)) return planned;
  const differences = writes.values.map((write): InstanceDifference => {
    const stored = entry.stored.get(write.key)?.value;
    const found = { instanceId: entry.id, key: write.key, code: codeOf(entry, write) } as const;
    return shows === 'keys' ? found : { ...found, stored: shownIn(stored), expected: shownIn(write.value) };
  });
  return { ...planned, writes: { ...writes, values: [] }, differences };
}

function codeOf({ stored }: InstanceSnapshot, { key, value }: MetadataWrite): InstanceDifference['code'] {
  if (!stored.has(key)) return 'ABSENT';
  return (value ?? null) === null ? 'ORPHANED' : 'DIFFERENT';
}

/** Of a value in a record. */
const MOST_CHARACTERS = 200;

function shownIn(value: JsonValue | undefined): JsonValue {
  return shownValue(value ?? null, MOST_CHARACTERS - 1);
}
