import knex, { type Knex } from 'knex';
import { type OpenDriver, type Query, rowsOf } from './sql-driver.js';

export const openKnex: OpenDriver = (url) => {
  const isPostgres = url.startsWith('postgres');
  const database = knex({
    client: isPostgres ? 'pg' : 'mysql2',
    connection: url,
    pool: { min: 0, max: 3 },
    acquireConnectionTimeout: 2000,
  });
  const queryOn =
    (connection: Pick<Knex, 'raw'>): Query =>
    async (text, values = []) => {
      const answer = await connection.raw(text, values as string[]);
      return rowsOf(isPostgres ? answer.rows : answer[0]);
    };
  return {
    query: queryOn(database),
    transaction: (work) => database.transaction((transaction) => work(queryOn(transaction))),
    close: () => database.destroy(),
  };
};
