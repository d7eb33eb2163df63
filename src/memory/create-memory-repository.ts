import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { InvalidInputError } from '../errors.js';
import type { JsonValue } from '../extraction/json-value.js';
import { describe, expecting, parseInput } from '../input/parse-input.js';
import type {
  BackfillRepository,
  CommitResult,
  InstanceId,
  InstanceSelection,
  InstanceSnapshot,
  MetadataWrite,
  RepositoryCommit,
  RunRecord,
  StoredValue,
  TaskData,
} from '../ports/repository.js';
import { compareTaskTimes, parseTaskTime, type TaskTime } from './task-time.js';

/** A task of an instance. The latest completed task has the greatest `endedAt`. */
export interface MemoryTask {
  /** Of tasks with the same `endedAt`, the one with the lowest id is the latest. @default the order of the list */
  readonly id?: string;
  /** Only tasks with the state `COMPLETED` count. */
  readonly state: string;
  /**
   * Milliseconds, a `Date` or an ISO 8601 text. All its digits count. Without a zone it is UTC. `null`
   * is the earliest time. @default null
   */
  readonly endedAt?: number | string | Date | null;
  /** The task data, parsed. */
  readonly data?: unknown;
  /** The task data as JSON text, instead of `data`. It may be broken, to try what a run does then. */
  readonly json?: string;
}

/** An instance, its tasks, and its metadata at the start. */
export interface MemoryInstance {
  /** Unique in the repository. */
  readonly id: InstanceId;
  readonly processModelId: string;
  /** Whether the instance is still executing. @default false */
  readonly running?: boolean;
  readonly tasks: readonly MemoryTask[];
  /** The metadata rows that exist already: values by key. @default none */
  readonly metadata?: Readonly<Record<string, JsonValue>>;
}

/** A repository in memory. Its own methods change instances, as live instances do beside a backfill. */
export interface MemoryRepository extends BackfillRepository {
  /** The metadata of an instance: values by key. `undefined` if there is no such instance. */
  metadata(instanceId: InstanceId): Record<string, unknown> | undefined;
  /**
   * Inserts an instance behind all others in the order of the walk.
   * @throws {InvalidInputError} when `instance` is none.
   * @throws {Error} when an instance has this id.
   */
  insertInstance(instance: MemoryInstance): void;
  /**
   * Replaces `running` or `tasks` of an instance, and gives it a new version.
   * @throws {Error} when there is no such instance.
   */
  updateInstance(id: InstanceId, changes: Partial<Pick<MemoryInstance, 'running' | 'tasks'>>): void;
  /** Deletes an instance with its metadata, if it exists. */
  deleteInstance(id: InstanceId): void;
  /**
   * Inserts or overwrites a metadata row.
   * @throws {Error} when there is no such instance.
   */
  setMetadata(id: InstanceId, key: string, value: JsonValue): void;
  /**
   * Deletes a metadata row, if it exists.
   * @throws {Error} when there is no such instance.
   */
  deleteMetadata(id: InstanceId, key: string): void;
}

interface Row {
  readonly value: JsonValue;
  readonly token: string;
}

interface StoredInstance {
  readonly instance: MemoryInstance;
  readonly cursor: number;
  /** Grows with each `updateInstance`. */
  readonly version: number;
  readonly rows: Map<string, Row>;
}

/**
 * Creates a repository that keeps instances, metadata and runs in the memory of this process. It is for tests and for
 * trying the library out: everything is lost when the process ends.
 * @throws {InvalidInputError} when the options or an instance are wrong.
 * @throws {Error} when two of the instances have the same id.
 */
export function createMemoryRepository(
  options: {
    /** In the order of the walk. @default none */ readonly instances?: readonly MemoryInstance[];
  } = {},
): MemoryRepository {
  const given = parseInput('createMemoryRepository options', schema, options);
  const instances = new Map<InstanceId, StoredInstance>();
  const records = new Map<string, RunRecord>();
  let counter = 0;

  function insertInstance(instance: MemoryInstance): void {
    assertInstance(instance);
    if (instances.has(instance.id)) throw new Error(`instance ${JSON.stringify(instance.id)} exists already`);
    assertTasks(instance.id, instance.tasks);
    counter += 1;
    const rows = Object.entries(instance.metadata ?? {}).map(([key, value]) => [key, newRow(value)] as const);
    instances.set(instance.id, {
      instance,
      cursor: counter,
      version: 1,
      rows: new Map(rows),
    });
  }

  function newRow(value: JsonValue): Row {
    counter += 1;
    return { value: structuredClone(value), token: String(counter) }; // it may be a part of the task data
  }

  function existing(id: InstanceId): StoredInstance {
    const found = instances.get(id);
    if (found === undefined) throw new Error(`there is no instance ${JSON.stringify(id)}`);
    return found;
  }

  /** In creation order: a Map keeps the order in which its entries were inserted. */
  function select(
    { processModelId, instanceIds }: InstanceSelection,
    after: unknown,
    upTo: unknown,
  ): StoredInstance[] {
    const wanted = instanceIds === null ? null : new Set(instanceIds);
    const from = after === null ? Number.NEGATIVE_INFINITY : Number(after);
    const to = upTo === null ? Number.POSITIVE_INFINITY : Number(upTo);
    return [...instances.values()].filter(
      ({ instance, cursor }) =>
        instance.processModelId === processModelId &&
        cursor > from &&
        cursor <= to &&
        (wanted === null || wanted.has(instance.id)),
    );
  }

  function conflictsWith(next: readonly RunRecord[]): boolean {
    return next.some(
      ({ id, activeKey }) =>
        activeKey !== null &&
        [...records.values()].some((other) => other.id !== id && other.activeKey === activeKey),
    );
  }

  /** Has no `await`, so nothing can happen between the checks and the writes. */
  function commitNow({
    processModelId,
    expected,
    exhausted,
    instances: batch,
    next,
  }: RepositoryCommit): CommitResult {
    if (expected.some(({ id, revision }) => (records.get(id)?.revision ?? null) !== revision)) {
      return { status: 'conflict' };
    }
    if (exhausted !== undefined && select(exhausted, exhausted.after, exhausted.upTo).length > 0) {
      return { status: 'not-exhausted' };
    }
    const find = (id: InstanceId) => {
      const found = instances.get(id);
      return found?.instance.processModelId === processModelId ? found : undefined;
    };
    const moved = batch.filter(({ id, version }) => {
      const found = find(id);
      return found !== undefined && version !== undefined && version !== String(found.version);
    });
    const writes = batch
      .filter((instance) => !moved.includes(instance))
      .flatMap(({ id, values }) => values.map((write) => ({ id, write, rows: find(id)?.rows })));
    const allowed = writes.filter(
      ({ rows, write }) => rows !== undefined && mayWrite(rows.get(write.key), write),
    );
    const refused = writes.filter(
      ({ rows, write }) => rows !== undefined && !mayWrite(rows.get(write.key), write),
    );
    const result = next({
      gone: batch.filter(({ id }) => find(id) === undefined).map(({ id }) => id),
      kept: refused.map(({ id, write }) => ({ id, key: write.key })),
      moved: moved.map(({ id }) => id),
    });
    if (conflictsWith(result)) return { status: 'conflict' };
    for (const { rows, write } of allowed) {
      if (write.value === undefined) rows?.delete(write.key);
      else rows?.set(write.key, newRow(write.value));
    }
    for (const record of result) records.set(record.id, record);
    return { status: 'committed' };
  }

  for (const instance of given.instances ?? []) insertInstance(instance);

  return {
    deletes: true,
    settled: async () => ({ mark: '', settled: true }), // each insert is complete at once

    async surveyInstances(query) {
      const found = select(query, query.after, null).slice(0, query.limit ?? undefined);
      return { total: found.length, upTo: found.at(-1)?.cursor ?? null };
    },
    async readInstances(query) {
      const page = select(query, query.after, query.upTo).slice(0, query.limit);
      return page.map((stored) =>
        snapshotOf(
          stored,
          query.paths.map(({ key }) => key),
        ),
      );
    },
    async commit(commit) {
      return commitNow(commit);
    },
    async loadRun(runId) {
      return [...records.values()].filter((record) => record.runId === runId);
    },
    async findRuns({ processModelId, activeKey, active, before, limit }) {
      return [...records.values()]
        .filter(
          (record) =>
            record.id === record.runId &&
            (processModelId === null || record.processModelId === processModelId) &&
            (activeKey === null || record.activeKey === activeKey) &&
            (active === null || (record.activeKey !== null) === active) &&
            (before === null || record.id < before),
        )
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit);
    },
    metadata(id) {
      const rows = instances.get(id)?.rows;
      return rows && Object.fromEntries([...rows].map(([key, { value }]) => [key, value]));
    },
    insertInstance,
    updateInstance(id, changes) {
      const stored = existing(id);
      assertTasks(id, changes.tasks ?? []);
      instances.set(id, {
        ...stored,
        instance: { ...stored.instance, ...changes },
        version: stored.version + 1,
      });
    },
    deleteInstance(id) {
      instances.delete(id);
    },
    setMetadata(id, key, value) {
      existing(id).rows.set(key, newRow(value));
    },
    deleteMetadata(id, key) {
      existing(id).rows.delete(key);
    },
  };
}

function snapshotOf(
  { instance, cursor, version, rows }: StoredInstance,
  keys: readonly string[],
): InstanceSnapshot {
  const stored = new Map<string, StoredValue>();
  for (const key of keys) {
    const row = rows.get(key);
    if (row !== undefined) stored.set(key, row);
  }
  const { id, running = false } = instance;
  return {
    id,
    cursor,
    data: taskDataOf(newestCompleted(instance.tasks)),
    stored,
    running,
    version: String(version),
  };
}

function mayWrite(row: Row | undefined, { value, replaces }: MetadataWrite): boolean {
  if (replaces === undefined) return row === undefined || (row.value === null && value !== null);
  return row !== undefined && row.token === replaces.token && isDeepStrictEqual(row.value, replaces.value);
}

function newestCompleted(tasks: readonly MemoryTask[]): MemoryTask | undefined {
  const completed = tasks.filter(({ state }) => state === 'COMPLETED');
  if (completed.length < 2) return completed[0];
  const timed = completed.map((task) => ({ task, time: timeOf(task) }));
  timed.sort((a, b) => byEndTime(a.time, b.time) || byId(a.task, b.task)); // sort is stable: then by place
  return timed[0]?.task;
}

function byEndTime(a: TaskTime | null, b: TaskTime | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return compareTaskTimes(b, a);
}

function byId({ id: a = '' }: MemoryTask, { id: b = '' }: MemoryTask): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function timeOf({ endedAt = null }: MemoryTask): TaskTime | null {
  return endedAt === null ? null : parseTaskTime(endedAt);
}

/** @throws {InvalidInputError} naming the first time that cannot be read. */
const schema: z.ZodType<{ readonly instances?: readonly MemoryInstance[] | undefined }> = z.strictObject({
  instances: expecting<readonly MemoryInstance[]>('a list of instances', Array.isArray).optional(),
});

function assertInstance(instance: unknown): void {
  const { id, processModelId, tasks } = Object(instance) as Partial<Record<keyof MemoryInstance, unknown>>;
  const isId = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id));
  if (typeof id === 'number' && Math.abs(id) > Number.MAX_SAFE_INTEGER)
    throw new InvalidInputError(
      `an instance: its id ${id} is beyond ±${Number.MAX_SAFE_INTEGER}, so that its last digits may be lost. Pass it as a text`,
    );
  if (isId && typeof processModelId === 'string' && Array.isArray(tasks)) return;
  const members = { id, processModelId, tasks };
  const given = Object.entries(members).map(([name, value]) => `${name}: ${describe(value)}`);
  throw new InvalidInputError(
    `an instance: expected { id, processModelId, tasks } with a string or a number, a text and a list, got { ${given.join(', ')} }`,
  );
}

function assertTasks(id: InstanceId, tasks: readonly MemoryTask[]): void {
  for (const [index, { endedAt = null, json }] of tasks.entries()) {
    if (json !== undefined && typeof json !== 'string')
      throw new InvalidInputError(
        `instance ${JSON.stringify(id)}: tasks[${index}].json: expected a text, got ${describe(json)}. Pass parsed task data as data`,
      );
    if (endedAt === null || parseTaskTime(endedAt) !== null) continue;
    throw new InvalidInputError(
      `instance ${JSON.stringify(id)}: tasks[${index}].endedAt: expected null, milliseconds, a Date or an ISO 8601 text such as '2026-03-01T09:30:00.123456Z', got ${describe(endedAt)}`,
    );
  }
}

function taskDataOf(task: MemoryTask | undefined): TaskData {
  if (task === undefined) return { form: 'none' };
  return task.json === undefined ? { form: 'parsed', value: task.data } : { form: 'json', text: task.json };
}
