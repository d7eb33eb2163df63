import type { BackfillRepository, ErrorClass } from '../ports/repository.js';

/**
 * What an error of a repository means, by its own word or by the codes that databases and Node.js use. `unknown` may
 * pass, or be an instance's fault: only trying again tells.
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

/** An error without any code: the program's own, or one that says nothing about itself. */
function byKind(error: unknown): ErrorClass | 'unknown' {
  const isProgram =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof SyntaxError;
  return isProgram ? 'systemic' : 'unknown';
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** The first match counts. */
const RULES: readonly (readonly [RegExp, ErrorClass])[] = [
  // Node.js sockets
  [/^(ECONN\w+|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH)$/, 'transient'],
  [/^(ENOSPC|EROFS|EACCES|EPERM|EDQUOT)$/, 'systemic'],
  // SQLSTATE: serialization failure, deadlock, lock not available, connection, shutdown, too many connections
  [/^(40001|40P01|55P03|08\w{3}|57P0[123]|53300)$/, 'transient'],
  // SQLSTATE: bad data and violated constraints are an instance's fault, any other class is not
  [/^(22|23)[0-9A-Z]{3}$/, 'instance'],
  [/^(?=.*\d)[0-9A-Z]{5}$/, 'systemic'],
  // MySQL and MariaDB, by the driver's names
  [
    /^(PROTOCOL_\w+|ER_LOCK_DEADLOCK|ER_LOCK_WAIT_TIMEOUT|ER_CON_COUNT_ERROR|ER_SERVER_SHUTDOWN|ER_CHECKREAD)$/,
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
