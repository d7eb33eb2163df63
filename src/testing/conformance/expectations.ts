import { inspect, isDeepStrictEqual } from 'node:util';

/** Ends the case with an error unless the two values are deeply equal. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) throw new UnmetExpectation(what, actual, expected);
}

const ownErrors = new WeakSet<Error>();

/** The error of a case that cannot go on, because of what the port has answered. */
export function ownError(message: string): Error {
  const error = new Error(message);
  ownErrors.add(error);
  return error;
}

export function isOwnError(error: unknown): boolean {
  return error instanceof Error && ownErrors.has(error);
}

/** The error of a case that cannot go on, because the fixture has failed. */
export function fixtureError(method: string, reason: unknown): Error {
  const message = reason instanceof Error ? reason.message : String(reason);
  return new FixtureError(`\`${method}\` of the fixture failed: ${message}`, { cause: reason });
}

export function isFixtureError(error: unknown): error is Error {
  return error instanceof FixtureError;
}

/** Ends the case as skipped, because the port does not offer the optional feature. */
export function notOffered(reason: string): never {
  throw new NotOffered(reason);
}

/** Sorts what a port may answer in any order. */
export function sorted<Value>(values: Iterable<Value>): Value[] {
  const name = (value: Value) => JSON.stringify(value) ?? '';
  return [...values].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

export function expectationOf(error: unknown): Expectation | null {
  return error instanceof UnmetExpectation ? error : null;
}

export function reasonNotOffered(error: unknown): string | null {
  return error instanceof NotOffered ? error.message : null;
}

export function inspectValue(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200 });
}

interface Expectation {
  readonly what: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

// `conformanceCase` catches these errors: the first two become the error of the case, the third a skip.

class FixtureError extends Error {}

class UnmetExpectation extends Error implements Expectation {
  constructor(
    readonly what: string,
    readonly actual: unknown,
    readonly expected: unknown,
  ) {
    super(what);
  }
}

class NotOffered extends Error {}
