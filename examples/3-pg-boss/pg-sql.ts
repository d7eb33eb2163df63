import type { Pool, PoolClient } from 'pg';
import type { Sql, SqlDatabase } from '../1-embedded-postgres/sql.js';

/** A pool of node-postgres. */
export function pgDatabase(pool: Pool): SqlDatabase {
  return {
    ...pgSql(pool),
    async transaction(work) {
      const client = await pool.connect();
      client.on('error', ignore);
      try {
        await client.query('begin');
        const result = await work(pgSql(client));
        // PostgreSQL answers ROLLBACK, and no error, when a statement had failed and its error was swallowed.
        const { command } = await client.query('commit');
        if (command !== 'COMMIT')
          throw new Error('The transaction was rolled back: a statement in it failed.');
        release(client);
        return result;
      } catch (error) {
        const unusable = await client.query('rollback').then(
          () => false,
          () => true,
        );
        release(client, unusable);
        throw error;
      }
    },
  };
}

function release(client: PoolClient, unusable = false): void {
  client.release(unusable);
  client.off('error', ignore);
}

/** A connection that is lost while it is in use fails its statement, and ends the process if nobody listens for it. */
function ignore(): void {}

/** Also for a transaction of the host that a request is to be part of. */
export function pgSql(connection: Pool | PoolClient): Sql {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await connection.query(text, [...values])).rows as Row[],
  };
}
