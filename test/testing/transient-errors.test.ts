import { repositoryConformance } from 'process-metadata-backfill/testing';
import { expect, test } from 'vitest';
import { databaseError, intercept } from '../support/intercept.js';
import { memoryFixture } from './fixtures/memory-fixture.js';

test('the cases try a commit again that met a deadlock, as beside other hosts in one database', async () => {
  let deadlocks = 0;
  const cases = repositoryConformance(() => {
    const fixture = memoryFixture();
    const repository = intercept(fixture.repository, ({ method, count, proceed }) => {
      if (method !== 'commit' || count % 2 === 0) return proceed();
      deadlocks += 1;
      throw databaseError('ER_LOCK_DEADLOCK');
    });
    return { ...fixture, repository };
  });

  for (const { run } of cases) await run({ skip() {} });
  expect(deadlocks).toBeGreaterThan(0);
});
