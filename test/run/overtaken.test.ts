import { expect, test } from 'vitest';
import { isBackfillError, type RepositoryCommit, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const REST = { batchSize: 10, retry: { initialDelayMs: 1 } };

test.each(
  ['08006', '42501', '57014', 'P0001'].flatMap((code) =>
    (['one batch', 'the whole run'] as const).map((commits) => ({ code, commits })),
  ),
)(
  'a job that settles a refusal gives way, wherever another one commits $commits: $code',
  async ({ code, commits }) => {
    for (let place = 1; ; place += 1) {
      const withoutValues = instance(12, { other: 1 });
      const memory = createMemoryRepository({
        instances: invoices(30).map((invoice) => (invoice.id === 12 ? withoutValues : invoice)),
      });
      let [tries, isOvertaken] = [0, false];
      let runId = '';
      const repository = intercept(memory, async ({ method, argument, proceed }) => {
        if (method !== 'commit') return proceed();
        const { instances, expected } = argument as RepositoryCommit<number>;
        const isRefused = instances.some(({ id }) => id === 11 || id === 12 || id === 13);
        if (isRefused || tries > 0) tries += 1;
        if (tries === place && !isOvertaken) {
          isOvertaken = true;
          runId = expected[0]?.id.split('_')[0] ?? '';
          await overtake(memory, runId, commits);
        }
        // Whatever has refused them is over then.
        if (isRefused && !isOvertaken) throw databaseError(code);
        return proceed();
      });

      await runBackfill({
        ...REST,
        repository,
        processModelId: MODEL,
        paths: PATHS,
        missing: 'omit',
        runtime: testRuntime(),
      }).catch((error: unknown) => {
        if (!isBackfillError(error, 'PORT_FAILED')) throw error;
      });
      if (!isOvertaken) break;

      const report = await runBackfill({ ...REST, runId, repository: memory, runtime: testRuntime() });
      expect({ place, total: report.total, visited: report.processed + report.failed }).toEqual({
        place,
        total: 30,
        visited: 30,
      });
      expect(place).toBeLessThan(1_000);
    }
  },
);

/** Another job goes on with the run, on a database that takes everything. */
async function overtake(
  memory: ReturnType<typeof createMemoryRepository>,
  runId: string,
  commits: 'one batch' | 'the whole run',
): Promise<void> {
  const stop = new AbortController();
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const answer = await proceed();
    const { instances = [] } = Object(argument) as Partial<RepositoryCommit>;
    if (method === 'commit' && instances.length > 0 && commits === 'one batch') stop.abort();
    return answer;
  });
  const { signal } = stop;
  await runBackfill({ ...REST, batchSize: 5, runId, repository, signal, runtime: testRuntime(2) }).catch(
    (error: unknown) => {
      if (error !== signal.reason) throw error;
    },
  );
}
