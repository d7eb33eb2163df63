import { meaningOfCodes } from './error-codes.js';
import { serverMessage } from './server-message.js';
import { errorsWithin } from './wrapped-errors.js';

/** Whether a statement took too long, so that a smaller batch may get through. Looks at wrapped errors, too. */
export function isTimeOut(error: unknown): boolean {
  return errorsWithin(error).some(
    (wrapped) => meaningOfCodes(wrapped) === 'time-out' || MESSAGE.test(serverMessage(wrapped)),
  );
}

// Without a code: query_timeout of node-postgres, and timeout() of Knex.
const MESSAGE = /^(Query read timeout|Defined query timeout of )/;
