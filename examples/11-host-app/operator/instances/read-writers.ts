import type { RunStatus, RunSummary } from 'process-metadata-backfill';
import type { Column } from '../columns/read-columns.js';
import type { OperatedService, ReportRow } from '../ports.js';

const NEWEST = 20;
/** The clocks of database and host may differ a little. */
const SLACK_MS = 1_000;

/** A run that may have written a cell. Only that of a run that fills a column has failures. */
export type Writer = RunSummary & Partial<Pick<RunStatus, 'failures'>>;

/**
 * The runs that may have written the cells of some rows, and those that fill the columns, the newest one first. It looks at the
 * newest runs of the model.
 */
export async function readWriters(
  service: Pick<OperatedService, 'list' | 'status'>,
  processModelId: string,
  { columns, rows }: { readonly columns: readonly Column[]; readonly rows: readonly ReportRow[] },
): Promise<readonly Writer[]> {
  const fillers = new Set(columns.flatMap(({ facts }) => (facts?.state ? (facts.runId ?? []) : [])));
  const written = columns.flatMap(({ key }) =>
    rows.flatMap(({ cells }) => {
      const cell = Object.hasOwn(cells, key) ? cells[key] : undefined;
      return cell?.source === 'backfill' ? [{ key, writtenAt: cell.writtenAt }] : [];
    }),
  );
  const newest = written.length === 0 ? [] : await service.list({ processModelId, limit: NEWEST });
  const statuses = await Promise.all([...fillers].map((runId) => service.status(runId)));
  const others = newest.filter(({ runId }) => !fillers.has(runId));
  return [...others, ...statuses].toSorted((a, b) => b.createdAt - a.createdAt);
}

/** The run that has written a cell, or null. */
export function writerOf(runs: readonly Writer[], key: string, writtenAt: number): Writer | null {
  const writes = (run: Writer) =>
    !run.dryRun &&
    wasActive(run, writtenAt) &&
    run.paths.some((path) => path.key === key && path.mode !== 'remove');
  return runs.find(writes) ?? null;
}

function wasActive({ createdAt, endedAt }: Pick<RunSummary, 'createdAt' | 'endedAt'>, at: number): boolean {
  return createdAt <= at + SLACK_MS && (endedAt === null || at <= endedAt + SLACK_MS);
}
