import { isDeepStrictEqual } from 'node:util';
import { RunError } from '../../errors.js';
import type { RepositoryCommit } from '../../ports/repository.js';
import type { RunChange } from '../changes/run-change.js';
import type { RunContext } from '../context/run-context.js';
import { type ProgressWatch, watchProgress } from '../record/progress.js';
import { type Run, runFrom } from '../record/run-record.js';
import { isActive } from '../record/run-state.js';
import { announceFound, commitAnnounced, lookForUnknown } from './announce-changes.js';
import { enqueueJob, type JobOptions, type ShardJob } from './enqueue-job.js';
import { type PortCalls, portCalls } from './port-calls.js';
import { changeOf, commitRecords, loadRecords, type RecordChange } from './run-records.js';

/** One run, as a call works with it: its stored records, its jobs, and port calls whose errors name it. */
export interface RunHandle {
  readonly runId: string;
  readonly watch: ProgressWatch;
  readonly calls: PortCalls;
  /**
   * The stored run.
   * @throws {RunError} RUN_NOT_FOUND, retryable: the transaction that writes it may not be visible yet.
   */
  load(): Promise<Run>;
  /**
   * Loads the run, lets `decide` say what to change, and stores that by compare-and-set. Decides again from the stored
   * state when somebody was faster or the outcome is unknown, until the change is stored or there is nothing to change.
   * `changed`: this call stored it, or may have: an outcome was unknown, and the change is stored.
   */
  change(decide: (run: Run) => RunChange | null): Promise<{ readonly run: Run; readonly changed: boolean }>;
  /** Enqueues the job of a step that is allotted already. Without a queue, the caller of the library calls again instead. */
  enqueue(job: Omit<ShardJob, 'runId'>, options?: Pick<JobOptions, 'startAfter'>): Promise<void>;
}

/** @param options.transaction the host's own, of which every commit, load and job is then a part. */
export function openRun(
  context: RunContext,
  runId: string,
  options: { readonly watch?: ProgressWatch | undefined; readonly transaction?: unknown } = {},
): RunHandle {
  const { queue } = context;
  const { watch = watchProgress(runId, context), transaction } = options;
  const calls = portCalls(context, watch, { isStored: transaction === undefined }); // else the host rolls it back
  // After an error the host's transaction may be broken, and only the host can begin it again.
  const tries = { isOnlyTry: transaction !== undefined };

  async function load(): Promise<Run> {
    const run = runFrom(await loadRecords(context, runId, { calls, transaction }));
    if (run !== null) {
      announceFound(context, run);
      return run;
    }
    const message = `No run ${JSON.stringify(runId)} is stored. Check the id; list() of a service shows the runs there are.`;
    throw new RunError('RUN_NOT_FOUND', runId, message, { retryable: true });
  }

  const store = (before: Run, { next: after, ...change }: RecordChange & { readonly next: Run }) =>
    commitAnnounced(context, [{ before, after }], {
      isWithinHost: transaction !== undefined,
      commit: () => commitRecords(context, before.header.processModelId, change, { calls, transaction }),
    });

  return {
    runId,
    watch,
    calls,
    load,
    change: (decide) =>
      calls.call(
        'repository.commit',
        async (failedTries) => {
          const refusals = countRefusals();
          for (let conflicts = 1; conflicts <= MOST_CONFLICTS; conflicts += 1) {
            const run = await load();
            const change = decide(run);
            if (change === null) return { run, changed: failedTries > 0 };
            const records = changeOf(run, change, context);
            const { next } = records;
            if (await store(run, records)) return { run: next, changed: true };
            if (refusals.areForGood(records.expected)) throw refusedForGood(run, next, calls);
          }
          throw calls.contractError(ENDLESS_CONFLICT);
        },
        { ...tries, onError: () => lookForUnknown(context, [runId], { calls: null }).then(() => null) },
      ),
    async enqueue(job, { startAfter } = {}) {
      if (queue === null) return;
      await calls.call(
        'queue.enqueue',
        () => enqueueJob(queue, { runId, ...job }, { startAfter, transaction }),
        tries,
      );
    },
  };
}

/**
 * Notices that commits are refused for the very revisions that were loaded right before. A few times, the database may have
 * lost the commit of somebody else in between.
 */
export function countRefusals() {
  let last: RepositoryCommit['expected'] | null = null;
  let times = 0;
  return {
    areForGood(expected: RepositoryCommit['expected']): boolean {
      times = isDeepStrictEqual(last, expected) ? times + 1 : 1;
      last = expected;
      return times >= MOST_REFUSALS;
    },
  };
}

const MOST_REFUSALS = 10;

/** Another run holds the active key, or the repository contradicts itself. */
export function refusedForGood(run: Run, next: Run, calls: PortCalls): Error {
  const { runId, processModelId, state } = run.header;
  if (isActive(state) || !isActive(next.header.state)) return calls.contractError(STALE_READ);
  const message = `Run ${runId} cannot go on: another run of the same definition is active for ${JSON.stringify(processModelId)}. service.list({ active: true }) shows it.`;
  return new RunError('RUN_STATE', runId, message);
}

/** Each conflict means that another process changed the run after the load. So many in a row mean a faulty repository. */
export const MOST_CONFLICTS = 100;

export const ENDLESS_CONFLICT: string = `commit answered 'conflict' ${MOST_CONFLICTS} times in a row, each time for the revisions that loadRun had just returned.`;

export const STALE_READ =
  "commit answered 'conflict', but loadRun still returns the revisions that were expected. loadRun must read from where commits go, not from a replica.";
