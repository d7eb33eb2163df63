import pLimit from 'p-limit';
import type { RunFilter, RunRecord } from '../ports/repository.js';
import { findRuns, loadReadable, readableHeaders } from '../run/calls/find-runs.js';
import type { RunContext } from '../run/context/run-context.js';
import { paceOf } from '../run/record/progress.js';
import { type RunSummary, summaryOf, waitingOf } from '../run/record/report.js';
import { countsOf } from '../run/record/run-counts.js';
import type { RunHeader } from '../run/record/run-record.js';

const MOST_AT_ONCE = 4;

/** One page of stored runs. Older ones take the places of those that are left out, so only the last page is short. */
export async function listRuns(
  context: RunContext,
  filter: Omit<RunFilter, 'activeKey'>,
): Promise<readonly RunSummary[]> {
  const summaries: RunSummary[] = [];
  for (let { before } = filter; ; ) {
    const records: readonly RunRecord[] = await findRuns(context, { ...filter, before });
    summaries.push(...(await summariesOf(context, records)));
    before = records.at(-1)?.runId ?? null;
    if (summaries.length >= filter.limit || records.length < filter.limit)
      return summaries.slice(0, filter.limit);
  }
}

/** The header of an ended run has all that is needed. Only active runs are loaded. */
async function summariesOf(context: RunContext, records: readonly RunRecord[]): Promise<RunSummary[]> {
  const limit = pLimit(MOST_AT_ONCE);
  const summaries = readableHeaders(context, records).map((header) =>
    header.counts === null
      ? limit(() => loadSummary(context, header))
      : summaryOf(header, header.counts, null),
  );
  return (await Promise.all(summaries)).filter((summary) => summary !== null);
}

async function loadSummary(context: RunContext, header: RunHeader): Promise<RunSummary | null> {
  const run = await loadReadable(context, header);
  if (run === null) return null;
  const now = context.runtime.now();
  return summaryOf(run.header, countsOf(run), { ...paceOf(run, now), waiting: waitingOf(run, now) });
}
