import pLimit from 'p-limit';
import type { RunFilter, RunRecord } from '../ports/repository.js';
import { findRuns, loadReadable, readableHeaders } from '../run/calls/find-runs.js';
import type { RunContext } from '../run/context/run-context.js';
import { paceOf } from '../run/record/progress.js';
import { type RunSummary, summaryOf, waitingOf } from '../run/record/report.js';
import { countsOf } from '../run/record/run-counts.js';
import type { RunHeader } from '../run/record/run-record.js';

const MOST_AT_ONCE = 4;
/** The fewest records to ask for in the pages after one with unreadable records. */
const FURTHER_RECORDS = 100;

/** One page of stored runs. Unreadable runs are left out, and older runs fill the page. So only the last page is short. */
export async function listRuns(
  context: RunContext,
  filter: Omit<RunFilter, 'activeKey'>,
): Promise<readonly RunSummary[]> {
  const summaries: RunSummary[] = [];
  for (let { before, limit } = filter; ; limit = Math.max(limit, FURTHER_RECORDS)) {
    const records: readonly RunRecord[] = await findRuns(context, { ...filter, before, limit });
    summaries.push(...(await summariesOf(context, records, filter.limit - summaries.length)));
    before = records.at(-1)?.runId ?? null;
    if (summaries.length >= filter.limit || records.length < limit) return summaries;
  }
}

/**
 * The first `most` of them. Only runs whose header has no counts are loaded: active ones, and those of earlier versions. Looks at no
 * record behind the last of them, so that only the page that passes over an unreadable one warns of it.
 */
async function summariesOf(
  context: RunContext,
  records: readonly RunRecord[],
  most: number,
): Promise<RunSummary[]> {
  const atOnce = pLimit(MOST_AT_ONCE);
  const found: RunSummary[] = [];
  for (let from = 0; from < records.length && found.length < most; ) {
    const some = records.slice(from, from + most - found.length);
    from += some.length;
    const summaries = readableHeaders(context, some).map((header) =>
      header.counts === null
        ? atOnce(() => loadSummary(context, header))
        : summaryOf(header, header.counts, null),
    );
    found.push(...(await Promise.all(summaries)).filter((summary) => summary !== null));
  }
  return found;
}

async function loadSummary(context: RunContext, header: RunHeader): Promise<RunSummary | null> {
  const run = await loadReadable(context, header);
  if (run === null) return null;
  const now = context.runtime.now();
  return summaryOf(run.header, countsOf(run), { ...paceOf(run, now), waiting: waitingOf(run, now) });
}
