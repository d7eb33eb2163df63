import { describe, expect, test } from 'vitest';
import {
  type BackfillReport,
  type BackfillRepository,
  isBackfillError,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** `refuse` says which error the database raises for instances that it is to write. */
function refusing(
  repository: BackfillRepository,
  refuse: (ids: readonly number[]) => Error | null,
): BackfillRepository {
  return intercept(repository, async ({ method, argument, proceed }) => {
    if (method !== 'commit') return proceed();
    const { instances } = argument as RepositoryCommit<number>;
    const error = refuse(instances.filter(({ values }) => values.length > 0).map(({ id }) => id));
    if (error !== null) throw error;
    return proceed();
  });
}

const REST = { batchSize: 10, retry: { initialDelayMs: 1 } };

const backfill = (
  repository: BackfillRepository,
  definition: object = { processModelId: MODEL, paths: PATHS },
) =>
  runBackfill({ ...REST, ...(definition as { readonly runId: string }), repository, runtime: testRuntime() });

/** Goes on with a run after each error that stops it, as a job runner does. */
async function backfillInJobs(repository: BackfillRepository): Promise<BackfillReport> {
  let definition: object | undefined;
  for (let job = 0; job < 20; job += 1) {
    try {
      return await backfill(repository, definition);
    } catch (error) {
      if (!isBackfillError(error, 'PORT_FAILED')) throw error;
      definition = { runId: error.runId };
    }
  }
  throw new Error('the run did not end');
}

const ERRORS: [what: string, error: Error][] = [
  ['a row policy', databaseError('42501')],
  ['what the database does not support', databaseError('0A000')],
  ['another type', databaseError('42804')],
  ['JSON that SQLite cannot read', databaseError('SQLITE_ERROR')],
  ['a mistake of the adapter', new TypeError("Cannot read properties of undefined (reading 'x')")],
  ['a time-out', databaseError('57014')],
  ['a deadlock with itself', databaseError('40P01')],
  ['a lost connection', databaseError('ECONNRESET')],
];

describe.each(ERRORS)('%s', (_, error) => {
  test.each([[0], [4], [9]])(
    'is the fault of the instance that alone is refused, at %i',
    async (position) => {
      const memory = createMemoryRepository({ instances: invoices(30) });
      const bad = 11 + position;
      const report = await backfill(refusing(memory, (ids) => (ids.includes(bad) ? error : null)));

      expect(report).toMatchObject({ state: 'completed_with_failures', total: 30, processed: 29, failed: 1 });
      expect(report.failures).toMatchObject([{ instanceId: bad, code: 'WRITE_REJECTED' }]);
    },
  );

  test('is the fault of none where every instance is refused', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = refusing(memory, (ids) => (ids.some((id) => id > 10) ? error : null));

    const failure = await backfill(repository).catch((error: unknown) => error);

    if (!isBackfillError(failure, 'PORT_FAILED')) throw failure;
    const report = await backfill(memory, { runId: failure.runId });
    expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, failed: 0 });
  });

  test.each(Array.from({ length: 20 }, (_, index) => [index + 1]))(
    'is the fault of none where it passes after %i refusals',
    async (times) => {
      let refused = 0;
      const repository = refusing(createMemoryRepository({ instances: invoices(30) }), (ids) => {
        if (!ids.some((id) => id > 10) || refused === times) return null;
        refused += 1;
        return error;
      });

      const report = await backfillInJobs(repository);
      expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, failed: 0 });
    },
  );
});
