import { InvalidInputError } from '../../errors.js';
import { describe } from '../../input/parse-input.js';

/**
 * Checks that a driver's object is of the expected kind, before anything is sent.
 * @throws {InvalidInputError} It lacks one of the methods.
 */
export function expectMethods(value: unknown, methods: readonly string[], expected: string): void {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (isObject && methods.every((name) => typeof Reflect.get(value, name) === 'function')) return;
  throw new InvalidInputError(`${expected}, got ${describe(value)}`);
}
