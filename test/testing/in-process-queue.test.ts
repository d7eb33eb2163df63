import { queueConformance } from 'process-metadata-backfill/testing';
import { describe } from 'vitest';
import { conformanceOf } from './fixtures/conformance-of.js';
import { inProcessFixture } from './fixtures/in-process-fixture.js';

describe('the queue inside the process', () => {
  conformanceOf(queueConformance(inProcessFixture), ['disconnect', 'killWorker', 'transactions']);
});
