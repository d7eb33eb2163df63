import {
  type BackfillOptions,
  type BackfillQueue,
  type BackfillReport,
  type BackfillService,
  isBackfillError,
  runBackfill,
} from 'process-metadata-backfill';

/** For a service without a job runner: nothing has to be enqueued, because the next `tick` finds each stored run. */
export const cronQueue: BackfillQueue = { enqueue: async () => {} };

type TickOptions = Omit<
  Extract<BackfillOptions, { readonly runId: string }>,
  'runId' | 'queue' | 'sliceMs'
> & {
  readonly sliceMs: number;
};

/**
 * What cron calls: works on the active runs, the oldest first, for about `sliceMs`. An error in one run does not keep it from
 * the others. Two ticks at once do no harm, but may do work twice.
 * @throws the first error of any run, at the end. The next tick goes on with that run, unless its state is `failed`.
 */
export async function tick(
  service: Pick<BackfillService, 'list'>,
  { sliceMs, ...options }: TickOptions,
): Promise<readonly BackfillReport[]> {
  const end = Date.now() + sliceMs;
  const reports: BackfillReport[] = [];
  const errors: unknown[] = [];
  const active = await service.list({ active: true, limit: 1000 });
  for (const { runId, state } of active.toReversed()) {
    const leftMs = Math.max(1, end - Date.now());
    if (state === 'paused' || options.signal?.aborted || (leftMs === 1 && reports.length > 0)) continue;
    try {
      reports.push(await runBackfill({ ...options, runId, sliceMs: leftMs }));
    } catch (error) {
      const hasEnded = isBackfillError(error, 'RUN_STATE'); // since it was listed
      if (!hasEnded && !options.signal?.aborted) errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return reports;
}
