import { InvalidInputError } from '../../errors.js';
import { describe } from '../../input/parse-input.js';
import {
  expectationOf,
  fixtureError,
  inspectValue,
  isFixtureError,
  isOwnError,
  reasonNotOffered,
} from './expectations.js';

/** The test of one promise of a port, for any test runner: `for (const c of cases) test(c.name, c.run)`. */
export interface ConformanceCase {
  /** A sentence that begins with its subject, such as `commit: inserts values where there is no row`. Unique. */
  readonly name: string;
  /** The optional member or feature that the case tests or needs. Absent if every port must pass the case. */
  readonly capability?: string;
  /**
   * Resolves when the port keeps the promise. Rejects with an error that says what is wrong and how to fix it.
   *
   * If the port does not offer the optional feature, or the case could not check it, the case calls `context.skip` with
   * the reason and resolves. Without `skip` it calls `console.warn`. To demand every feature, pass a `skip` that throws.
   */
  run(context?: CaseContext): Promise<void>;
}

/** The part of a test context that a case uses. The contexts of vitest and node:test fit as they are. */
export interface CaseContext {
  /** Marks the running test as skipped. */
  skip?(reason: string): unknown;
}

/** One promise of a port, with its check. */
export interface PromiseOf<Subject> {
  readonly name: string;
  readonly capability?: string;
  /** How to fix a port that breaks the promise. */
  readonly advice: string;
  check(subject: Subject): Promise<void>;
}

/** A port that was opened for one case. */
export interface Opened<Subject> {
  readonly subject: Subject;
  close(): Promise<void>;
}

export function conformanceCase<Subject>(
  { name, capability, advice, check }: PromiseOf<Subject>,
  open: () => Promise<Opened<Subject>>,
): ConformanceCase {
  return {
    name,
    ...(capability === undefined ? {} : { capability }),
    // The default value keeps `run.length` at 0. Some runners pass a callback to a test that has a parameter.
    async run(context = {}) {
      const { subject, close } = await open();
      const [checked] = await Promise.allSettled([check(subject)]);
      const [closed] = await Promise.allSettled([close()]);
      const reason = checked.status === 'rejected' ? reasonNotOffered(checked.reason) : null;
      if (checked.status === 'rejected' && reason === null) throw brokenPromise(name, advice, checked.reason);
      if (closed.status === 'rejected') throw unclosedFixture(name, closed.reason);
      if (reason === null) return;
      const message = `not offered: ${capability ?? 'this'} (${reason})`;
      if (context.skip === undefined) console.warn(`${name}\n  ${message}`);
      else context.skip(message);
    },
  };
}

/** What a function that creates fixtures must return. */
export interface FixtureShape {
  readonly type: 'RepositoryFixture' | 'QueueFixture';
  readonly port: 'repository' | 'queue';
  readonly portMethods: readonly string[];
  readonly methods: readonly string[];
}

/** @throws {InvalidInputError} when `create` is no function. */
export function assertCreate(create: unknown, { type, port, methods }: FixtureShape): void {
  if (typeof create === 'function') return;
  const wanted = `a function that returns a ${type}: { ${[port, ...methods].join(', ')} }`;
  throw new InvalidInputError(`${port}Conformance: expected ${wanted}, got ${describe(create)}`);
}

/** @throws {InvalidInputError} when what `create` returned is no fixture. */
export function assertFixture(
  fixture: unknown,
  { type, port, portMethods, methods }: FixtureShape,
): asserts fixture is object {
  const lacks = (owner: unknown, name: string) => typeof Reflect.get(Object(owner), name) !== 'function';
  const given: unknown = Reflect.get(Object(fixture), port);
  const missing = [
    ...portMethods.filter((name) => lacks(given, name)).map((name) => `${port}.${name}`),
    ...methods.filter((name) => lacks(fixture, name)),
  ];
  if (missing.length === 0) return;
  throw new InvalidInputError(
    `${port}Conformance: create must return a ${type}: { ${[port, ...methods].join(', ')} }. It returned ${describe(fixture)} without ${missing.join(', ')}.`,
  );
}

function brokenPromise(name: string, advice: string, failure: unknown): Error {
  const expectation = expectationOf(failure);
  if (expectation === null) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    if (isFixtureError(failure))
      return new Error(`${name}\n  ${reason}\n  What this case checks: ${advice}`, { cause: failure.cause });
    // An error that the port itself has thrown may have nothing to do with the promise.
    const label = isOwnError(failure) ? 'To fix it' : 'What this case checks';
    return new Error(`${name}\n  This failed: ${reason}\n  ${label}: ${advice}`, { cause: failure });
  }
  const { what, actual, expected } = expectation;
  const difference = `${what}: expected ${inspectValue(expected)}, got ${inspectValue(actual)}`;
  return Object.assign(new Error(`${name}\n  ${difference}\n  To fix it: ${advice}`), { actual, expected });
}

/** The promise itself was kept, or could not be checked. */
function unclosedFixture(name: string, failure: unknown): Error {
  const { message, cause } = isFixtureError(failure) ? failure : fixtureError('close', failure);
  return new Error(`${name}\n  ${message}\n  To fix it: correct the fixture. The promise is not broken.`, {
    cause,
  });
}
