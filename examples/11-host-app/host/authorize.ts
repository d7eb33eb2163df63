import type { Authorize } from '../operator/ports.js';
import { SALARIES } from './seed.js';

/**
 * Who may do what. A real host looks up the session of the request. In this one, everybody is Anna, who may do anything but see the
 * salaries.
 */
export const authorize: Authorize = (_request, { processModelId }) =>
  processModelId === SALARIES ? null : { name: 'Anna' };
