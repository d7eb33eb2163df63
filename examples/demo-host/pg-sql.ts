import { type Pool, type PoolClient, types } from 'pg';
import type { Sql, SqlDatabase } from '../2-embedded-postgres/sql.js';

/** The adapter for a pool of `pg`. */
export function pgDatabase(pool: Pool): SqlDatabase {
  // Without a listener, a connection that is lost while it is in use ends the process. With it, only its statement fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    ...pgSql(pool),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const result = await work(pgSql(client));
        // If a statement failed and its error was caught, PostgreSQL answers `commit` with ROLLBACK and without an error.
        const { command } = await client.query('commit');
        if (command !== 'COMMIT')
          throw new Error('The transaction was rolled back: a statement in it failed.');
        client.release();
        return result;
      } catch (error) {
        const unusable = await client.query('rollback').then(
          () => false,
          () => true,
        );
        client.release(unusable);
        throw error;
      }
    },
  };
}

/** Use it also for a transaction of the host that a request shall be part of. */
export function pgSql(connection: Pool | PoolClient): Sql {
  return {
    async query<Row>(text: string, values: readonly unknown[] = [], read?: (text: string) => unknown) {
      const getTypeParser: typeof types.getTypeParser = (type, format) =>
        type === types.builtins.TEXT && read !== undefined ? read : types.getTypeParser(type, format);
      const { rows } = await connection.query({ text, values: [...values], types: { getTypeParser } });
      return rows as Row[];
    },
  };
}
