import { expect, test } from 'vitest';
import { all, InvalidInputError, type Throttle } from '../../src/index.js';

const waits =
  (reason: string, retryAfterMs: number): Throttle =>
  () => ({ reason, retryAfterMs });
const goes: Throttle = async () => null;

test('lets a batch go once all throttles let it go', async () => {
  expect(await all()()).toBeNull();
  expect(await all(goes, () => null)()).toBeNull();
});

test('gives the longest wait, with its reason', async () => {
  const throttle = all(goes, waits('a short one', 5), waits('a long one', 5_000), waits('another', 50));
  expect(await throttle()).toEqual({ reason: 'a long one', retryAfterMs: 5_000 });
});

test('throws what one of them throws', async () => {
  const throttle = all(goes, () => {
    throw new Error('no answer');
  });
  await expect(throttle()).rejects.toThrow('no answer');
});

test('refuses what is no function', () => {
  expect(() => all(goes, null as unknown as Throttle)).toThrow(InvalidInputError);
  expect(() => all(goes, null as unknown as Throttle)).toThrow(
    'all: expected throttles, which are functions, got null',
  );
});
