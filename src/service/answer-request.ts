import type { ExtractionPathDiff } from '../extraction/diff-extraction-paths.js';
import type { RunContext } from '../run/context/run-context.js';
import type { LoggedRun } from '../run/context/run-log.js';
import { startAfterOf } from '../run/record/report.js';
import type { RunState } from '../run/record/run-state.js';
import type { PlannedRequest } from './backfill-request.js';
import { requestRun } from './request-run.js';

export type RequestResult =
  | TriggeredRequest
  | SkippedRequest<'Metadata backfill feature is disabled' | 'No new metadata paths detected'>;

export interface TriggeredRequest {
  readonly status: 'triggered';
  readonly runId: string;
  readonly processModelId: string;
  /** The keys that the run fills. */
  readonly keys: readonly string[];
  /** `false`: `runId` is the active run of an equal request, which this request has joined. */
  readonly created: boolean;
  /**
   * Whether the run covers every instance that exists now. `false`: the last walk of the run began before this request.
   * To cover later instances, request again when it has ended.
   */
  readonly covered: boolean;
  /** Of the run. A paused run that was joined stays paused. */
  readonly state: RunState;
  /** Before this time no job works on the run, in milliseconds since the epoch. `null`: it may start at once. */
  readonly startAfter: number | null;
  /** `null` for a request by hand. */
  readonly diff: ExtractionPathDiff | null;
}

/** Nothing was stored. */
export interface SkippedRequest<Reason extends string> {
  readonly status: 'skipped';
  readonly reason: Reason;
  readonly diff: ExtractionPathDiff | null;
}

/**
 * Does what a request asks for, and says what came of it.
 * @param options.nothing the answer if there is nothing to run
 */
export async function answerRequest<const Reason extends string>(
  context: RunContext,
  plan: PlannedRequest,
  { enabled, nothing }: { readonly enabled: boolean; readonly nothing: Reason },
): Promise<TriggeredRequest | SkippedRequest<Reason | 'Metadata backfill feature is disabled'>> {
  const { processModelId, diff } = plan;
  if (!enabled) return { status: 'skipped', reason: 'Metadata backfill feature is disabled', diff };
  const requested = asksForSomething(plan) ? await requestRun(context, plan) : null;
  const header = requested?.run.header;
  const named = { runId: header?.runId ?? NO_RUN, processModelId };
  const keys = header?.definition.paths.map(({ key }) => key) ?? [];
  warnOfUnusable(context, diff, named);
  const left = diff?.changed.map(({ key }) => key).filter((key) => !keys.includes(key)) ?? [];
  if (left.length > 0) context.log.keysLeft(named, left);
  if (requested === null) return { status: 'skipped', reason: nothing, diff };
  const { run, created, covered } = requested;
  const { state } = run.header;
  const startAfter = startAfterOf(run, context.runtime.now());
  return { status: 'triggered', ...named, keys, created, covered, state, startAfter, diff };
}

/** Stands for the id of a run in a log line that is about none. */
const NO_RUN = '-';

function asksForSomething({ updates, definitionFor }: PlannedRequest): boolean {
  return updates.length > 0 || definitionFor(new Set(), []) !== null;
}

function warnOfUnusable({ log }: RunContext, diff: ExtractionPathDiff | null, run: LoggedRun): void {
  for (const { key, problem } of diff?.unusable ?? []) {
    const path = `the extraction path of ${JSON.stringify(key)} in process model ${run.processModelId}`;
    log.warned(run, `No run reads ${path}, because it cannot be used: ${problem}`);
  }
}
