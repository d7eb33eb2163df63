import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';

/** A statement, and what PostgreSQL did for it. */
export interface Explained {
  readonly text: string;
  readonly plan: unknown;
}

/**
 * How a statement is planned: for its parameters, or for any. PostgreSQL may take the second plan if a statement is prepared.
 */
export type Planning = 'custom' | 'generic';

/**
 * Does `work` on a connection that explains each statement before it sends it. All that it has written is undone.
 * @returns the statements, in order.
 */
export async function explaining(
  database: SqlDatabase,
  planning: Planning,
  work: (explained: SqlDatabase) => Promise<unknown>,
): Promise<readonly Explained[]> {
  const statements: Explained[] = [];
  const undo = new Error('undo');
  await database
    .transaction(async (sql) => {
      await work(explainingDatabase(sql, planning, statements));
      throw undo;
    })
    .catch((error) => {
      if (error !== undo) throw error;
    });
  return statements;
}

function explainingDatabase(sql: Sql, planning: Planning, statements: Explained[]): SqlDatabase {
  const explainingSql: Sql = {
    async query(text, values, read) {
      if (/^\s*(select|with|insert|update|delete)/.test(text)) {
        statements.push({ text, plan: await explain(sql, planning, text, values) });
        const inner = innerStatement(text, values);
        if (inner !== null)
          statements.push({ text: inner.text, plan: await explain(sql, 'custom', inner.text, inner.values) });
      }
      return sql.query(text, values, read);
    },
  };
  return {
    ...explainingSql,
    async transaction(work) {
      await sql.query('savepoint work');
      const result = await work(explainingSql);
      await sql.query('release savepoint work');
      return result;
    },
  };
}

async function explain(
  sql: Sql,
  planning: Planning,
  text: string,
  values: readonly unknown[] = [],
): Promise<unknown> {
  await sql.query('savepoint explain');
  const explained = `explain (analyze, buffers, timing off, format json)`;
  let rows: readonly Record<string, unknown>[];
  if (planning === 'generic' && values.length > 0) {
    await sql.query('set local plan_cache_mode = force_generic_plan');
    await sql.query(`prepare explained as ${text}`);
    rows = await sql.query(`${explained} execute explained(${values.map(literalOf).join(', ')})`);
    await sql.query('deallocate explained');
  } else rows = await sql.query(`${explained} ${text}`, values);
  await sql.query('rollback to savepoint explain');
  return rows[0]?.['QUERY PLAN'];
}

function literalOf(value: unknown): string {
  return value === null ? 'null' : `E'${String(value).replace(/[\\']/g, '\\$&')}'`;
}

/** That which the function beside the table of runs executes. A plan does not show it. */
function innerStatement(text: string, values: readonly unknown[] = []) {
  const call = /_is_true"\(\$(\d+)::text, \$(\d+)::text,/.exec(text);
  if (call === null) return null;
  const [statement, parameter] = call.slice(1).map((number) => values[Number(number) - 1]);
  return { text: String(statement).replaceAll('$1', '$1::text'), values: [parameter] };
}
