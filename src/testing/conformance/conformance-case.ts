import { expectationOf, inspectValue, reasonNotOffered } from './expectations.js';

/** One promise of a port, for any test runner: `for (const c of cases) test(c.name, c.run)`. */
export interface ConformanceCase {
  /** A sentence about the method that it begins with. No two cases share one. */
  readonly name: string;
  /** The optional part of the port that this is about; absent where every port must pass. */
  readonly capability?: string;
  /**
   * Resolves when the promise is kept, and rejects with what was broken and how to mend it. What the port does not offer
   * is told to `context.skip`, or to `console.warn` where there is none: never passed in silence. To insist on
   * everything, give a `skip` that throws.
   */
  run(context?: CaseContext): Promise<void>;
}

/** What vitest and node:test hand to a test: enough of it. */
export interface CaseContext {
  skip?(reason: string): unknown;
}

/** A promise of a port as this library states it. */
export interface PromiseOf<Subject> {
  readonly name: string;
  readonly capability?: string;
  /** What a port that breaks it should do instead. */
  readonly mend: string;
  check(subject: Subject): Promise<void>;
}

/** A port in a state of its own, for a single case. */
export interface Opened<Subject> {
  readonly subject: Subject;
  close(): Promise<void>;
}

export function conformanceCase<Subject>(
  { name, capability, mend, check }: PromiseOf<Subject>,
  open: () => Promise<Opened<Subject>>,
): ConformanceCase {
  return {
    name,
    ...(capability === undefined ? {} : { capability }),
    // The default keeps `run.length` 0: some runners take a test with a parameter for one with a callback.
    async run(context = {}) {
      const { subject, close } = await open();
      let failure: unknown = null;
      try {
        await check(subject);
      } catch (error) {
        failure = error;
      }
      const [closed] = await Promise.allSettled([close()]);
      failure ??= closed.status === 'rejected' ? closed.reason : null;
      if (failure === null) return;
      const reason = reasonNotOffered(failure);
      if (reason === null) throw brokenPromise(name, mend, failure);
      const message = `not offered: ${capability ?? 'this'} (${reason})`;
      if (context.skip === undefined) console.warn(`${name}\n  ${message}`);
      else context.skip(message);
    },
  };
}

function brokenPromise(name: string, mend: string, failure: unknown): Error {
  const advice = `To mend it: ${mend}`;
  const expectation = expectationOf(failure);
  if (expectation === null) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    return new Error(`${name}\n  This failed: ${reason}\n  ${advice}`, { cause: failure });
  }
  const { what, actual, expected } = expectation;
  const difference = `${what}: expected ${inspectValue(expected)}, got ${inspectValue(actual)}`;
  return Object.assign(new Error(`${name}\n  ${difference}\n  ${advice}`), { actual, expected });
}
