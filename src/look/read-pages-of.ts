import type { Cursor, InstanceRange, InstanceSnapshot, PagePath } from '../ports/repository.js';
import { snapshotsOf } from '../run/calls/page-entries.js';
import { portCalls } from '../run/calls/port-calls.js';
import type { RunContext } from '../run/context/run-context.js';
import type { BatchSizer } from '../run/job/batch-size.js';
import { readPage } from '../run/job/read-page.js';

/** A page, and how long it took to read. */
export interface TimedPage {
  readonly snapshots: readonly InstanceSnapshot[];
  readonly tookMs: number;
}

/**
 * Reads a range page by page. The first page has one instance, and later ones grow, so that they hold no more task data than
 * those of a run. The caller may stop at any page.
 */
export async function* readPagesOf(
  context: RunContext,
  range: InstanceRange,
  paths: readonly PagePath[],
  sizer: BatchSizer,
): AsyncGenerator<TimedPage> {
  const { signal, runtime } = context;
  const calls = portCalls(context, null, { isStored: false });
  let { after } = range;
  let most = Number.POSITIVE_INFINITY; // learnt from time-outs
  for (;;) {
    signal.throwIfAborted();
    const startedAt = runtime.now();
    const query = { ...range, after, limit: Math.min(sizer.pageSize, most), paths };
    const page = await readPage(context, calls, query, {
      signal,
      limitPages(limit) {
        most = limit;
      },
    });
    const tookMs = runtime.now() - startedAt;
    const last: Cursor | undefined = page.at(-1)?.cursor;
    if (last === undefined) return;
    after = last;
    const snapshots = snapshotsOf(page);
    await sizer.see(snapshots);
    yield { snapshots, tookMs };
  }
}
