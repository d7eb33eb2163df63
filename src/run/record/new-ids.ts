import type { Runtime } from '../../ports/runtime.js';

/** Sorts by time of creation. Of the form [0-9a-z]{25}. */
export function newRunId(runtime: Runtime): string {
  const time = runtime.now().toString(36).padStart(9, '0');
  return `${time}${randomText(runtime)}${randomText(runtime)}`;
}

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
