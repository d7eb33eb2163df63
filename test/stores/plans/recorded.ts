import { CompiledQuery, type KyselyPlugin } from 'kysely';
import type { BackfillRepository } from 'process-metadata-backfill';
import type { Sql } from '../../../examples/2-embedded-postgres/sql.js';
import type { EmptyDatabase } from '../../../examples/3-sql-databases/databases/empty-database.js';
import { createSqlRepository } from '../../../examples/3-sql-databases/repository/sql-repository.js';
import type { Database } from '../../../examples/3-sql-databases/repository/tables.js';
import { createPostgresRepository } from '../../support/spiff-repository.js';

export interface RecordedRepository {
  readonly repository: BackfillRepository<never, number>;
  /** All that it has sent, in order. */
  readonly statements: readonly CompiledQuery[];
}

export function recordSqlRepository({
  database,
  dialect,
}: Pick<EmptyDatabase, 'database' | 'dialect'>): RecordedRepository {
  const statements: CompiledQuery[] = [];
  const executor = database.getExecutor();
  // A plugin sees each part of a statement as well as the whole, but the results of whole ones only.
  const seen = new WeakMap<object, CompiledQuery>();
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      seen.set(queryId, executor.compileQuery(node, queryId));
      return node;
    },
    async transformResult({ result, queryId }) {
      const statement = seen.get(queryId);
      if (statement !== undefined) statements.push(statement);
      return result;
    },
  };
  return { repository: createSqlRepository(database.withPlugin(plugin), dialect), statements };
}

/** The one in plain SQL, on the same tables. */
export function recordPostgresRepository({ database }: EmptyDatabase): RecordedRepository {
  const statements: CompiledQuery[] = [];
  const recorded = (connection: Database): Sql => ({
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const statement = CompiledQuery.raw(text, [...values]);
      statements.push(statement);
      return (await connection.executeQuery<Row>(statement)).rows;
    },
  });
  const repository = createPostgresRepository({
    ...recorded(database),
    transaction: (work) => database.transaction().execute((transaction) => work(recorded(transaction))),
  });
  return { repository, statements };
}
