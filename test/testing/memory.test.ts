import { repositoryConformance } from 'process-metadata-backfill/testing';
import { describe } from 'vitest';
import { conformanceOf } from './fixtures/conformance-of.js';
import { memoryFixture } from './fixtures/memory-fixture.js';

describe('the repository in memory', () => {
  conformanceOf(repositoryConformance(memoryFixture), [
    'bytes',
    'compareCursors',
    'filled instances',
    'formatValue',
    'instances locked by others',
    'live values under way',
    'maxKeyLength',
    'projected values',
    'records locked by others',
    'saves under way',
    'settled',
    'splitInstances',
    'transactions',
    'writes during a read',
  ]);
});
