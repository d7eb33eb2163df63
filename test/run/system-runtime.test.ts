import { expect, test } from 'vitest';
import { systemRuntime } from '../../src/run/context/system-runtime.js';

test('sleeps on where a timer of Node.js would end at once, until it is aborted', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort('enough'), 20);

  await expect(systemRuntime.sleep(2 ** 31 + 1000, controller.signal)).rejects.toBe('enough');
});
