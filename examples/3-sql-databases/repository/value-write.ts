import type { InstanceWrites } from 'process-metadata-backfill';

/** One value of a batch. `seen` and `token` belong to the row that it replaces; they are null if it fills. */
export interface ValueWrite {
  readonly id: number;
  readonly key: string;
  readonly value: string;
  readonly seen: string | null;
  readonly token: string | null;
}

/** A row to delete, as it was read. */
export type RowDelete = Pick<ValueWrite, 'id' | 'key' | 'seen' | 'token'>;

/** A value that was not written, or a row that was not deleted, because its guard did not hold. */
export type KeptValue = Pick<ValueWrite, 'id' | 'key'>;

/** What a batch writes, and what it deletes: the writes without a value. */
export function writesAndDeletes(
  instances: readonly InstanceWrites<number>[],
): [writes: ValueWrite[], deletes: RowDelete[]] {
  const [writes, deletes]: [ValueWrite[], RowDelete[]] = [[], []];
  for (const { id, values } of instances) {
    for (const { key, value, replaces } of values) {
      const seen = replaces === undefined ? null : String(replaces.value);
      const token = replaces?.token ?? null;
      if (value === undefined) deletes.push({ id, key, seen, token });
      else writes.push({ id, key, value: String(value), seen, token });
    }
  }
  return [writes, deletes];
}

/** Names a row of process_instance_metadata by its instance and key. */
export function rowName({ id, key }: KeptValue): string {
  return `${id} ${key}`;
}
