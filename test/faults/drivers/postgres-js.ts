import postgres from 'postgres';
import { numbered, type OpenDriver, type Query } from './sql-driver.js';

export const openPostgresJs: OpenDriver = (url) => {
  const sql = postgres(url, { max: 3, prepare: false, onnotice: () => {} }); // not prepared, so that a COMMIT can be told
  const queryOn =
    (connection: Pick<postgres.Sql, 'unsafe'>): Query =>
    (text, values = []) =>
      connection.unsafe(numbered(text), [...values] as string[]);
  return {
    query: queryOn(sql),
    transaction: async (work) => (await sql.begin((connection) => work(queryOn(connection)))) as never,
    close: () => sql.end({ timeout: 1 }),
  };
};
