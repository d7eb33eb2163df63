import type { ProcessSlot } from './process-slot.js';
import type { Scene } from './scene.js';
import { storedRuns } from './stored-runs.js';

/** In some turns of the chaos, a process asks for the status of a run, beside the call that it makes. */
export function glance(scene: Scene, slots: readonly ProcessSlot[]): void {
  const { world, choices, schedule } = scene;
  if (!choices.chance(world.looks.glances)) return;
  const busy = slots
    .map(({ process }) => process)
    .filter(({ isAlive, isIdle, owner }) => isAlive && !isIdle && owner.stalledUntil <= schedule.now);
  const process = busy[choices.pick(busy.length)];
  const runs = storedRuns(scene);
  const run = runs[choices.pick(runs.length)];
  if (process !== undefined && run !== undefined) process.glance(run.runId);
}
