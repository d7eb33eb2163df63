import { isBackfillError } from '../../errors.js';
import type { RunFilter, RunRecord } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import type { LoggedRun } from '../context/run-log.js';
import { headerFrom, type Run, type RunHeader } from '../record/run-record.js';
import { findProblem } from './check-answers.js';
import { openRun } from './open-run.js';
import { portCalls } from './port-calls.js';

const PAGE = 100;

/** Header records of stored runs, newest first. A member of the filter that is not given lets every run through. */
export async function findRuns(
  context: RunContext,
  filter: Partial<RunFilter>,
  transaction?: unknown,
): Promise<readonly RunRecord[]> {
  const all: RunFilter = {
    ...{ processModelId: null, activeKey: null, active: null, before: null, limit: PAGE },
    ...filter,
  };
  const calls = portCalls(context, null, { isStored: false });
  const records = await calls.call(
    'repository.findRuns',
    () => context.repository.findRuns({ ...all }, { transaction }),
    { isOnlyTry: transaction !== undefined },
  );
  const problem = findProblem(records, all);
  if (problem !== null) throw calls.contractError(`findRuns: ${problem}`);
  return records;
}

/** All active runs, however many pages they take, newest first. */
export async function* findActiveRuns(
  context: RunContext,
  processModelId: string | null,
  transaction?: unknown,
): AsyncGenerator<RunRecord> {
  for (let before: string | null = null; ; ) {
    const page: readonly RunRecord[] = await findRuns(
      context,
      { processModelId, active: true, before },
      transaction,
    );
    yield* page;
    before = page.at(-1)?.runId ?? null;
    if (page.length < PAGE) return;
  }
}

/**
 * The headers among records, without those that are damaged or that another version has stored in another format. Each
 * of those is a warning in the log.
 */
export function readableHeaders(context: RunContext, records: readonly RunRecord[]): RunHeader[] {
  return records.flatMap((record) => {
    try {
      return [headerFrom(record)];
    } catch (error) {
      leaveOut(context, record, error);
      return [];
    }
  });
}

/** A run as it is stored now. `null` if it was deleted, or if one of its records cannot be read: that is a warning in the log. */
export async function loadReadable(context: RunContext, run: LoggedRun): Promise<Run | null> {
  try {
    return await openRun(context, run.runId).load();
  } catch (error) {
    if (!isBackfillError(error, 'RUN_NOT_FOUND')) leaveOut(context, run, error);
    return null;
  }
}

/** Warns that something is left out, because a record cannot be read. Throws the error if it says something else. */
function leaveOut({ log }: RunContext, run: LoggedRun, error: unknown): void {
  if (!isBackfillError(error, 'RUN_FORMAT')) throw error;
  log.warned(run, `Left out: ${error.message}`);
}
