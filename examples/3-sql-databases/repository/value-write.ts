import type { InstanceWrites } from 'process-metadata-backfill';

/** One value of a batch. `seen` and `token` belong to the row that it replaces; they are null if it fills. */
export interface ValueWrite {
  readonly id: number;
  readonly key: string;
  readonly value: string;
  readonly seen: string | null;
  readonly token: string | null;
}

/** A value that was not written, because its guard did not hold. */
export type KeptValue = Pick<ValueWrite, 'id' | 'key'>;

export function valueWrites(instances: readonly InstanceWrites<number>[]): ValueWrite[] {
  return instances.flatMap(({ id, values }) =>
    values.map(({ key, value, replaces }) => ({
      id,
      key,
      value: String(value),
      seen: replaces === undefined ? null : String(replaces.value),
      token: replaces?.token ?? null,
    })),
  );
}

/** Names a row of process_instance_metadata by its instance and key. */
export function rowName({ id, key }: KeptValue): string {
  return `${id} ${key}`;
}
