import {
  type BackfillReport,
  type BackfillRepository,
  isBackfillError,
  type RepositoryCommit,
  runBackfill,
} from '../../../src/index.js';
import { MODEL, PATHS } from '../../support/instances.js';
import { databaseError, intercept } from '../../support/intercept.js';
import { testRuntime } from '../../support/test-runtime.js';

/** `refuse` says which error the database raises for instances with these values by key. */
export function refusing(
  repository: BackfillRepository,
  refuse: (ids: readonly number[], keys: readonly string[]) => Error | null,
): BackfillRepository {
  return intercept(repository, async ({ method, argument, proceed }) => {
    if (method !== 'commit') return proceed();
    const instances = (argument as RepositoryCommit<number>).instances.filter(
      ({ values }) => values.length > 0,
    );
    const keys = instances.flatMap(({ values }) => values.map(({ key }) => key));
    const error = refuse(
      instances.map(({ id }) => id),
      keys,
    );
    if (error !== null) throw error;
    return proceed();
  });
}

/** Which instances a commit writes. */
export const idsOf = (argument: unknown): readonly number[] =>
  (Object(argument).instances ?? [])
    .filter(({ values }: RepositoryCommit<number>['instances'][number]) => values.length > 0)
    .map(({ id }: { readonly id: number }) => id);

export const REST = { batchSize: 10, retry: { initialDelayMs: 1 } };

export const backfill = (
  repository: BackfillRepository,
  definition: object = { processModelId: MODEL, paths: PATHS },
) =>
  runBackfill({ ...REST, ...(definition as { readonly runId: string }), repository, runtime: testRuntime() });

/** Goes on with a run after each error that stops it, as a job runner does. */
export async function backfillInJobs(
  repository: BackfillRepository,
  batchSize = 10,
  paths: readonly object[] = PATHS,
): Promise<BackfillReport> {
  let definition: object = { processModelId: MODEL, paths };
  for (let job = 0; job < 50; job += 1) {
    try {
      return await backfill(repository, { ...definition, batchSize });
    } catch (error) {
      if (!isBackfillError(error, 'PORT_FAILED')) throw error;
      definition = { runId: error.runId };
    }
  }
  throw new Error('the run did not end');
}

export const TABLE: [what: string, error: Error][] = [
  ['a row policy', databaseError('42501')],
  ['another type', databaseError('42804')],
  ['JSON that SQLite cannot read', databaseError('SQLITE_ERROR')],
  ['a mistake of the adapter', new TypeError("Cannot read properties of undefined (reading 'x')")],
  ['a time-out', databaseError('57014')],
  ['a deadlock with itself', databaseError('40P01')],
  ['a lost connection', databaseError('ECONNRESET')],
];
/** The database has judged what it got, or nobody knows: an instance that is refused alone is to blame. */
export const JUDGED: [what: string, error: Error][] = [
  ['a trigger', databaseError('P0001')],
  ['a code that nobody knows', databaseError('XX000')],
  ['no code at all', new Error('refused')],
];
