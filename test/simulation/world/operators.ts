import { runBackfill } from '../../../src/index.js';
import type { HeaderView } from '../read-record.js';
import type { OperatorKind } from './draw-world.js';
import { openSlot, type ProcessSlot, repeat } from './process-slot.js';
import { definitionFor } from './request-plans.js';
import type { Scene } from './scene.js';
import { storedRuns } from './stored-runs.js';

/**
 * Pauses, resumes and cancels runs, retries failed instances, takes up runs in a script, and starts one there without a queue. Resumes all stopped
 * runs in the calm.
 */
export interface Operators {
  readonly slots: readonly ProcessSlot[];
  /** Whether a run must still be resumed. */
  hasWork(): boolean;
}

const KINDS: readonly OperatorKind[] = ['pause', 'resume', 'cancel', 'take-up', 'start'];

export function startOperators(scene: Scene): Operators {
  const { world, choices } = scene;
  const operator = openSlot(scene, 'operator');
  const script = openSlot(scene, 'script');
  const refused = new Set<string>();
  let hasStarted = false;
  let retries = 0;

  function act(): void {
    const runs = storedRuns(scene).filter(({ state }) => !ENDED.includes(state));
    const run = runs[choices.pick(runs.length)];
    const kind = KINDS[choices.weighted(KINDS.map((name) => world.operator[name]))] ?? 'pause';
    if (mayRetry() && choices.chance(world.retried)) retry();
    else if (kind === 'start') start();
    else if (run === undefined) return;
    else if (kind === 'take-up') takeUp(run.runId);
    else control(kind, run.runId);
  }

  function control(kind: 'pause' | 'resume' | 'cancel', runId: string): void {
    const { process } = operator;
    if (!process.isIdle) return;
    process.invoke(
      kind,
      { runId, ...REQUESTER },
      () => process.service[kind](runId, REQUESTER),
      (outcome) => {
        if ('error' in outcome && Object(outcome.error).code === 'RUN_STATE') refused.add(runId);
      },
    );
  }

  const toRetry = (): HeaderView[] =>
    storedRuns(scene).filter(({ state }) => state === 'completed_with_failures' || state === 'failed');
  const mayRetry = (): boolean => retries < world.mostRetries && toRetry().length > 0;

  function retry(): void {
    const { process } = operator;
    const runs = toRetry();
    const { runId } = runs[choices.pick(runs.length)] ?? {};
    if (runId === undefined || !process.isIdle) return;
    retries += 1;
    process.invoke('retry-failed', { runId, ...REQUESTER }, () =>
      process.service.retryFailed(runId, REQUESTER),
    );
  }

  function takeUp(runId: string): void {
    const { process } = script;
    if (!process.isIdle) return;
    const { repository, queue } = process.ports;
    const withQueue = choices.chance(500) ? { queue } : {};
    process.invoke('take-up', { runId }, () =>
      runBackfill({ ...process.tuning, repository, ...withQueue, runId, signal: process.signal }),
    );
  }

  /** At most one run. If the script is stopped, the run waits for the calm. */
  function start(): void {
    const { process } = script;
    if (hasStarted) enqueueStray();
    if (hasStarted || !process.isIdle) return;
    hasStarted = true;
    const what = definitionFor({ kind: 'disjoint', mode: 'fill', clearsBy: 'default' });
    const { repository } = process.ports;
    const { shards } = world;
    process.invoke('start', {}, () =>
      runBackfill({ ...process.tuning, ...what, shards, repository, signal: process.signal }),
    );
  }

  /** Somebody enqueues a job by hand for a run without a queue. */
  function enqueueStray(): void {
    const { runId } = storedRuns(scene).find(({ hasQueue }) => !hasQueue) ?? {};
    if (runId === undefined) return;
    const payload = { runId, shard: 0, step: 0 };
    const job = { name: 'backfill_metadata' as const, key: `${runId}_0_0`, payload };
    scene.broker.enqueue(NOBODY, job, { startAfter: undefined, late: false });
  }

  const isStopped = ({ state, lastError, hasQueue }: HeaderView): boolean =>
    state === 'paused' ||
    (state === 'failed' && !String(lastError).includes('maxFailures')) ||
    (!hasQueue && !ENDED.includes(state) && state !== 'failed' && script.process.isIdle);

  const toResume = (): HeaderView[] =>
    storedRuns(scene).filter((header) => !refused.has(header.runId) && isStopped(header));

  repeat(
    scene,
    () => (scene.isCalm ? 1000 : 1 + choices.pick(world.operatorEveryMs || 5000)),
    () => {
      if (scene.isCalm) {
        const [run] = toResume();
        if (run !== undefined) control('resume', run.runId);
        else if (mayRetry()) retry();
      } else if (world.operatorEveryMs > 0) act();
    },
  );
  return {
    slots: [operator, script],
    hasWork: () =>
      mayRetry() || (toResume().length > 0 && storedRuns(scene).some(({ state }) => !ENDED.includes(state))),
  };
}

const REQUESTER = { requestedBy: 'operator', reason: 'made up' };

/** No call of the library. */
const NOBODY = 0;

const ENDED: readonly string[] = ['completed', 'completed_with_failures', 'cancelled'];
