import type { BackfillRepository, ErrorClass } from '../../ports/repository.js';
import { type ErrorMeaning, meaningOfCodes } from './error-codes.js';
import { isTimeOut } from './is-time-out.js';
import { endOfMessage, serverMessage } from './server-message.js';
import { errorsWithin, memberOf, textOf } from './wrapped-errors.js';

/**
 * What an error of a repository means: as its `classifyError` says, else by the codes of the error and of what it wraps.
 * - `unknown`: it may pass, or may be the fault of an instance. Another try shows which.
 * - `suspect`: another try does not help. It may be the fault of an instance.
 * - `doubtful`: another try does not help. It is the fault of an instance only if others are accepted.
 */
export function classifyError(
  repository: Pick<BackfillRepository, 'classifyError'>,
  error: unknown,
): ErrorMeaning | 'unknown' {
  const own = askRepository(repository, error);
  if (own !== undefined) return own;
  const errors = errorsWithin(error);
  if (errors.some(passesInSpiteOfCode)) return 'transient';
  for (const wrapped of errors) {
    const meaning = meaningOfCodes(wrapped);
    if (meaning !== undefined) return meaning === 'time-out' ? 'transient' : meaning;
  }
  if (errors.some(isLostConnection) || isTimeOut(error)) return 'transient';
  return isOfProgram(error) ? 'doubtful' : 'unknown';
}

/** What the repository answers counts only if it is a word that there is. */
function askRepository(
  repository: Pick<BackfillRepository, 'classifyError'>,
  error: unknown,
): ErrorClass | undefined {
  try {
    const answer: unknown = repository.classifyError?.(error);
    return CLASSES.find((known) => known === answer);
  } catch {
    return undefined; // the error that it was asked about says more than its own
  }
}

const CLASSES: readonly ErrorClass[] = ['transient', 'instance', 'systemic'];

/**
 * PostgreSQL gives a stale plan the code 0A000, as if it were for good. It passes once the statement is prepared again.
 * tedious says of some refused logins, whose code is ELOGIN, that they pass.
 */
function passesInSpiteOfCode(error: object): boolean {
  return (
    memberOf(error, 'isTransient') === true ||
    textOf(error, 'routine') === 'RevalidateCachedQuery' ||
    STALE_PLAN.test(serverMessage(error))
  );
}

/** For drivers that do not tell the routine. Other languages have other words. */
const STALE_PLAN = /^cached plan must not change result type/;

/** Without any code: told by the words of a driver or a pool. */
function isLostConnection(error: object): boolean {
  return LOST_CONNECTION.test(endOfMessage(error)) || WAITED_IN_VAIN.test(textOf(error, 'name'));
}

// node-postgres 8 (`client.js` in pg, `index.js` in pg-pool), mysql2 3 (`connection.js`, `pool.js`), then undici's fetch.
const LOST_CONNECTION =
  /^(Connection terminated|Client (has encountered a connection error|was closed) and is not|timeout (exceeded when|expired$)|Can't (add new command when|write in) c|No connections available|Queue limit reached|(fetch failed|terminated)$)/;

// Pools of Knex, Sequelize, tarn and sequelize-pool.
const WAITED_IN_VAIN = /^(Knex|Resource)?TimeoutError$|^Sequelize(Connection\w*|Host\w+|Timeout)Error$/;

/** Not a SyntaxError: a driver gets one when a gateway answers with a page instead of JSON. */
function isOfProgram(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError;
}
