import { setTimeout } from 'node:timers/promises';
import type { Sql, SqlDatabase } from '../../examples/1-embedded-postgres/sql.js';

/** The same database as if on another host: each statement takes `ms` longer, begin and commit too. */
export function overNetwork(database: SqlDatabase, ms: number): SqlDatabase {
  if (ms === 0) return database;
  const far = (sql: Sql): Sql => ({
    query: (...statement) => setTimeout(ms).then(() => sql.query(...statement)),
  });
  return {
    ...far(database),
    async transaction(work) {
      await setTimeout(ms);
      return database.transaction(async (sql) => {
        const result = await work(far(sql));
        await setTimeout(ms);
        return result;
      });
    },
  };
}
