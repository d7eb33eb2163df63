import type { PostgresConnection } from '../database.js';
import type { RunTable } from '../tables/run-table.js';
import { IS_TRUE_PARAMETERS } from './run-table-names.js';

/**
 * Whether the function beside the table can be used: it is there, and statements outside of a transaction are at READ COMMITTED.
 * Otherwise it would see nothing new.
 */
export function hasFunction(connection: PostgresConnection, runs: RunTable): Promise<boolean> {
  return ask(
    connection,
    runs,
    `${MAY_EXECUTE} and current_setting('transaction_isolation') = 'read committed'`,
  );
}

/** Whether it is there, and this role may execute it. */
export function mayExecuteFunction(connection: PostgresConnection, runs: RunTable): Promise<boolean> {
  return ask(connection, runs, MAY_EXECUTE);
}

/** Whether it is there, even if this role may not execute it. */
export function isFunctionThere(connection: PostgresConnection, runs: RunTable): Promise<boolean> {
  return ask(connection, runs, 'to_regprocedure($1::text) is not null');
}

async function ask(
  connection: PostgresConnection,
  { isTrue }: RunTable,
  condition: string,
): Promise<boolean> {
  const [row] = await connection.query(`select ${condition} as has`, [`${isTrue}(${IS_TRUE_PARAMETERS})`]);
  return (row as { readonly has: boolean } | undefined)?.has === true;
}

const MAY_EXECUTE = "has_function_privilege(to_regprocedure($1::text), 'execute') is true";
