import { inspect, isDeepStrictEqual } from 'node:util';

/** Ends a case unless the two are deeply equal. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) throw new UnmetExpectation(what, actual, expected);
}

/** Ends a case because its port has nothing of the kind, which it need not. */
export function notOffered(reason: string): never {
  throw new NotOffered(reason);
}

/** In any order: what a port may answer in whatever order it likes. */
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

/** These two never leave a case. */
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
