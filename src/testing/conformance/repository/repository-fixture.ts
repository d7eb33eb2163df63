import type { JsonValue } from '../../../extraction/json-value.js';
import type { BackfillRepository, InstanceId, InTransaction } from '../../../ports/repository.js';

/**
 * A repository, and what the cases need to play the live instances of its host. Each case uses process models, instances
 * and runs of its own, and deletes them. So the database may have others, and one database can serve all cases. Beside a live
 * host, a statement of the fixture may meet a deadlock: try it again. Sessions at READ COMMITTED meet fewer.
 *
 * Supply `repository` and the six methods from `insertInstances` to `metadata`. Each other member is optional and lets more
 * cases look: `transaction` and `insertTogether` find the worst mistakes. A case that cannot look says which member it lacks.
 *
 * @example
 * const createFixture = (): RepositoryFixture<PoolClient, number> => ({
 *   repository, insertInstances, deleteInstance, addTask, setMetadata, deleteMetadata, metadata, // required
 *   transaction, insertTogether, breakTaskData, clear, // optional
 * });
 */
export interface RepositoryFixture<Transaction = never, Id extends InstanceId = InstanceId> {
  /** The repository under test. */
  readonly repository: BackfillRepository<Transaction, Id>;

  /**
   * Inserts up to 2,000 instances, and resolves to their ids in the same order. Their cursors must ascend in this order
   * and sort behind the cursors of all instances inserted before.
   */
  insertInstances(instances: readonly FixtureInstance[]): Promise<readonly Id[]>;
  /** Deletes an instance with its tasks and its metadata, or only marks it (see `softDeletes`). */
  deleteInstance(id: Id): Promise<void>;
  /**
   * Adds a task, as a live instance does when it proceeds, with the locks that it takes. Works in `options.transaction` if
   * that is given. Only a fixture with the method `transaction` gets it.
   */
  addTask(id: Id, task: FixtureTask, options?: InTransaction<Transaction>): Promise<void>;

  /**
   * Inserts or overwrites a metadata row, as a live instance does. `value` is in the stored form, see `formatValue`. Works
   * in `options.transaction` if that is given. Only a fixture with the method `transaction` gets it.
   */
  setMetadata(id: Id, key: string, value: JsonValue, options?: InTransaction<Transaction>): Promise<void>;
  /** Deletes a metadata row. */
  deleteMetadata(id: Id, key: string): Promise<void>;
  /** The values of all metadata rows of an instance by key, in the stored form. An empty object if there are none. */
  metadata(id: Id): Promise<Readonly<Record<string, unknown>>>;

  /**
   * Inserts some instances as the host inserts many at once: in one statement or one transaction, so that they have the
   * same creation time if it is that of the transaction. They have no tasks. Resolves to their ids in any order.
   * @default no case looks at instances that may have the same cursor
   */
  insertTogether?(instances: readonly FixtureInstance[]): Promise<readonly Id[]>;
  /**
   * Runs `work` in a transaction of the host: commits when it resolves, rolls back and rejects when it rejects. Required
   * if the repository is `transactional`. Give it to any other repository, too: the cases about `settled`, and those that
   * act beside an open transaction, need only that `addTask` and `setMetadata` work in it.
   */
  transaction?<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /**
   * Replaces the newest task data of an instance by text that is not JSON, or removes its document but not its task. Null in
   * the column of the data does not count as broken: that may be a task without data. Leave the method out if the database
   * lets nothing be broken.
   */
  breakTaskData?(id: Id): Promise<void>;
  /**
   * From now on, `readInstances` awaits `work` after each statement that it sends. `null`: no longer. A case writes there.
   * @default the case writes all the time, and says so if no write fell into a read
   */
  afterStatements?(work: (() => Promise<void>) | null): void;

  /**
   * The id of a process model for a name: the name itself if the host can store it, otherwise an id made from it, such as a
   * UUID from its hash. Different names have different ids. Names of up to 36 characters suffice for all cases.
   * @default the host can store any text
   */
  processModelId?(name: string): string;
  /** Whether `insertInstances` uses `instance.id`. @default false */
  readonly takesIds?: boolean;
  /**
   * Whether an instance has one document, not one per task. Then it is inserted with one task that has completed, or none,
   * and `addTask` replaces the document. Cases about several tasks are skipped. @default false
   */
  readonly oneDocument?: boolean;
  /** Whether a deleted instance keeps its metadata rows, because it is only marked. @default false */
  readonly softDeletes?: boolean;
  /**
   * How long a case waits for what may be blocked: an answer while a transaction is open, or the end of
   * other transactions. @default 10,000
   */
  readonly patienceMs?: number;

  /**
   * Deletes what a case has left. Called after each case, before `close`.
   * @default each instance is deleted by `deleteInstance`, and the records of runs stay
   */
  clear?(left: FixtureLeftovers<Id>): Promise<void>;
  /** Called after each case. */
  close?(): Promise<void>;
}

/** What a case has left. */
export interface FixtureLeftovers<Id extends InstanceId = InstanceId> {
  /** All instances that it has inserted. Some are deleted already. */
  readonly instanceIds: readonly Id[];
  /** The `runId` of each record that it may have stored. */
  readonly runIds: readonly string[];
}

/** An instance that a case wants to insert. */
export interface FixtureInstance {
  readonly processModelId: string;
  /** Whether the instance is still executing. */
  readonly running: boolean;
  /** In no particular order. */
  readonly tasks: readonly FixtureTask[];
  /** Given only if the fixture has `takesIds: true`. */
  readonly id?: string;
}

/** A task of such an instance. */
export interface FixtureTask {
  /** A UUID. If your store numbers tasks itself, insert the tasks of an instance in ascending order of this id. */
  readonly id: string;
  readonly state: 'COMPLETED' | 'CANCELLED' | 'READY';
  /** `null` if no end time is stored. */
  readonly endedAt: Date | null;
  /** The task data. */
  readonly data: JsonValue;
}
