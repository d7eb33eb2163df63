import { type Connection, createPool } from 'mariadb';
import { type OpenDriver, type Query, rowsOf } from './sql-driver.js';

export const openMariadbConnector: OpenDriver = (url) => {
  const pool = createPool(`${url.replace(/^mysql:/, 'mariadb:')}?connectionLimit=3&acquireTimeout=2000`);
  const queryOn =
    (connection: Pick<Connection, 'query'>): Query =>
    async (text, values = []) =>
      rowsOf(await connection.query(text, [...values]));
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
        await connection.rollback().catch(() => {});
        throw error;
      } finally {
        await connection.release().catch(() => {});
      }
    },
    close: () => pool.end(),
  };
};
