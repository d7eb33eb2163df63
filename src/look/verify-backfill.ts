import { openRun } from '../run/calls/open-run.js';
import { readFirst } from '../run/calls/read-first.js';
import { createRunContext } from '../run/context/create-run-context.js';
import { beyondAbort } from '../run/context/run-context.js';
import { definitionOf } from '../run/options/definition-options.js';
import type { DifferenceCounts, InstanceDifference } from '../run/record/difference-counts.js';
import type { BackfillReport } from '../run/record/report.js';
import type { Verdict } from '../run/record/verdict.js';
import { runDefinition } from '../run/run-backfill.js';
import { parseVerifyOptions, VERIFICATION, type VerifyOptions } from './verify-options.js';

/** The result of a verification. `keys` counts what a repair would write. */
export interface BackfillVerification<Key extends string = string> extends BackfillReport<Key> {
  readonly verdict: Verdict;
  readonly differences: Readonly<Record<Key, DifferenceCounts>>;
  /** The first 20 differences. `differences` of a service returns the others. */
  readonly samples: readonly InstanceDifference[];
}

/**
 * Compares the stored values of every instance with what the paths give now, and writes none. It is a stored dry run with
 * `mode: 'overwrite'` and `clear`. Each value that it would write is a difference. To repair the differences, call `runBackfill` with
 * the same paths and `missing`, and with `mode: 'overwrite', clear: true`. To continue after an error or an abort, call
 * `runBackfill({ repository, runId })` with the `runId` that `onProgress` got. Until then, or until a service cancels it, the run
 * stays active.
 *
 * After a fill with the same paths, the differences do not show a mistyped path: it finds no value, and the fill has stored none.
 * Only `warnings` names such a path.
 *
 * In a running instance, a missing null row and an orphaned value are not differences: its next save decides.
 * @throws as `runBackfill` does.
 * @example
 * const { verdict, differences } = await verifyBackfill({
 *   repository,
 *   processModelId: 'test_group/invoice_process',
 *   paths: [{ key: 'invoice_number', path: 'invoice.number' }],
 * });
 * verdict; // 'different'
 * differences.invoice_number; // { absent: 0, different: 1, orphaned: 0 }
 */
export async function verifyBackfill<const Key extends string = string>(
  options: VerifyOptions<Key>,
): Promise<BackfillVerification<Key>> {
  const input = parseVerifyOptions(options);
  const context = createRunContext(input, { dryRun: false });
  const definition = definitionOf({ ...input, ...VERIFICATION }, input.repository);
  const report = await runDefinition(context, input.processModelId, definition);
  const lasting = openRun(beyondAbort(context), report.runId);
  const { items, warnings } = await readFirst('differences', context, lasting, lasting.load());
  return {
    ...report,
    samples: items,
    warnings: [...report.warnings, ...warnings],
  } as BackfillVerification<Key>;
}
