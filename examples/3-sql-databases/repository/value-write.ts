import type { InstanceWrites } from 'process-metadata-backfill';

/** One value of a batch, flat; `seen` and `token` are of the row that it replaces, null where it fills. */
export interface ValueWrite {
  readonly id: number;
  readonly key: string;
  readonly value: string;
  readonly seen: string | null;
  readonly token: string | null;
}

/** A value that its guard held back. */
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

/** Tells a row of process_instance_metadata by its instance and key. */
export function rowName({ id, key }: KeptValue): string {
  return `${id} ${key}`;
}
