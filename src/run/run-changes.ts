import type { InstanceSurvey } from '../ports/repository.js';
import { isComplete, type Run, tallyOf } from './run-record.js';
import type { RunChange } from './run-store.js';
import { visited } from './tally.js';

/** Fixes total and bound, once; and sets a run that waited to running. */
export function freeze(run: Run, survey: InstanceSurvey, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'pending') return null;
  const running = {
    ...header,
    state: 'running',
    startedAt: header.startedAt ?? now,
  } as const;
  if (header.total !== null) return { header: running };
  const { total, upTo } = survey;
  return {
    header: { ...running, total, upTo },
    shards: shards.map((shard) => ({
      ...shard,
      upTo,
      done: upTo === null,
      at: now,
    })),
  };
}

/** Allots the step after `step` to a job that is about to be enqueued; nothing if that was done already. */
export function allot(run: Run, shardIndex: number, step: number): RunChange | null {
  const shard = run.shards[shardIndex];
  if (run.header.state !== 'pending' && run.header.state !== 'running') return null;
  if (shard === undefined || shard.done || shard.step !== step) return null;
  return { shards: [{ ...shard, step: step + 1 }] };
}

/** Ends the run once every shard is done. Instances that the walk never met are gone; late ones raise the total. */
export function complete(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'running' || shards.some((shard) => !shard.done)) return null;
  const tally = tallyOf(run);
  const state = tally.failed > 0 ? 'completed_with_failures' : 'completed';
  return {
    header: {
      ...header,
      state,
      total: Math.max(header.total ?? 0, visited(tally)),
      endedAt: now,
    },
  };
}

/** Ends the run for now. The new revision of its open shards refuses every commit that is still under way. */
export function fail(run: Run, reason: string, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'pending' && header.state !== 'running') return null;
  return {
    header: {
      ...header,
      state: 'failed',
      lastError: reason.slice(0, 500),
      endedAt: now,
    },
    shards: shards.filter((shard) => !shard.done),
  };
}

/** Prepares a run for a caller that goes on with it by its id: a failed one is set going, and a step is allotted. */
export function goOn(run: Run): RunChange | null {
  const { header, shards } = run;
  if (header.state === 'paused' || header.state === 'cancelled' || isComplete(header.state)) return null;
  const open = shards.find((shard) => !shard.done);
  const step = open === undefined ? {} : { shards: [{ ...open, step: open.step + 1 }] };
  if (header.state !== 'failed') return open === undefined ? null : step;
  return {
    header: { ...header, state: 'pending', endedAt: null, lastError: null },
    ...step,
  };
}
