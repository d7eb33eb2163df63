import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import type { BackfillQueue, BackfillRepository, RepositoryCommit } from '../../../src/index.js';
import { intercept } from '../../support/intercept.js';

/** A moment in the life of a job: on one side or the other of what changes the store or the queue. */
export type Point =
  | `${'before' | 'after'}-${'page' | CommitKind}`
  // Between the commit that allots a step and the queue having its job; and with the job there, but not acknowledged.
  | `${'before' | 'after'}-enqueue`
  /** All statements of a transaction are done, and only its COMMIT is not. */
  | 'inside-commit';

type CommitKind = 'freeze' | 'batch' | 'allot' | 'finish' | 'complete';

type Reach = (point: Point) => Promise<void>;

/** The same database, which calls `reach` inside each transaction, also inside that of a commit in one statement. */
export function databaseWithPoints(database: SqlDatabase, reach: Reach): SqlDatabase {
  const transaction: SqlDatabase['transaction'] = (work) =>
    database.transaction(async (sql: Sql) => {
      const result = await work(sql);
      await reach('inside-commit');
      return result;
    });
  return {
    transaction,
    query: (...statement) =>
      statement[0].includes('with backfill_records as')
        ? transaction((sql) => sql.query(...statement))
        : database.query(...statement),
  };
}

/** The same ports, which call `reach` at each point before they go on. */
export function portsWithPoints<Transaction>(
  repository: BackfillRepository<Transaction, number>,
  queue: BackfillQueue<Transaction>,
  reach: Reach,
): { readonly repository: typeof repository; readonly queue: typeof queue } {
  const around = async <Result>(what: CommitKind | 'page' | 'enqueue', proceed: () => Promise<Result>) => {
    await reach(`before-${what}`);
    const result = await proceed();
    await reach(`after-${what}`);
    return result;
  };
  return {
    repository: intercept(repository, ({ method, argument, proceed }) => {
      if (method === 'readInstances') return around('page', proceed);
      return method === 'commit' ? around(kindOf(argument), proceed) : proceed();
    }),
    queue: { ...queue, enqueue: (job, options) => around('enqueue', () => queue.enqueue(job, options)) },
  };
}

function kindOf({ instances, exhausted, next }: RepositoryCommit<number>): CommitKind {
  if (instances.length > 0) return 'batch';
  if (exhausted) return 'finish';
  const header = next({ gone: [], kept: [], moved: [] }).find(({ id, runId }) => id === runId);
  if (header === undefined) return 'allot';
  return String(Object(header.content).state).startsWith('completed') ? 'complete' : 'freeze';
}
