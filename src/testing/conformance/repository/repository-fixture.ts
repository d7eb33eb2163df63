import type { JsonValue } from '../../../extraction/json-value.js';
import type { BackfillRepository, InstanceId } from '../../../ports/repository.js';

/**
 * A repository and the host around it, as far as the cases must play it. They use process models and runs of their own,
 * so that the database need not be empty: one of them can serve all cases.
 */
export interface RepositoryFixture<Transaction = never, Id extends InstanceId = InstanceId> {
  readonly repository: BackfillRepository<Transaction, Id>;

  /** Stores instances that sort behind all that are there, in this order; resolves to their ids. Up to 2,000 at a time. */
  insertInstances(instances: readonly FixtureInstance[]): Promise<readonly Id[]>;
  /** Along with its tasks and its metadata. */
  deleteInstance(id: Id): Promise<void>;
  /** As a live instance does when it goes on. */
  addTask(id: Id, task: FixtureTask): Promise<void>;

  /** As a live instance does: inserts the row, or overwrites it. `value` is in the stored form, see `formatValue`. */
  setMetadata(id: Id, key: string, value: JsonValue): Promise<void>;
  deleteMetadata(id: Id, key: string): Promise<void>;
  /** All rows of an instance, by key, in the stored form. */
  metadata(id: Id): Promise<Readonly<Record<string, unknown>>>;

  /** Commits when `work` resolves, rolls back when it rejects. Needed where the repository is `transactional`. */
  transaction?<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Leaves the newest task data of an instance as no JSON, or without its document; for a store that can hold that. */
  breakTaskData?(id: Id): Promise<void>;
  /** Whether `insertInstances` heeds `instance.id`. @default false */
  readonly takesIds?: boolean;

  /** After each case. */
  close?(): Promise<void>;
}

export interface FixtureInstance {
  readonly processModelId: string;
  /** Still executing. */
  readonly running: boolean;
  readonly tasks: readonly FixtureTask[];
  /** Only where the fixture takes ids. */
  readonly id?: string;
}

export interface FixtureTask {
  /** A UUID. In a store that numbers its tasks itself, insert those of an instance in ascending order of this. */
  readonly id: string;
  readonly state: 'COMPLETED' | 'CANCELLED' | 'READY';
  readonly endedAt: Date | null;
  readonly data: JsonValue;
}
