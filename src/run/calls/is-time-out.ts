import { reasonOf } from './reason-of.js';

// PostgreSQL statement_timeout and lock_timeout; MySQL and MariaDB max_execution_time, max_statement_time and lock wait
// (names and numbers); mssql ETIMEOUT; Prisma P2028 (a transaction that took too long).
const CODES: ReadonlySet<unknown> = new Set([
  '57014',
  '55P03',
  'ER_QUERY_TIMEOUT',
  'ER_STATEMENT_TIMEOUT',
  'ER_LOCK_WAIT_TIMEOUT',
  3024,
  1969,
  1205,
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ETIMEOUT',
  'P2028',
]);

// What node-postgres says of its own query_timeout, without a code.
const MESSAGE = /^Query read timeout/;

/** Whether a statement took too long, so that a smaller batch may get through. Looks at wrapped errors, too. */
export function isTimeOut(error: unknown): boolean {
  for (
    let [inner, level] = [error, 0];
    typeof inner === 'object' && inner !== null && level < 5;
    level += 1
  ) {
    const { code, errno, cause, original, driverError } = inner as Record<string, unknown>;
    if (CODES.has(code) || CODES.has(errno) || MESSAGE.test(reasonOf(inner))) return true;
    inner = (cause ?? original ?? driverError) as object;
  }
  return false;
}
