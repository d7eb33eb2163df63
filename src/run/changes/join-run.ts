import { isDeepStrictEqual } from 'node:util';
import { isHeld, START_AFTER } from '../record/holds.js';
import type { KeyClaim, Run, RunHeader, RunShard } from '../record/run-record.js';
import { isActive, isWorkable } from '../record/run-state.js';
import { withNextStep } from './allot-step.js';
import { mayWalkAgain } from './freeze-walk.js';
import type { RunChange } from './run-change.js';

/**
 * Adds an equal request to the run: it is to cover the instances that exist now, and to start when the request wants it.
 * @param claims what the request would claim. A dry run takes them if it will begin a walk after this.
 */
export function join(
  run: Run,
  startAfter: number | null,
  now: number,
  claims: readonly KeyClaim[],
): RunChange | null {
  if (!isActive(run.header.state)) return null;
  const header = claiming(run.header, coveringNow(run.header), claims);
  const shards = calledFor(run, startAfter, now);
  return header === null && shards.length === 0 ? null : { ...(header === null ? {} : { header }), shards };
}

/** A key that was requested again before the last walk of a verification begins is verified with its new values. */
function claiming(
  before: RunHeader,
  covering: RunHeader | null,
  claims: readonly KeyClaim[],
): RunHeader | null {
  const header = covering ?? before;
  const isCurrent = !header.definition.dryRun || isDeepStrictEqual(claims, header.claims);
  return isCurrent || !isCovering({ header }) ? covering : { ...header, claims };
}

/**
 * Before the freeze, the change refuses a survey that was made already. After it, the run walks once more. After the last
 * possible freeze, nothing changes.
 */
function coveringNow(header: RunHeader): RunHeader | null {
  const joined: RunHeader = { ...header, mark: null };
  if (header.total === null) return joined;
  if (!mayWalkAgain(header) || (header.walkAgain && header.mark === null)) return null;
  return { ...joined, walkAgain: true };
}

/**
 * The first shard of a run that has not begun, as an equal request wants it. The earlier start wins. A job that is due has
 * a new step: the runner may have given the job before up, and may keep its key.
 */
function calledFor({ header, shards }: Run, startAfter: number | null, now: number): RunShard[] {
  const [first] = shards;
  if (header.total !== null || first === undefined) return [];
  if (!isHeld(first, now)) return isWorkable(header.state) ? [withNextStep(first)] : [];
  if (first.heldFor !== START_AFTER || (startAfter ?? now) >= (first.heldUntil ?? 0)) return [];
  const sooner: RunShard = { ...first, heldUntil: startAfter ?? now, handedBack: -1 };
  return [isWorkable(header.state) ? withNextStep(sooner) : sooner];
}

/** Whether a run that was joined covers the instances that exist now. */
export function isCovering({ header }: Pick<Run, 'header'>): boolean {
  return isActive(header.state) && (header.total === null || header.walkAgain);
}
