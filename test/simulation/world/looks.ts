import type { Choices } from '../choices.js';

/** How often people read statuses and lists during runs, and which of these reads are slow or fail. */
export interface Looks {
  /** How often in 1,000 turns a process asks for the status of a run, beside its other call. */
  readonly glances: number;
  /** How often in 1,000 loads the answer takes long, and how many milliseconds at most. */
  readonly slowLoads: number;
  readonly longestLoadMs: number;
  /** The longest pauses, in milliseconds, between two lists and between two pages. 0: nobody reads lists. */
  readonly listEveryMs: number;
  readonly pageEveryMs: number;
  /** The most items on a page. */
  readonly pageLimit: number;
  /** Whether the records of lists cannot be read until the disturbances end. */
  readonly areListsUnreadable: boolean;
}

/** Nobody looks. */
export const NO_LOOKS: Looks = {
  ...{ glances: 0, slowLoads: 0, longestLoadMs: 0, listEveryMs: 0, pageEveryMs: 0, pageLimit: 1_000 },
  areListsUnreadable: false,
};

/** @param isUnsure for a world whose runs change again and again by commits of unknown outcome */
export function drawLooks({ oneOf, pick }: Choices, isUnsure: boolean): Looks {
  return {
    glances: isUnsure ? 400 : oneOf([0, 60, 200]),
    slowLoads: isUnsure ? 500 : oneOf([0, 100, 300]),
    longestLoadMs: oneOf([200, 800]),
    listEveryMs: oneOf([30, 100, 0]),
    pageEveryMs: oneOf([100, 400]),
    pageLimit: 1 + pick(2),
    areListsUnreadable: oneOf([false, false, true]),
  };
}
