import { createInProcessQueue } from 'process-metadata-backfill/memory';
import { queueConformance } from 'process-metadata-backfill/testing';
import { describe } from 'vitest';
import { conformanceOf } from './fixtures/conformance-of.js';

describe('the queue inside the process', () => {
  const cases = queueConformance(() => {
    const queue = createInProcessQueue({ retry: { initialDelayMs: 1 } });
    return {
      queue,
      startWorker(handler) {
        queue.work(handler);
        return () => queue.stop();
      },
      close: () => queue.stop(),
    };
  });
  conformanceOf(cases, ['disconnect', 'transactions']);
});
