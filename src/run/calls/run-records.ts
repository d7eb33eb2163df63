import type { RepositoryCommit, RunRecord } from '../../ports/repository.js';
import type { RunChange } from '../changes/run-change.js';
import type { RunContext } from '../context/run-context.js';
import { newRevision } from '../record/new-ids.js';
import { countsOf } from '../record/run-counts.js';
import {
  headerRecord,
  type Run,
  type RunHeader,
  recordsOf,
  shardRecord,
  shardRecordId,
} from '../record/run-record.js';
import { isActive } from '../record/run-state.js';
import { commitProblem, loadProblem } from './check-answers.js';
import type { PortCalls } from './port-calls.js';

/** Records to store, if those that they replace still have the revisions on which they were decided. */
export interface RecordChange {
  readonly expected: RepositoryCommit['expected'];
  readonly records: readonly RunRecord[];
}

export interface RecordOptions {
  readonly calls: PortCalls;
  /** The host's own. `undefined`: none. */
  readonly transaction?: unknown;
}

/** All records of a run, or the owner record of a model. */
export async function loadRecords(
  { repository }: Pick<RunContext, 'repository'>,
  runId: string,
  { calls, transaction }: RecordOptions,
): Promise<readonly RunRecord[]> {
  const records = await calls.call('repository.loadRun', () => repository.loadRun(runId, { transaction }), {
    isOnlyTry: transaction !== undefined,
  });
  const problem = loadProblem(records, runId);
  if (problem !== null) throw calls.contractError(`loadRun: ${problem}`);
  return records;
}

/** Stores records and nothing else. `false`: one of the expected revisions is not stored, or an active key is taken. */
export async function commitRecords(
  { repository }: Pick<RunContext, 'repository'>,
  processModelId: string,
  { expected, records }: RecordChange,
  { calls, transaction }: RecordOptions,
): Promise<boolean> {
  let isNextCalled = false;
  const result = await repository.commit(
    {
      processModelId,
      expected,
      instances: [],
      next() {
        isNextCalled = true;
        return records;
      },
    },
    { transaction },
  );
  const problem = commitProblem(result, { exhausted: undefined, isNextCalled });
  if (problem !== null) throw calls.contractError(`commit: ${problem}`);
  return result.status === 'committed';
}

export function creationOf(run: Run): RecordChange {
  const records = recordsOf(run);
  return { expected: records.map(({ id }) => ({ id, revision: null })), records };
}

/** A change of a stored run, and the run after it. Each record that changes gets a new revision. */
export function changeOf(
  run: Run,
  { header, shards = [] }: RunChange,
  { runtime }: Pick<RunContext, 'runtime'>,
): RecordChange & { readonly next: Run } {
  const { runId, revision } = run.header;
  const all = [...run.shards];
  for (const shard of shards) {
    const changes = run.shards[shard.index] === undefined ? 0 : shard.changes + 1;
    all[shard.index] = { ...shard, changes, revision: newRevision(runtime) };
  }
  const changed =
    header === undefined
      ? run.header
      : {
          ...withCounts({ header, shards: all }),
          ...stamped(run.header, header, newRevision(runtime)),
          changes: header.changes + 1,
        };
  const indices = new Set(shards.map(({ index }) => index));
  return {
    next: { header: changed, shards: all },
    expected: [
      ...(header === undefined ? [] : [{ id: runId, revision }]),
      ...shards.map(({ index }) => ({
        id: shardRecordId(runId, index),
        revision: run.shards[index]?.revision ?? null,
      })),
    ],
    records: [
      ...(header === undefined ? [] : [headerRecord(changed)]),
      ...all.filter(({ index }) => indices.has(index)).map((shard) => shardRecord(changed, shard)),
    ],
  };
}

/** A change of state leaves its revision in the header, where later changes do not take it away. */
function stamped(
  { state }: RunHeader,
  { state: next, stateRevisions }: RunHeader,
  revision: string,
): Pick<RunHeader, 'revision' | 'stateRevisions'> {
  if (state === next) return { revision, stateRevisions };
  return { revision, stateRevisions: [...stateRevisions, revision].slice(-MOST_STATE_REVISIONS) };
}

/** So many changes of state by others may pass before a process finds out that its own one is stored. */
const MOST_STATE_REVISIONS = 8;

/** Every change of a run comes through here, so none that ends a run forgets its counters. */
function withCounts({ header, shards }: Run): RunHeader {
  return { ...header, counts: isActive(header.state) ? null : countsOf({ header, shards }) };
}
