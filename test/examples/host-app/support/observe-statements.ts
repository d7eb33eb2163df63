import type { Sql, SqlDatabase } from '../../../../examples/2-embedded-postgres/sql.js';

/** Gets each statement, those of runs included, and how many rows it has returned. */
export type StatementObserver = (text: string, rows: number) => void;

/** The same database, whose statements are counted. */
export function observeStatements(database: SqlDatabase, onStatement: StatementObserver): SqlDatabase {
  const observed = (sql: Sql): Sql => ({
    ...sql,
    async query<Row>(text: string, values?: readonly unknown[], read?: (text: string) => unknown) {
      const rows = await sql.query<Row>(text, values, read);
      onStatement(text, rows.length);
      return rows;
    },
  });
  return {
    ...observed(database),
    transaction: (work) => database.transaction((sql) => work(observed(sql))),
  };
}
