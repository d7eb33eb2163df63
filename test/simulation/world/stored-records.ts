import type { RunFilter, RunRecord } from '../../../src/ports/repository.js';

/** A transaction of the host. Nobody else sees what it has written until it is committed. */
export interface HostTransaction {
  readonly records: Map<string, RunRecord>;
  /** The stored revisions that its records replace, by record id. */
  readonly expected: Map<string, string | null>;
  /** Whether it covers jobs. Otherwise the runner gets them before it is committed. */
  readonly coversJobs: boolean;
  /** Whether the store has crashed since it began. */
  isLost: boolean;
  /** Enqueue its jobs. Called when it is committed. */
  readonly jobs: (() => void)[];
}

export function beginTransaction(coversJobs: boolean): HostTransaction {
  return { records: new Map(), expected: new Map(), coversJobs, isLost: false, jobs: [] };
}

/** The table of runs. */
export interface StoredRecords {
  revisionOf(id: string, transaction?: HostTransaction): string | null;
  ofRun(runId: string, transaction?: HostTransaction): RunRecord[];
  find(filter: RunFilter, transaction?: HostTransaction): RunRecord[];
  /** Whether one of these has an active key that another record has. */
  collide(records: readonly RunRecord[], transaction?: HostTransaction): boolean;
  put(records: readonly RunRecord[], transaction?: HostTransaction): void;
  /** Whether the transaction can be committed: nobody else has written one of its records since. */
  isCurrent(transaction: HostTransaction): boolean;
  /** Returns a function that puts back what is stored now. */
  keep(): () => void;
}

export function createStoredRecords(): StoredRecords {
  let records = new Map<string, RunRecord>();

  const get = (id: string, transaction?: HostTransaction): RunRecord | undefined =>
    transaction?.records.get(id) ?? records.get(id);
  function all(transaction?: HostTransaction): RunRecord[] {
    if (transaction === undefined || transaction.records.size === 0) return [...records.values()];
    return [...new Map([...records, ...transaction.records]).values()];
  }
  const revisionOf = (id: string, transaction?: HostTransaction): string | null =>
    get(id, transaction)?.revision ?? null;
  const collide = (next: readonly RunRecord[], transaction?: HostTransaction): boolean =>
    next.some(
      ({ id, activeKey }) =>
        activeKey !== null &&
        all(transaction).some((other) => other.id !== id && other.activeKey === activeKey),
    );

  return {
    revisionOf,
    collide,
    ofRun: (runId, transaction) => all(transaction).filter((record) => record.runId === runId),
    find: ({ processModelId, activeKey, active, before, limit }, transaction) =>
      all(transaction)
        .filter(
          (record) =>
            record.id === record.runId &&
            (processModelId === null || record.processModelId === processModelId) &&
            (activeKey === null || record.activeKey === activeKey) &&
            (active === null || (record.activeKey !== null) === active) &&
            (before === null || record.id < before),
        )
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit),
    put(next, transaction) {
      for (const record of next) {
        if (transaction === undefined) {
          records.set(record.id, record);
          continue;
        }
        const { expected } = transaction;
        if (!expected.has(record.id)) expected.set(record.id, revisionOf(record.id));
        transaction.records.set(record.id, record);
      }
    },
    isCurrent: ({ expected, records: staged }) =>
      [...expected].every(([id, revision]) => revisionOf(id) === revision) && !collide([...staged.values()]),
    keep() {
      const kept = new Map(records);
      return () => {
        records = new Map(kept);
      };
    },
  };
}
