import { sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { PostgresConnection, PostgresDatabase } from 'process-metadata-backfill/postgres';

type Drizzle = Pick<NodePgDatabase, 'execute' | 'transaction'>;

export function fromDrizzle(drizzle: Drizzle): PostgresDatabase<Pick<Drizzle, 'execute'>> {
  const on = (connection: Pick<Drizzle, 'execute'>): PostgresConnection => ({
    async query(text, values) {
      const parts = text.split(/\$(\d+)/); // SQL, number, SQL, number, …
      const chunks = parts.map((part, index) =>
        index % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1]}`,
      );
      return (await connection.execute(sql.join(chunks))).rows;
    },
  });
  return {
    ...on(drizzle),
    transaction: (work) =>
      drizzle.transaction((transaction) => work(on(transaction)), { isolationLevel: 'read committed' }),
    within: on,
  };
}
