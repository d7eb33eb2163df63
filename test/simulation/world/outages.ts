import type { Stage } from './stage.js';

/** Times in which the store takes no call, no commit or no values. */
export interface Outages {
  /** What the store answers to such a call at the moment, or `null` while it takes it. */
  answer(port: string, hasValues: boolean): Error | null;
}

/** An outage lasts for some tries of a call, or for more than all of them. */
export function createOutages(stage: Stage): Outages {
  let downUntil = 0;
  return {
    answer(port, hasValues) {
      const { world, choices, schedule, isCalm } = stage;
      if (isCalm || port === 'enqueue') return null;
      if (world.outageOf !== 'everything' && port !== 'commit') return null;
      if (world.outageOf === 'values' && !hasValues) return null;
      if (schedule.now >= downUntil) {
        if (!choices.chance(world.outages)) return null;
        downUntil = schedule.now + 40 * (1 + choices.pick(world.longestOutageMs / 40));
      }
      return refusalOf(world.outageCode, 'the store takes nothing now');
    },
  };
}

/** An error as a database driver throws it, or one that says nothing of itself. */
export function refusalOf(code: string | null, message: string): Error {
  return Object.assign(new Error(message), code === null ? {} : { code });
}
