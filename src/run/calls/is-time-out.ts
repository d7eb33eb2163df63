import { serverMessage } from './server-message.js';
import { errorsWithin, memberOf } from './wrapped-errors.js';

// PostgreSQL statement_timeout; MySQL max_execution_time and MariaDB max_statement_time (names and numbers); mysql2; mssql;
// Prisma (a transaction that took too long). A wait for a lock is no such time-out: it says nothing about the size.
const CODES: ReadonlySet<unknown> = new Set([
  '57014',
  'ER_QUERY_TIMEOUT',
  'ER_STATEMENT_TIMEOUT',
  3024,
  1969,
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ETIMEOUT',
  'P2028',
]);

// What node-postgres says of its own query_timeout, without a code.
const MESSAGE = /^Query read timeout/;

/** Whether a statement took too long, so that a smaller batch may get through. Looks at wrapped errors, too. */
export function isTimeOut(error: unknown): boolean {
  return errorsWithin(error).some(
    (wrapped) =>
      CODES.has(memberOf(wrapped, 'code')) ||
      CODES.has(memberOf(wrapped, 'errno')) ||
      MESSAGE.test(serverMessage(wrapped)),
  );
}
