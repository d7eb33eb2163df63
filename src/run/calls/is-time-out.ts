import { meaningOfCodes } from './error-codes.js';
import { endOfMessage } from './server-message.js';
import { errorsWithin, memberOf, textOf } from './wrapped-errors.js';

/** Whether a statement took too long, so that a smaller batch may get through. Looks at wrapped errors, too. */
export function isTimeOut(error: unknown): boolean {
  return errorsWithin(error).some(
    (wrapped) =>
      meaningOfCodes(wrapped) === 'time-out' ||
      MESSAGE.test(endOfMessage(wrapped)) ||
      isAbortedByTimer(wrapped),
  );
}

// Without a code: query_timeout of node-postgres, and timeout() of Knex.
const MESSAGE = /^(Query read timeout|Defined query timeout of )/;

/** What `AbortSignal.timeout()` gives to HTTP drivers. Its code is that of DOMException. */
function isAbortedByTimer(error: object): boolean {
  return textOf(error, 'name') === 'TimeoutError' && memberOf(error, 'code') === 23;
}
