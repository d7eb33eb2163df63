import { isBackfillError } from '../errors.js';
import type { RunFilter, RunRecord } from '../ports/repository.js';
import { portCalls } from '../run/calls/port-calls.js';
import type { RunContext } from '../run/context/run-context.js';
import { headerFrom, type RunHeader } from '../run/record/run-record.js';

const PAGE = 100;

/** Header records of stored runs, newest first. A member of the filter that is not given lets every run through. */
export async function findRuns(
  context: RunContext,
  filter: Partial<RunFilter>,
  transaction?: unknown,
): Promise<readonly RunRecord[]> {
  const all: RunFilter = { processModelId: null, activeKey: null, active: null, before: null, limit: PAGE };
  return portCalls(context, null).call('repository.findRuns', () =>
    context.repository.findRuns({ ...all, ...filter }, { transaction }),
  );
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

/** The headers among records, without those that another version has stored in another format. */
export function readableHeaders(records: readonly RunRecord[]): RunHeader[] {
  return records.flatMap((record) => {
    try {
      return [headerFrom(record)];
    } catch (error) {
      if (isBackfillError(error, 'RUN_FORMAT')) return [];
      throw error;
    }
  });
}
