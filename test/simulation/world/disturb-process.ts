import type { ProcessSlot } from './process-slot.js';
import type { Scene } from './scene.js';

/** In some turns of the chaos, crashes, stalls or aborts a random process. */
export function disturbProcess(scene: Scene, slots: readonly ProcessSlot[]): void {
  const { world, choices, schedule } = scene;
  const weights = [1000, world.crashes, world.stalls, world.aborts];
  if (world.crashes + world.stalls + world.aborts === 0) return;
  const kind = choices.weighted(weights);
  if (kind === 0) return;
  const busy = slots.map(({ process }) => process).filter(({ isAlive, isIdle }) => isAlive && !isIdle);
  const victim = busy[choices.pick(busy.length)];
  if (victim === undefined) return;
  if (kind === 1) victim.crash();
  else if (kind === 2) {
    victim.owner.stalledUntil = schedule.now + 200 * (1 + choices.pick(20));
    scene.record({ type: 'stall', process: victim.name, call: victim.call });
  } else if (!victim.signal.aborted) victim.abort();
}
