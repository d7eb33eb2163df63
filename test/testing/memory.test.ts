import { repositoryConformance } from 'process-metadata-backfill/testing';
import { describe } from 'vitest';
import { conformanceOf } from './fixtures/conformance-of.js';
import { memoryFixture } from './fixtures/memory-fixture.js';

describe('the repository in memory', () => {
  conformanceOf(repositoryConformance(memoryFixture), [
    'compareCursors',
    'filled instances',
    'formatValue',
    'maxKeyLength',
    'projected values',
    'saves under way',
    'settled',
    'splitInstances',
    'transactions',
  ]);
});
