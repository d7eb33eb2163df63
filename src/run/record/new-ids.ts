import type { Runtime } from '../../ports/runtime.js';

/** Sorts by time of creation. Of the form [0-9a-z]{25}. */
export function newRunId(runtime: Runtime): string {
  return `${earliestRunId(runtime.now())}${randomText(runtime)}${randomText(runtime)}`;
}

/** Sorts before each id of a run that was created at this time or later, and after all earlier ones. */
export function earliestRunId(time: number): string {
  return time.toString(36).padStart(TIME_LENGTH, '0');
}

/** Enough until the year 5188. */
const TIME_LENGTH = 9;

/** A revision that no record has had before, not even in changes that the database has forgotten. */
export function newRevision(runtime: Runtime): string {
  return `${randomText(runtime)}${randomText(runtime)}`;
}

/** Eight characters that nobody else draws. */
export function randomText({ random }: Runtime): string {
  return Math.floor(random() * 36 ** 8)
    .toString(36)
    .padStart(8, '0');
}
