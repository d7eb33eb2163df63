import type { Column } from '../columns/read-columns.js';
import { pathText, percent } from '../format.js';
import type { ReportRow } from '../ports.js';
import { isActive, progress } from '../runs/run-words.js';
import { type Writer, writerOf } from './read-writers.js';

/** Where a value comes from, or why there is none. */
export interface CellOrigin {
  readonly text: string;
  /** The run that the text is about. */
  readonly run: Writer | null;
  /** Where that run has read it. */
  readonly path: string | null;
  /** Why that run has failed in the instance. */
  readonly reason: string | null;
}

/**
 * Says of a cell of the report where it comes from.
 * @param runs from `readWriters`
 */
export function explainCell(row: ReportRow, column: Column, runs: readonly Writer[]): CellOrigin {
  const { key, facts } = column;
  const cell = Object.hasOwn(row.cells, key) ? row.cells[key] : undefined;
  if (cell !== undefined) {
    const isEmpty = cell.value === null;
    if (cell.source === 'save')
      return about(
        isEmpty ? 'A save of the instance found nothing at the path' : 'Written by a save of the instance',
      );
    const run = writerOf(runs, key, cell.writtenAt);
    if (run === null) return about(isEmpty ? 'An older run found nothing there' : 'An older run');
    const path = run.paths.find((one) => one.key === key)?.path ?? [];
    return { text: isEmpty ? 'Nothing found by run' : 'Run', run, path: pathText(path), reason: null };
  }
  if (!row.hasCompletedTask) return about('No task has completed yet');
  const filler = runs.find(({ runId }) => runId === facts?.runId) ?? null;
  const failures = filler?.failures ?? [];
  const failure = failures.find(({ instanceId }) => String(instanceId) === String(row.id));
  if (failure !== undefined) return about('Failed in run', filler, failure.reason);
  if (filler !== null && isActive(filler.state))
    return about(`Not reached yet: ${percent(progress(filler))} done by run`, filler);
  if (row.isRunning) return about('Still running: a later save decides');
  if (filler === null) return about('Not saved since the column was added, and no run fills it');
  if (filler.failed > failures.length) return about('It may have failed in run', filler);
  return about('Not written by run', filler);
}

function about(text: string, run: Writer | null = null, reason: string | null = null): CellOrigin {
  return { text, run, path: null, reason };
}
