import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import type { PostgresConnection, PostgresDatabase } from 'process-metadata-backfill/postgres';

export function fromKysely<Tables>(kysely: Kysely<Tables>): PostgresDatabase<Transaction<Tables>> {
  const on = (connection: Kysely<Tables>): PostgresConnection => ({
    query: async (text, values) => (await connection.executeQuery(CompiledQuery.raw(text, [...values]))).rows,
  });
  return {
    ...on(kysely),
    transaction: (work) =>
      kysely
        .transaction()
        .setIsolationLevel('read committed')
        .execute((transaction) => work(on(transaction))),
    within: on,
  };
}
