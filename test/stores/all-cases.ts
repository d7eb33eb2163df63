import { commitCases } from './cases/commit-cases.js';
import { errorCases } from './cases/error-cases.js';
import { pageCases } from './cases/page-cases.js';
import { recordCases } from './cases/record-cases.js';
import { runCases } from './cases/run-cases.js';
import { transactionCases } from './cases/transaction-cases.js';
import type { SqlHost } from './sql-host.js';

/** What holds in every database. */
export function allCases(host: SqlHost): void {
  pageCases(host);
  commitCases(host);
  errorCases(host);
  recordCases(host);
  transactionCases(host);
  runCases(host);
}
