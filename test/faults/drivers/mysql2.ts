import { createPool, type PoolConnection } from 'mysql2/promise';
import { type OpenDriver, type Query, rowsOf } from './sql-driver.js';

export const openMysql2: OpenDriver = (url) => {
  const pool = createPool({ uri: url, connectionLimit: 3 });
  const queryOn =
    (connection: Pick<PoolConnection, 'query'>): Query =>
    async (text, values = []) =>
      rowsOf((await connection.query(text, [...values]))[0]);
  return {
    query: queryOn(pool),
    async transaction(work) {
      const connection = await pool.getConnection();
      try {
        await connection.beginTransaction();
        const answer = await work(queryOn(connection));
        await connection.commit();
        return answer;
      } catch (error) {
        await connection.rollback().catch(() => connection.destroy());
        throw error;
      } finally {
        connection.release();
      }
    },
    close: () => pool.end(),
  };
};
