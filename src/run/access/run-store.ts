import { RunError } from '../../errors.js';
import type { BackfillRepository, RunRecord } from '../../ports/repository.js';
import type { RunChange } from '../record/run-changes.js';
import { headerRecord, type Run, recordsOf, runFrom, shardRecord } from '../record/run-record.js';
import { isActive } from '../record/run-state.js';
import type { PortCalls } from './port-calls.js';

type Repository = BackfillRepository<unknown>;

/**
 * The stored run.
 * @throws {RunError} RUN_NOT_FOUND, retryable: the transaction that writes it may not be visible yet.
 */
export async function loadRun(
  repository: Repository,
  ports: PortCalls,
  runId: string,
  transaction?: unknown,
): Promise<Run> {
  const records = await ports.call('repository.loadRun', () => repository.loadRun(runId, { transaction }));
  const run = runFrom(records);
  if (run !== null) return run;
  throw new RunError(
    'RUN_NOT_FOUND',
    runId,
    `No run ${JSON.stringify(runId)} is stored. Check the id; service.list() shows the runs there are.`,
    {
      retryable: true,
    },
  );
}

/** Stores a new run; `false` if another one holds its claim. */
export async function createRun(
  repository: Repository,
  ports: PortCalls,
  run: Run,
  transaction?: unknown,
): Promise<boolean> {
  const records = recordsOf(run);
  const { runId, processModelId } = run.header;
  for (let failedAttempts = 0; ; ) {
    let isRefused = false;
    try {
      const result = await repository.commit(
        {
          processModelId,
          expected: records.map(({ id }) => ({ id, revision: null })),
          instances: [],
          next: () => records,
        },
        { transaction },
      );
      if (result.status === 'committed') return true;
      isRefused = true;
    } catch (error) {
      failedAttempts = nextFailure(failedAttempts, transaction);
      await ports.recover('repository.commit', error, failedAttempts);
    }
    if (failedAttempts === 0) return false;
    // An earlier try whose outcome was unknown may have landed.
    const stored = await ports.call('repository.loadRun', () => repository.loadRun(runId, { transaction }));
    if (stored.length > 0) return true;
    if (isRefused) return false;
  }
}

/**
 * Loads the run, lets `decide` say what to change, and stores that by compare-and-set. Decides anew from the stored
 * state when somebody was faster or the outcome is unknown, until it is stored or there is nothing (left) to change.
 * `changed`: this call has stored it, or may have (an outcome was unknown, and the change is there).
 */
export async function changeRun(
  repository: Repository,
  ports: PortCalls,
  runId: string,
  decide: (run: Run) => RunChange | null,
  transaction?: unknown,
): Promise<{ readonly run: Run; readonly changed: boolean }> {
  let refused: RunRecord[] | null = null;
  for (let failedAttempts = 0; ; ) {
    const run = await loadRun(repository, ports, runId, transaction);
    const change = decide(run);
    if (change === null) return { run, changed: failedAttempts > 0 };
    const next = applied(run, change);
    const records = changedRecords(next, change);
    if (refused !== null && isSameAttempt(refused, records)) throw refusedForGood(run, next, ports);
    try {
      const result = await repository.commit(
        {
          processModelId: run.header.processModelId,
          expected: records.map(({ id, revision }) => ({
            id,
            revision: revision === 0 ? null : revision - 1,
          })),
          instances: [],
          next: () => records,
        },
        { transaction },
      );
      if (result.status === 'committed') return { run: next, changed: true };
      refused = records;
    } catch (error) {
      failedAttempts = nextFailure(failedAttempts, transaction);
      await ports.recover('repository.commit', error, failedAttempts);
    }
  }
}

/** After an error the host's transaction may be broken, and only the host can begin it again: one try is all. */
function nextFailure(failedAttempts: number, transaction: unknown): number {
  return transaction === undefined ? failedAttempts + 1 : Number.POSITIVE_INFINITY;
}

function applied(run: Run, { header, shards = [] }: RunChange): Run {
  const all = [...run.shards];
  for (const shard of shards) all[shard.index] = { ...shard, revision: shard.revision + 1 };
  return {
    header: header === undefined ? run.header : { ...header, revision: header.revision + 1 },
    shards: all,
  };
}

function changedRecords({ header, shards }: Run, change: RunChange): RunRecord[] {
  const indices = new Set(change.shards?.map(({ index }) => index));
  return [
    ...(change.header === undefined ? [] : [headerRecord(header)]),
    ...shards.filter(({ index }) => indices.has(index)).map((shard) => shardRecord(header, shard)),
  ];
}

/** Refused although nobody has changed the records since. */
function isSameAttempt(a: readonly RunRecord[], b: readonly RunRecord[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ id, revision }, index) => id === b[index]?.id && revision === b[index].revision)
  );
}

/** An active key that another run holds, or a repository that contradicts itself. */
function refusedForGood(run: Run, next: Run, ports: PortCalls): Error {
  const { runId, processModelId, state } = run.header;
  if (isActive(state) || !isActive(next.header.state)) return ports.contractError(STALE_READ);
  const message = `Run ${runId} cannot go on: another run of the same definition is active for ${JSON.stringify(processModelId)}. service.list({ active: true }) shows it.`;
  return new RunError('RUN_STATE', runId, message);
}

export const STALE_READ =
  "commit answered 'conflict', but loadRun still returns the revisions that were expected. loadRun must read from where commits go, not from a replica.";
