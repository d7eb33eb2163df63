import { NEWER, readablePayload } from './newer-version.js';
import { openSlot, type ProcessSlot } from './process-slot.js';
import type { Scene } from './scene.js';
import type { Delivery, WorkerPool } from './simulated-broker.js';

/** The processes that take jobs from the broker. Each takes one job at a time. */
export interface Workers extends WorkerPool {
  readonly slots: readonly ProcessSlot[];
}

export function startWorkers(scene: Scene): Workers {
  const awayUntil = scene.schedule.now + scene.world.workersAwayMs;
  const areAway = (): boolean => !scene.isCalm && scene.schedule.now < awayUntil;
  const workers = scene.world.batchSizes.map((batchSize, index) => {
    let delivery: Delivery | null = null;
    const slot = openSlot(scene, `worker-${index + 1}`, {
      batchSize,
      onCrash() {
        delivery?.vanish();
        delivery = null;
      },
    });
    const isFree = (): boolean =>
      slot.process.isIdle && slot.process.owner.stalledUntil <= scene.schedule.now;

    function take(taken: Delivery): void {
      delivery = taken;
      const { process } = slot;
      const payload = process.format === NEWER ? readablePayload(taken.payload) : taken.payload;
      const { runId, shard, step } = payload;
      process.invoke(
        'handle',
        { runId, shard, step },
        () => process.service.handle(payload, { signal: process.signal }),
        (outcome) => {
          delivery = null;
          if ('answer' in outcome) taken.succeed();
          else taken.fail(Object(outcome.error).retryable !== false);
        },
      );
    }
    return { slot, isFree, take };
  });

  return {
    slots: workers.map(({ slot }) => slot),
    isFree: () => !areAway() && workers.some((worker) => worker.isFree()),
    take(delivery) {
      const free = workers.filter((worker) => worker.isFree());
      free[scene.choices.pick(free.length)]?.take(delivery);
    },
  };
}
