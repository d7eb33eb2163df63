import { openSlot, type ProcessSlot, repeat } from './process-slot.js';
import type { Scene } from './scene.js';

/** The processes that sweep. In the calm there is at least one. */
export interface Sweepers {
  readonly slots: readonly ProcessSlot[];
}

export function startSweepers(scene: Scene): Sweepers {
  const { world, choices } = scene;
  const { staleAfterMs } = world;
  const slots = Array.from({ length: Math.max(1, world.sweepers) }, (_, index) =>
    openSlot(scene, `sweeper-${index + 1}`),
  );
  for (const [index, slot] of slots.entries()) {
    const sweep = (): void => {
      const { process } = slot;
      if (!process.isIdle || (!scene.isCalm && index >= world.sweepers)) return;
      process.invoke('sweep', { staleAfterMs }, () => process.service.sweep({ staleAfterMs }));
    };
    repeat(
      scene,
      () => (scene.isCalm ? 1000 : Math.round((world.sweepEveryMs * (2 + choices.pick(5))) / 4)),
      sweep,
    );
  }
  return { slots };
}
