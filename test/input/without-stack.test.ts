import { afterEach, expect, test } from 'vitest';
import { withoutStack } from '../../src/input/without-stack.js';

const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') ?? { value: 10 };
afterEach(() => {
  Object.defineProperty(Error, 'stackTraceLimit', limit);
});

test('an error has its message and no trace, and later ones have a trace again', () => {
  const fail = () => {
    throw new TypeError('broken');
  };
  let caught: unknown;
  try {
    withoutStack(fail);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(TypeError);
  expect((caught as Error).stack).toBe('TypeError: broken');
  expect(Error.stackTraceLimit).toBe(limit.value);
  expect(new Error('later').stack).toContain('without-stack.test');
});

test('a host that has frozen Error gets its results all the same', () => {
  Object.defineProperty(Error, 'stackTraceLimit', { ...limit, writable: false });
  expect(withoutStack(() => 7)).toBe(7);
});
