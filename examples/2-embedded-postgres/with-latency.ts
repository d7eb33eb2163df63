import { setTimeout } from 'node:timers/promises';
import type { PostgresConnection, PostgresDatabase } from 'process-metadata-backfill/postgres';

/** The same database, as if across a network: each statement takes `ms` longer, also begin and commit. */
export function withLatency<Database extends PostgresDatabase>(database: Database, ms: number): Database {
  if (ms === 0) return database;
  const slow = (connection: PostgresConnection): PostgresConnection => ({
    query: (...statement) => setTimeout(ms).then(() => connection.query(...statement)),
  });
  const slowDatabase: PostgresDatabase = {
    ...slow(database),
    async transaction(work) {
      await setTimeout(ms);
      return database.transaction(async (connection) => {
        const result = await work(slow(connection));
        await setTimeout(ms);
        return result;
      });
    },
  };
  return { ...database, ...slowDatabase };
}
