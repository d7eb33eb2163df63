import { diffExtractionPaths, type RunStatus } from 'process-metadata-backfill';
import { Refusal } from '../refusal.js';
import { findModel, type View } from '../view.js';
import { isActive } from './run-words.js';

/** What a person can do to a run. */
export interface RunControl {
  readonly button: string;
  /** What the log says. */
  readonly action: string;
  /** What a person should know before they do it. Without, there is no question. */
  warning?(status: RunStatus): string;
  /** Whether it is possible now. */
  fits(status: RunStatus): boolean;
  perform(view: View, status: RunStatus, by: Requester): Promise<Performed>;
}

export interface Performed {
  /** The run to look at then. */
  readonly runId: string;
  /** `false`: it was requested before. */
  readonly created?: boolean;
  /** Whether more have failed than it retries. */
  readonly left?: boolean;
}

export interface Requester {
  readonly requestedBy: string;
  readonly reason?: string;
}

const AFTER_CANCEL =
  ' The values that the run has written stay. To fill the rest after a cancel, verify the columns, then repair the differences.';

/** By the last step of their addresses. */
export const RUN_CONTROLS: Readonly<Record<string, RunControl>> = {
  pause: {
    button: 'Pause',
    action: 'paused it',
    fits: ({ state }) => state === 'pending' || state === 'running',
    perform: ({ service }, { runId }, by) => service.pause(runId, by),
  },
  resume: {
    button: 'Resume',
    action: 'resumed it',
    fits: ({ state }) => state === 'paused' || state === 'failed',
    perform: ({ service }, { runId }, by) => service.resume(runId, by),
  },
  cancel: {
    button: 'Cancel the run',
    warning: ({ dryRun }) =>
      `A cancelled run cannot be resumed. If you want to go on later, pause it instead.${dryRun ? '' : AFTER_CANCEL}`,
    action: 'cancelled it',
    fits: ({ state }) => isActive(state) || state === 'failed',
    perform: ({ service }, { runId }, by) => service.cancel(runId, by),
  },
  retry: {
    button: 'Retry what failed',
    action: 'requested a retry',
    fits: (status) => hasEnded(status) && status.failed > 0 && !status.dryRun,
    perform: async ({ service }, { runId }, by) => triggered(await service.retryFailed(runId, by)),
  },
  verify: {
    button: 'Verify',
    action: 'requested a verification',
    fits: (status) => hasEnded(status) && keysRead(status).length > 0,
    perform: async ({ service }, status, by) =>
      triggered(await service.verify({ ...sameKeys(status), differences: 'values', ...by })),
  },
  repair: {
    button: 'Repair the differences',
    action: 'requested a repair',
    fits: (status) => status.dryRun && hasEnded(status) && status.verdict === 'different',
    async perform(view, status, by) {
      await expectSamePaths(view, status);
      const request = { ...sameKeys(status), mode: 'overwrite' as const, clear: true, ...by };
      return triggered(await view.service.request(request));
    },
  },
};

/** @throws {Refusal} if the model reads other paths by now: a repair would write what the old ones give. */
async function expectSamePaths(view: View, status: RunStatus): Promise<void> {
  const verified = keysRead(status);
  const { paths } = await findModel(view, status.processModelId);
  const now = paths.filter(({ key }) => verified.some((path) => path.key === key));
  const { added, changed } = diffExtractionPaths(now, verified);
  const keys = [...added, ...changed.map(({ after }) => after)].map(({ key }) => key);
  if (keys.length > 0)
    throw new Refusal(
      409,
      `The model no longer reads ${keys.join(', ')} from the verified path, so nothing was repaired. Verify the columns again.`,
    );
}

function hasEnded({ state }: RunStatus): boolean {
  return !isActive(state);
}

function keysRead({ paths }: RunStatus) {
  return paths.filter(({ mode }) => mode !== 'remove').map(({ key, path }) => ({ key, path }));
}

/** Of all instances of the model. */
function sameKeys(status: RunStatus) {
  return { processModelId: status.processModelId, paths: keysRead(status), missing: status.missing };
}

function triggered(
  result:
    | ({ readonly status: 'triggered' } & Performed)
    | { readonly status: 'skipped'; readonly reason: string; readonly left?: boolean },
): Performed {
  if (result.status === 'skipped') {
    const advice = result.left ? ' Some were deleted. So verify the columns and repair the differences.' : '';
    throw new Refusal(409, `No run was started: ${result.reason}.${advice}`);
  }
  return result;
}
