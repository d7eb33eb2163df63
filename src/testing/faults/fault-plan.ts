import type { BackfillJob } from '../../ports/queue.js';
import type {
  PageQuery,
  RepositoryCommit,
  RunFilter,
  SplitQuery,
  SurveyQuery,
} from '../../ports/repository.js';

/** A call to a port, before it takes effect. */
export type PortCall = {
  readonly [Method in keyof Arguments]: {
    readonly method: Method;
    /** Of this method, from 1 on. */
    readonly nth: number;
    readonly argument: Arguments[Method];
  };
}[keyof Arguments];

interface Arguments {
  surveyInstances: SurveyQuery;
  readInstances: PageQuery;
  splitInstances: SplitQuery;
  commit: RepositoryCommit;
  loadRun: string;
  findRuns: RunFilter;
  enqueue: BackfillJob;
}

/**
 * What goes wrong with a call:
 * - `fail-before`: it rejects and has no effect.
 * - `fail-after`: it rejects although it took effect; to the caller, the outcome is unknown.
 * - `hang`: it waits for `until`, then takes effect; a read that is aborted meanwhile rejects.
 * - `delay`: it takes effect later.
 * - `crash-before`, `crash-after`: the process ends here. Neither this call nor any later one ever settles.
 * - `empty-page`, `short-page`: none, or half, of what `readInstances` found.
 * - `repeating-page`, `unordered-page`, `backward-page`: an instance twice; in reverse; from the beginning of the walk.
 *   What a page passes over in one is one part of it: a page of one part has no half and no reverse.
 */
export type Fault =
  | {
      readonly fault: 'fail-before' | 'fail-after';
      /** @default an error with the code ECONNRESET, which is transient */
      readonly error?: unknown;
    }
  | {
      readonly fault: 'hang';
      /** @default for ever */
      readonly until?: Promise<unknown>;
    }
  | { readonly fault: 'delay'; readonly ms: number }
  | {
      readonly fault: 'crash-before' | 'crash-after';
      onCrash?(): void;
    }
  | { readonly fault: PageFault };

export type PageFault = 'empty-page' | 'short-page' | 'repeating-page' | 'unordered-page' | 'backward-page';

export type PlannedFault = Fault & {
  readonly on: PortCall['method'];
  /** Which call of this method, from 1 on. @default every one */
  readonly nth?: number;
};

/** A list, of which the first entry that fits a call counts, or a decision call by call. */
export type FaultPlan = readonly PlannedFault[] | ((call: PortCall) => Fault | null | undefined);

export function faultFor(plan: FaultPlan, call: PortCall): Fault | null {
  if (typeof plan === 'function') return plan(call) ?? null;
  return plan.find(({ on, nth }) => on === call.method && (nth === undefined || nth === call.nth)) ?? null;
}
