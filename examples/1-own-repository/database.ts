import type { Pool, PoolClient } from 'pg';

/** A connection, or a transaction on one. */
export interface Sql {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** All that the repository needs of a driver. */
export interface SqlDatabase extends Sql {
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
}

/** A pool of `pg`. */
export function pgDatabase(pool: Pool): SqlDatabase {
  // Without listeners, a lost connection ends the process. With them, only the statement on it fails.
  pool.on('error', (error) => console.error(error.message));
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    ...pgSql(pool),
    async transaction(work) {
      const client = await pool.connect();
      let isUsable = true;
      try {
        await client.query('begin');
        const result = await work(pgSql(client));
        await client.query('commit');
        return result;
      } catch (error) {
        isUsable = await client.query('rollback').then(
          () => true,
          () => false,
        );
        throw error;
      } finally {
        client.release(!isUsable);
      }
    },
  };
}

function pgSql(connection: Pool | PoolClient): Sql {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await connection.query(text, [...values])).rows as Row[],
  };
}
