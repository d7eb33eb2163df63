import type { InstanceSelection } from '../../../src/ports/repository.js';
import type { LiveEvent, Row, Rows, TaskState } from '../history.js';

export interface StoredInstance {
  readonly id: number;
  readonly processModelId: string;
  readonly cursor: number;
  running: boolean;
  task: TaskState;
  /** Another one after each completed task. */
  version: number;
  readonly rows: Map<string, Row>;
}

/** The tables of the engine: instances, their tasks and their metadata. Each change goes to `record`. */
export interface StoredInstances {
  get(id: number): StoredInstance | undefined;
  /** In cursor order. */
  all(): readonly StoredInstance[];
  select(selection: InstanceSelection<number>, after: number | null, upTo: number | null): StoredInstance[];
  setRow(instance: StoredInstance, key: string, value: Row['value']): Row;
  deleteRow(instance: StoredInstance, key: string): null;

  /** The transactions that have begun and not ended. */
  readonly open: ReadonlySet<number>;

  // The engine and its users:
  /** Begins a transaction, and takes the next cursor for an instance that it may insert. */
  begin(): OpenTransaction;
  rollBack(transaction: OpenTransaction): void;
  insert(instance: NewInstance): void;
  /** Stores the task and these metadata values in one transaction. */
  completeTask(id: number, task: TaskState, values: Readonly<Record<string, Row['value']>>): void;
  finish(id: number): void;
  edit(id: number, key: string, value: Row['value'] | undefined): void;
  delete(id: number): void;

  /** Returns a function that puts back what is stored now. Open transactions are lost then. */
  keep(): () => void;
}

export interface OpenTransaction {
  readonly id: number;
  readonly cursor: number;
}

export interface NewInstance {
  readonly processModelId: string;
  /** It is committed with the instance. @default a short one of its own */
  readonly transaction?: OpenTransaction;
  /** @default above all others */
  readonly cursor?: number;
  readonly running: boolean;
  readonly task: TaskState;
  readonly values: Readonly<Record<string, Row['value']>>;
}

export function createStoredInstances(record: (event: LiveEvent) => void): StoredInstances {
  const byId = new Map<number, StoredInstance>();
  let inOrder: readonly StoredInstance[] = [];
  let instances = 0;
  let newest = 0;
  let tokens = 0;
  let transactions = 0;
  let versions = 0;
  const open = new Set<number>();

  /** Never given twice, as a loss may undo the task that had it. */
  function nextVersion(): number {
    versions += 1;
    return versions;
  }

  function setRow(instance: StoredInstance, key: string, value: Row['value']): Row {
    tokens += 1;
    const row = { value, token: `t${tokens}` };
    instance.rows.set(key, row);
    return row;
  }

  function deleteRow(instance: StoredInstance, key: string): null {
    instance.rows.delete(key);
    return null;
  }

  function setRows(instance: StoredInstance, values: Readonly<Record<string, Row['value']>>): Rows {
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, setRow(instance, key, value)]),
    );
  }

  return {
    get: (id) => byId.get(id),
    all: () => inOrder,
    select: ({ processModelId, instanceIds }, after, upTo) =>
      inOrder.filter(
        (instance) =>
          instance.processModelId === processModelId &&
          (after === null || instance.cursor > after) &&
          (upTo === null || instance.cursor <= upTo) &&
          (instanceIds === null || instanceIds.includes(instance.id)),
      ),
    setRow,
    deleteRow,
    open,
    begin() {
      transactions += 1;
      newest += 1;
      open.add(transactions);
      record({ type: 'begin', transaction: transactions });
      return { id: transactions, cursor: newest };
    },
    rollBack: ({ id }) => open.delete(id),
    insert({ values, transaction, ...given }) {
      if (transaction !== undefined) open.delete(transaction.id);
      instances += 1;
      const cursor = given.cursor ?? newest + 1;
      newest = Math.max(newest, cursor);
      const instance = { ...given, id: instances, cursor, version: nextVersion(), rows: new Map() };
      byId.set(instance.id, instance);
      inOrder = [...inOrder, instance].sort((a, b) => a.cursor - b.cursor);
      const { id, processModelId, running, task } = instance;
      record({
        type: 'insert',
        id,
        transaction: transaction?.id ?? null,
        processModelId,
        cursor,
        running,
        task,
        rows: setRows(instance, values),
      });
    },
    completeTask(id, task, values) {
      const instance = byId.get(id);
      if (instance === undefined) return;
      instance.task = task;
      instance.version = nextVersion();
      record({ type: 'complete-task', id, task, rows: setRows(instance, values) });
    },
    finish(id) {
      const instance = byId.get(id);
      if (instance === undefined) return;
      instance.running = false;
      record({ type: 'finish', id });
    },
    edit(id, key, value) {
      const instance = byId.get(id);
      if (instance === undefined) return;
      const row = value === undefined ? deleteRow(instance, key) : setRow(instance, key, value);
      record({ type: 'edit', id, key, row });
    },
    delete(id) {
      byId.delete(id);
      inOrder = inOrder.filter((instance) => instance.id !== id);
      record({ type: 'delete', id });
    },
    keep() {
      const kept = inOrder.map((instance) => ({ ...instance, rows: new Map(instance.rows) }));
      return () => {
        inOrder = kept.map((instance) => ({ ...instance, rows: new Map(instance.rows) }));
        byId.clear();
        for (const instance of inOrder) byId.set(instance.id, instance);
        open.clear();
      };
    },
  };
}
