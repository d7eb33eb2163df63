import { z } from 'zod';
import { InvalidInputError } from '../../errors.js';
import { aFunction, describe, expecting, oneOf, parseInput, wholeNumber } from '../../input/parse-input.js';
import type { BackfillJob } from '../../ports/queue.js';
import type {
  PageQuery,
  RepositoryCommit,
  RunFilter,
  SplitQuery,
  SurveyQuery,
} from '../../ports/repository.js';

/** A call of a repository or queue, before it takes effect. */
export type PortCall = {
  readonly [Method in keyof Arguments]: {
    readonly method: Method;
    /** 1 for the first call of this method, 2 for the second, and so on. */
    readonly nth: number;
    /** The first argument of the call. */
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
 * - `fail-before`: the call has no effect and rejects.
 * - `fail-after`: the call takes effect and rejects. The caller cannot know whether it took effect.
 * - `hang`: the call waits for `until` and then takes effect. A read rejects if its signal is aborted meanwhile.
 * - `delay`: the call takes effect `ms` milliseconds later.
 * - `crash-before`, `crash-after`: as if the process had ended before or after the call took effect. This call and all
 *   later calls stay pending for ever.
 * - `empty-page`: `readInstances` answers no entries, whatever it found.
 * - `short-page`: `readInstances` answers the first half of its entries, rounded up.
 * - `repeating-page`: `readInstances` answers its first entry twice.
 * - `unordered-page`: `readInstances` answers its entries in reverse order.
 * - `backward-page`: `readInstances` answers the first page of the walk again.
 *
 * One entry may stand for several filled instances (see `FilledInstances`). Such an entry is neither split nor reversed.
 */
export type Fault =
  | {
      readonly fault: 'fail-before' | 'fail-after';
      /** What the call rejects with. @default an error with the code ECONNRESET, which is transient */
      readonly error?: unknown;
    }
  | {
      readonly fault: 'hang';
      /** The call goes on when this resolves. @default never */
      readonly until?: Promise<unknown>;
    }
  | { readonly fault: 'delay'; readonly ms: number }
  | {
      readonly fault: 'crash-before' | 'crash-after';
      /** Called once, at the crash. */
      onCrash?(): void;
    }
  | { readonly fault: PageFault };

/** A wrong answer of `readInstances`, see `Fault`. Planned for another method, it makes the call reject with a TypeError. */
export type PageFault = 'empty-page' | 'short-page' | 'repeating-page' | 'unordered-page' | 'backward-page';

/** A fault and the calls that it is for. */
export type PlannedFault = Fault & {
  /** The method whose calls get the fault. */
  readonly on: PortCall['method'];
  /** Only this call of the method, counted from 1. @default every call */
  readonly nth?: number;
};

/**
 * Which fault each call gets. In a list, the first entry that fits the call counts. A function decides about each call:
 * `null` or `undefined` means no fault.
 */
export type FaultPlan = readonly PlannedFault[] | ((call: PortCall) => Fault | null | undefined);

export const METHODS: readonly PortCall['method'][] = [
  'surveyInstances',
  'readInstances',
  'splitInstances',
  'commit',
  'loadRun',
  'findRuns',
  'enqueue',
];

/** @throws {InvalidInputError} when the plan, or an entry of it, is wrong. */
export function checkPlan(plan: unknown): void {
  if (typeof plan === 'function') return;
  if (!Array.isArray(plan)) {
    throw new InvalidInputError(
      `withFaults plan: expected a function or a list of { on, fault }, got ${describe(plan)}`,
    );
  }
  for (const [index, entry] of plan.entries()) parseInput(`withFaults plan[${index}]`, plannedFault, entry);
}

const plannedFault = z
  .strictObject({
    on: oneOf(...METHODS),
    fault: oneOf(
      'fail-before',
      'fail-after',
      'hang',
      'delay',
      'crash-before',
      'crash-after',
      'empty-page',
      'short-page',
      'repeating-page',
      'unordered-page',
      'backward-page',
    ),
    nth: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
    error: z.unknown().optional(),
    until: expecting('a promise', (value) => typeof Object(value).then === 'function').optional(),
    ms: expecting('milliseconds', (value) => Number.isFinite(value) && Number(value) >= 0).optional(),
    onCrash: aFunction().optional(),
  })
  .refine(({ fault, ms }) => fault !== 'delay' || ms !== undefined, {
    path: ['ms'],
    error: 'expected milliseconds',
  });

export function faultFor(plan: FaultPlan, call: PortCall): Fault | null {
  if (typeof plan === 'function') return plan(call) ?? null;
  return plan.find(({ on, nth }) => on === call.method && (nth === undefined || nth === call.nth)) ?? null;
}
