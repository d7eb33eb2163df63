/** A point of a walk. */
export interface PaceMark {
  readonly visited: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * From where the rate of a run counts, as a job of one shard sees it. Workers may take turns at the shards, so the rate of one
 * shard alone says little. Whenever the number of visited instances has grown by half, `from` moves to
 * where it had grown by half before. So the rate covers about the last half of the walk. A slow start is soon forgotten,
 * and short holds of a throttle count, because they limit the run, too.
 */
export interface Pace {
  /** How many instances were visited when the pace began to count: 0, or more after a resume. */
  readonly origin: number;
  readonly from: PaceMark;
  readonly next: PaceMark;
  /** Whether one long hold, or a long time without a worker, was left out. The next one counts: it limits the run. */
  readonly wasHeld: boolean;
}

export function newPace(visited: number, at: number): Pace {
  return { origin: visited, from: { visited, at }, next: { visited, at }, wasHeld: false };
}

export function advancePace({ origin, from, next, wasHeld }: Pace, visited: number, at: number): Pace {
  const hasGrown = visited - origin >= GROWTH * (next.visited - origin);
  return hasGrown ? { origin, from: next, next: { visited, at }, wasHeld } : { origin, from, next, wasHeld };
}

const GROWTH = 1.5;

/** The same pace, without an idle time that says nothing about the rest of the run. */
export function withoutIdleTime({ origin, from, next }: Pace, idleMs: number): Pace {
  const shifted = ({ visited, at }: PaceMark): PaceMark => ({ visited, at: at + idleMs });
  return { origin, from: shifted(from), next: shifted(next), wasHeld: true };
}

/** Instances per second, at a time after `from`. */
export function rateOf({ from }: Pace, visited: number, at: number): number {
  return ((visited - from.visited) * 1000) / (at - from.at);
}
