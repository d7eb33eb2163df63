import type { BackfillJob, JobPayload } from '../../../src/ports/queue.js';
import type { QueueEvent } from '../history.js';
import type { Pending } from './schedule.js';
import type { Stage } from './stage.js';

/** A job that a worker has taken. */
export interface Delivery {
  readonly payload: JobPayload;
  succeed(): void;
  fail(isRetryable: boolean): void;
  /** The worker has crashed. The runner notices, and delivers the job again. */
  vanish(): void;
}

/** The workers, as the broker sees them. */
export interface WorkerPool {
  isFree(): boolean;
  take(delivery: Delivery): void;
}

/** A job runner that loses, doubles, delays and reorders jobs, and may cap the delay that was asked for. It delivers a job again that does not end in time. */
export interface SimulatedBroker {
  /** How many jobs wait or run. */
  readonly jobs: number;
  /** Whether nothing can be enqueued at the moment. */
  isDown(): boolean;
  enqueue(
    call: number,
    job: BackfillJob,
    options: { readonly startAfter: Date | undefined; readonly late: boolean },
  ): void;
}

export function createSimulatedBroker(stage: Stage, workers: WorkerPool): SimulatedBroker {
  const seenKeys = new Set<string>();
  const jobs = new Map<object, { readonly key: string }>();
  let downUntil = 0;

  function fateOf(key: string): (QueueEvent & { type: 'enqueue' })['fate'] {
    const { world, choices, isCalm } = stage;
    const { knows, lost, doubled } = world.broker;
    if (knows === 'everything' && seenKeys.has(key)) return 'known';
    if (knows === 'waiting' && [...jobs.values()].some((job) => job.key === key)) return 'known';
    seenKeys.add(key);
    if (isCalm) return 'queued';
    return (['queued', 'doubled', 'lost'] as const)[choices.weighted([1000, doubled, lost])] ?? 'queued';
  }

  function queue(job: BackfillJob, firstAt: number): void {
    const { world, schedule, choices, outside } = stage;
    const { broker } = world;
    const identity = {};
    let attempts = 0;
    let deliveries = 0;
    let crashes = 0;
    let pending: Pending | null = null;

    jobs.set(identity, job);
    const wait = (dueAt: number): void => {
      if (pending !== null) schedule.remove(pending);
      pending = schedule.add({ owner: outside, dueAt, isPossible: workers.isFree, happen: deliver });
    };
    const remove = (): void => {
      jobs.delete(identity);
      if (pending !== null) schedule.remove(pending);
      pending = null;
    };

    function deliver(): void {
      deliveries += 1;
      const delivery = deliveries;
      const isLatest = (): boolean => jobs.has(identity) && delivery === deliveries;
      pending = null;
      wait(schedule.now + broker.visibilityMs);
      workers.take({
        payload: job.payload,
        succeed() {
          if (broker.answers === 'any' || isLatest()) remove();
        },
        fail(isRetryable) {
          if (!isLatest()) return;
          attempts += 1;
          if (isRetryable && attempts < broker.attempts)
            return wait(schedule.now + 50 + choices.pick(4) * 50);
          remove();
          stage.record({ type: 'give-up', key: job.key });
        },
        vanish() {
          if (!isLatest()) return;
          crashes += 1;
          if (crashes <= broker.redeliveries) return wait(schedule.now + 50);
          remove();
          stage.record({ type: 'give-up', key: job.key });
        },
      });
    }
    wait(firstAt);
  }

  return {
    get jobs() {
      return jobs.size;
    },
    isDown() {
      const { world, choices, schedule, isCalm } = stage;
      if (isCalm) return false;
      if (schedule.now < downUntil) return true;
      if (!choices.chance(world.broker.outages)) return false;
      downUntil = schedule.now + 200 * (1 + choices.pick(10));
      return true;
    },
    enqueue(call, job, { startAfter, late }) {
      const { schedule, choices, world, isCalm, record } = stage;
      const { key, payload } = job;
      const fate = fateOf(key);
      record({ type: 'enqueue', call, late, key, payload, fate });
      if (fate === 'known' || fate === 'lost') return;
      const delay = (): number =>
        !isCalm && choices.chance(world.broker.delayed) ? choices.pick(20) * 100 : 0;
      const latest = schedule.now + world.broker.longestDelayMs;
      const startAt = Math.min(latest, Math.max(schedule.now, startAfter?.getTime() ?? 0));
      queue(job, startAt + delay());
      if (fate === 'doubled') queue(job, startAt + delay());
    },
  };
}
