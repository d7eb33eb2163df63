import type { BackfillRepository } from '../../ports/repository.js';
import { publishRunChange } from '../context/run-channel.js';
import type { RunContext } from '../context/run-context.js';
import { isVerification } from '../record/certify-keys.js';
import { differencesOf, elapsedMs } from '../record/report.js';
import { messageOf, type StateChange } from '../record/run-change-message.js';
import { type Run, runFrom, tallyOf } from '../record/run-record.js';
import { isComplete } from '../record/run-state.js';
import { verdictOf } from '../record/verdict.js';
import { warningsOf } from '../record/warnings.js';
import type { PortCalls } from './port-calls.js';
import { loadRecords } from './run-records.js';

// Each change of a run's state is announced once: to the subscribers of the channel and, if it completes the run, in the log.
// The header keeps the revisions of its last changes of state. So a process whose commit had an unknown outcome
// announces the change when it finds its own revision there, and only then.

/**
 * Commits the records of these changes, and announces those that change a state.
 * @param options.isWithinHost in a transaction of the host, which may still be rolled back: nothing is announced.
 */
export async function commitAnnounced(
  context: RunContext,
  changes: readonly Omit<StateChange, 'at'>[],
  { isWithinHost, commit }: { readonly isWithinHost: boolean; commit(): Promise<boolean> },
): Promise<boolean> {
  const at = context.runtime.now();
  const ofState = changes
    .filter(({ before, after }) => before.header.state !== after.header.state)
    .map((change): StateChange => ({ ...change, at }));
  if (ofState.length === 0 || isWithinHost) return commit();
  let isStored: boolean;
  try {
    isStored = await commit();
  } catch (error) {
    for (const change of ofState) note(context.repository, change);
    throw error;
  }
  if (isStored) for (const change of ofState) announce(context, change);
  return isStored;
}

/** No database takes so long to end a commit whose connection is lost. */
const LATEST_LANDING_MS = 3_600_000;

/** Announces each change that this process made in a commit of unknown outcome, if the stored run shows that it was stored. */
export function announceFound(context: RunContext, { header }: Run): void {
  const { runId, stateRevisions } = header;
  const noted = unknown.get(context.repository)?.get(runId);
  if (noted === undefined) return;
  const found = noted.filter(({ after }) => stateRevisions.includes(after.header.revision));
  // The other changes may be stored later, even if the run has changed since: the database may lose that newer change.
  const left = noted.filter(
    (change) => !found.includes(change) && context.runtime.now() - change.at < LATEST_LANDING_MS,
  );
  keep(context.repository, runId, left);
  for (const change of found) announce(context, change);
}

/**
 * Looks at the runs of all changes of unknown outcome that this process has made. Perhaps it works on none of these runs again.
 * Each job and each sweep begins with it. There is nearly never such a run, and then it does nothing.
 */
export async function lookForAllUnknown(context: RunContext): Promise<void> {
  await lookForUnknown(context, [...(unknown.get(context.repository)?.keys() ?? [])], { calls: null });
}

/**
 * Checks whether changes of unknown outcome were stored. Perhaps nobody else loads these runs again.
 * @param options.calls for loads that are tried again. `null`: one try each.
 */
export async function lookForUnknown(
  context: RunContext,
  runIds: Iterable<string>,
  { calls }: { readonly calls: PortCalls | null },
): Promise<void> {
  const { repository } = context;
  for (const runId of runIds) {
    if (!unknown.get(repository)?.has(runId)) continue;
    try {
      const load = calls === null ? repository.loadRun(runId, {}) : loadRecords(context, runId, { calls });
      const run = runFrom(await load);
      if (run === null) keep(repository, runId, []);
      else announceFound(context, run);
    } catch {
      // A later load finds them.
    }
  }
}

function announce({ runtime, log, dryRun }: RunContext, change: StateChange): void {
  const { header } = change.after;
  if (!dryRun) publishRunChange(() => messageOf(change));
  if (!isComplete(header.state)) return;
  const { processed, updated, failed } = tallyOf(change.after);
  const took = { elapsedMs: elapsedMs(header, runtime.now()), warnings: warningsOf(change.after) };
  log.completed(header, { processed, updated, failed, ...took, dryRun: header.definition.dryRun });
  if (isVerification(header.definition))
    log.verified(header, { verdict: verdictOf(change.after), differences: differencesOf(change.after) });
}

/** By repository and run. Belongs to this process. */
const unknown: WeakMap<BackfillRepository<unknown>, Map<string, readonly StateChange[]>> = new WeakMap();

/** Of a repository. More are forgotten, the oldest first. */
const MOST_RUNS = 100;

function note(repository: BackfillRepository<unknown>, change: StateChange): void {
  const { runId } = change.after.header;
  keep(repository, runId, [...(unknown.get(repository)?.get(runId) ?? []), change]);
}

function keep(repository: BackfillRepository<unknown>, runId: string, changes: readonly StateChange[]): void {
  const runs = unknown.get(repository) ?? new Map<string, readonly StateChange[]>();
  unknown.set(repository, runs);
  runs.delete(runId);
  if (changes.length > 0) runs.set(runId, changes);
  const [oldest] = runs.keys();
  if (runs.size > MOST_RUNS && oldest !== undefined) runs.delete(oldest);
}
