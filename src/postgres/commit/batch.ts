import type { InstanceId, InstanceWrites } from '../../ports/repository.js';
import type { Writes } from '../metadata/metadata-store.js';

/** The instances of a commit, grouped by what they need. */
export interface Batch {
  readonly ids: readonly InstanceId[];
  /** They have values or a version. The others only have to exist. */
  readonly locked: readonly InstanceId[];
  readonly others: readonly InstanceId[];
  readonly versions: readonly { readonly id: InstanceId; readonly version: string }[];
  readonly writes: Writes;
}

export function batchOf(instances: readonly InstanceWrites[]): Batch {
  const batch = {
    ids: instances.map(({ id }) => id),
    locked: [] as InstanceId[],
    others: [] as InstanceId[],
    versions: [] as { id: InstanceId; version: string }[],
    writes: { inserts: [], replacements: [], deletes: [] } as Mutable<Writes>,
  };
  for (const { id, values, version } of instances) {
    (values.length > 0 || version !== undefined ? batch.locked : batch.others).push(id);
    if (version !== undefined) batch.versions.push({ id, version });
    // Always in the same order: two writers that write rows in different orders would wait for each other.
    for (const { key, value, replaces } of values.length > 1 ? values.toSorted(byKey) : values) {
      if (replaces === undefined) batch.writes.inserts.push({ id, key, value: value ?? null });
      else if (value === undefined) batch.writes.deletes.push({ id, key, replaces });
      else batch.writes.replacements.push({ id, key, value, replaces });
    }
  }
  return batch;
}

type Mutable<Lists> = {
  -readonly [Name in keyof Lists]: Lists[Name] extends readonly (infer One)[] ? One[] : never;
};

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}

/** The writes of some of the instances. */
export function writesOf({ inserts, replacements, deletes }: Writes, ids: ReadonlySet<InstanceId>): Writes {
  const isAmong = ({ id }: { readonly id: InstanceId }): boolean => ids.has(id);
  return {
    inserts: inserts.filter(isAmong),
    replacements: replacements.filter(isAmong),
    deletes: deletes.filter(isAmong),
  };
}
