import type { BackfillRepository, ErrorClass } from '../../ports/repository.js';

/**
 * What an error of a repository means: as its `classifyError` says, else by the codes of databases and Node.js. An
 * `unknown` error may pass, or may be the fault of an instance. Only another try shows which.
 */
export function classifyError(
  repository: Pick<BackfillRepository, 'classifyError'>,
  error: unknown,
): ErrorClass | 'unknown' {
  return repository.classifyError?.(error) ?? byCode(error) ?? byCode(causeOf(error)) ?? byKind(error);
}

function byCode(error: unknown): ErrorClass | undefined {
  const { code } = (typeof error === 'object' && error !== null ? error : {}) as { readonly code?: unknown };
  if (typeof code !== 'string') return undefined;
  return RULES.find(([pattern]) => pattern.test(code))?.[1];
}

/** For an error without any code: a lost connection, a bug in the program, or unknown. */
function byKind(error: unknown): ErrorClass | 'unknown' {
  if (error instanceof Error && LOST_CONNECTION.test(error.message)) return 'transient';
  const isProgram =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof SyntaxError;
  return isProgram ? 'systemic' : 'unknown';
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

// Messages of node-postgres 8 that come without a code (`client.js` in pg, `index.js` in pg-pool).
const LOST_CONNECTION =
  /^(Connection terminated|Client (has encountered a connection error|was closed) and is not|timeout (exceeded when|expired$)|Query read timeout)/;

/** The first match counts. */
const RULES: readonly (readonly [RegExp, ErrorClass])[] = [
  // Node.js sockets
  [/^(ECONN\w+|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH)$/, 'transient'],
  [/^(ENOSPC|EROFS|EACCES|EPERM|EDQUOT)$/, 'systemic'],
  // SQLSTATE: serialization failure, deadlock, lock not available, connection, shutdown, too many connections, and
  // time-outs of a statement, an idle transaction or an idle session
  [/^(40001|40P01|55P03|08\w{3}|57P0[1235]|53300|57014|25P0[34])$/, 'transient'],
  // SQLSTATE: bad data and violated constraints are the fault of an instance, any other class is not
  [/^(22|23)[0-9A-Z]{3}$/, 'instance'],
  [/^(?=.*\d)[0-9A-Z]{5}$/, 'systemic'],
  // MySQL and MariaDB, as their drivers name the errors
  [
    /^(PROTOCOL_\w+|ER_LOCK_DEADLOCK|ER_LOCK_WAIT_TIMEOUT|ER_CON_COUNT_ERROR|ER_SERVER_SHUTDOWN|ER_NORMAL_SHUTDOWN|ER_QUERY_TIMEOUT|ER_QUERY_INTERRUPTED|ER_CLIENT_INTERACTION_TIMEOUT|ER_CHECKREAD|ER_\w*(CONNECTION|SOCKET)_\w+)$/,
    'transient',
  ],
  [
    /^ER_(DUP_ENTRY\w*|DATA_\w+|TRUNCATED_\w+|WARN_DATA_\w+|BAD_NULL_ERROR|INVALID_JSON\w*|NO_REFERENCED_ROW\w*|CONSTRAINT_FAILED)$/,
    'instance',
  ],
  [/^ER_/, 'systemic'],
  // SQLite
  [/^SQLITE_(BUSY|LOCKED)/, 'transient'],
  [/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)/, 'instance'],
  [/^SQLITE_/, 'systemic'],
];
