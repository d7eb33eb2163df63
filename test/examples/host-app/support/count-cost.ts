import pg from 'pg';
import type { SqlDatabase } from '../../../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../../../examples/demo-host/pg-sql.js';
import { observeStatements, type StatementObserver } from './observe-statements.js';

export interface Cost {
  readonly statements: number;
  /** How many rows they have returned. */
  readonly returned: number;
  /** How many rows and entries of indexes the server has read for them. */
  readonly read: number;
}

export interface CountedDatabase {
  readonly database: SqlDatabase;
  costOf(work: () => Promise<unknown>): Promise<Cost>;
  close(): Promise<void>;
}

/** A database whose statements are counted. It has one connection, which can be told to hand in its counts. */
export function openCountedDatabase(url: string, schema: string): CountedDatabase {
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, max: 1 });
  let statements: number[] = [];
  const onStatement: StatementObserver = (_, rows) => statements.push(rows);

  async function rowsRead(): Promise<number> {
    await pool.query('select pg_stat_force_next_flush()');
    const { rows } = await pool.query<{ read: number }>(
      `select ((select sum(seq_tup_read) from pg_stat_user_tables where schemaname = $1)
         + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = $1))::float8 as read`,
      [schema],
    );
    return rows[0]?.read ?? Number.NaN;
  }

  return {
    database: observeStatements(pgDatabase(pool), onStatement),
    async costOf(work) {
      const before = await rowsRead();
      statements = [];
      await work();
      const sent = statements;
      const returned = sent.reduce((sum, rows) => sum + rows, 0);
      return { statements: sent.length, returned, read: (await rowsRead()) - before };
    },
    close: () => pool.end(),
  };
}
