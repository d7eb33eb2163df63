import { Pool, type PoolClient } from 'pg';
import { numbered, type OpenDriver, type Query } from './sql-driver.js';

export const openPg: OpenDriver = (url) => {
  const pool = new Pool({ connectionString: url, max: 3 });
  pool.on('error', () => {}); // of a connection that nobody uses at the moment
  pool.on('connect', (client) => client.on('error', () => {})); // of one that is used, but between two statements
  const queryOn =
    (client: Pick<PoolClient, 'query'>): Query =>
    async (text, values = []) =>
      (await client.query(numbered(text), [...values])).rows;
  return {
    query: queryOn(pool as Pick<PoolClient, 'query'>),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const answer = await work(queryOn(client));
        await client.query('commit');
        client.release();
        return answer;
      } catch (error) {
        await client.query('rollback').then(
          () => client.release(),
          (broken: Error) => client.release(broken),
        );
        throw error;
      }
    },
    close: () => pool.end(),
  };
};
