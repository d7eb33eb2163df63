import type { ProcessSlot } from './process-slot.js';
import type { Scene } from './scene.js';
import type { SimulatedProcess } from './simulated-process.js';
import { MOST_FORGOTTEN } from './simulated-store.js';

/**
 * In some turns of the chaos, the store crashes and loses its last commits. A worker may sleep through that, and wake up when
 * another one has made as many commits as were lost.
 */
export function loseCommits(scene: Scene, workers: readonly ProcessSlot[]): void {
  const { world, choices, store } = scene;
  if (!choices.chance(world.losses)) return;
  store.forget(1 + choices.pick(MOST_FORGOTTEN));
  const busy = workers.map(({ process }) => process).filter(({ isAlive, isIdle }) => isAlive && !isIdle);
  const sleeper = busy[choices.pick(busy.length)];
  if (sleeper !== undefined && choices.chance(500)) stall(scene, sleeper, { unitMs: 20 });
}

/** In some turns of the chaos, crashes, stalls or aborts a random process. */
export function disturbProcess(scene: Scene, slots: readonly ProcessSlot[]): void {
  const { world, choices } = scene;
  const weights = [1000, world.crashes, world.stalls, world.aborts];
  if (world.crashes + world.stalls + world.aborts === 0) return;
  const kind = choices.weighted(weights);
  if (kind === 0) return;
  const busy = slots.map(({ process }) => process).filter(({ isAlive, isIdle }) => isAlive && !isIdle);
  const victim = busy[choices.pick(busy.length)];
  if (victim === undefined) return;
  if (kind === 1) victim.crash();
  else if (kind === 2) stall(scene, victim);
  else if (!victim.signal.aborted) victim.abort();
}

function stall({ choices, schedule, record }: Scene, process: SimulatedProcess, { unitMs = 200 } = {}): void {
  process.owner.stalledUntil = schedule.now + unitMs * (1 + choices.pick(20));
  record({ type: 'stall', process: process.name, call: process.call });
}
